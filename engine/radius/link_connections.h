#pragma once
// The connections of one shard to one server over TLS: which of them are there, when another is
// begun, which one is asked for a sign of life, and which is given up. Pure: time and randomness
// are handed in. One thread.
//
// One connection is always wanted, more as the load asks for them. They are begun one at a time.
// One that has failed, or has ended before the server proved anything on it, doubles the wait
// before the next attempt; the first authentic packet begins anew. The watchdog is that of RFC 3539
// §3.4.1: whoever has said nothing for an interval is asked, and given up after another one.

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/config/downstream.h"
#include "protocol/radius/authenticator.h"
#include "protocol/radius/codes.h"
#include "protocol/radius/packet.h"

namespace sallyport::radius_door {

enum class ConnectionState : std::uint8_t { closed, connecting, open };

struct WatchdogRules {
  /// automatic: silence upon a Status-Server counts once the server has answered one.
  config::StatusServer status_server = config::StatusServer::automatic;
  std::uint32_t interval_ms = 6'000;
};

class LinkConnections {
 public:
  static constexpr std::uint32_t kFirstRetryMs = 500;
  static constexpr std::uint32_t kMaxRetryMs = 60'000;
  static constexpr std::uint32_t kOpenWithinMs = 5'000;  ///< connected, handshake included
  /// Requests are there and nothing at all is heard for so many intervals: it is dead, whether the
  /// server answers Status-Server or not.
  static constexpr std::uint32_t kSilentIntervals = 3;

  /// `most`: connections at once, numbered 0..most-1.
  explicit LinkConnections(std::uint16_t most) : all_(most) {}

  void set_rules(const WatchdogRules& rules) noexcept { rules_ = rules; }
  /// Whether the server is one of the settings in force: else nothing is begun any more.
  void keep(bool wanted) noexcept { kept_ = wanted; }
  [[nodiscard]] bool kept() const noexcept { return kept_; }
  /// The load wants one more than there are. Nothing follows while one is being begun.
  void want_more() noexcept;

  [[nodiscard]] ConnectionState state(std::uint16_t number) const noexcept {
    return all_[number].state;
  }
  [[nodiscard]] bool any_open() const noexcept { return open_ > 0; }
  [[nodiscard]] std::uint16_t open() const noexcept { return open_; }
  [[nodiscard]] std::uint16_t most() const noexcept {
    return static_cast<std::uint16_t>(all_.size());
  }
  [[nodiscard]] radius::Version version(std::uint16_t number) const noexcept {
    return all_[number].version;
  }

  /// So soon after it was begun, no server ends a connection because nobody uses it.
  [[nodiscard]] bool is_new(std::uint16_t number, std::uint64_t now_ms) const noexcept {
    return now_ms < all_[number].begun_ms + kOpenWithinMs;
  }

  /// The connection that is to be begun now.
  [[nodiscard]] std::optional<std::uint16_t> next_to_begin(std::uint64_t now_ms) const noexcept;
  void begun(std::uint16_t number, std::uint64_t now_ms) noexcept;
  /// `dice`: random, spreads watchdogs by ±10 %.
  void opened(std::uint16_t number, radius::Version version, std::uint64_t now_ms,
              std::uint16_t dice) noexcept;
  /// It could not be opened, or is gone. True: the server has proved nothing on it.
  [[nodiscard]] bool ended(std::uint16_t number, std::uint64_t now_ms, std::uint16_t dice) noexcept;

  // Of an open one.
  void sent(std::uint16_t number, std::uint64_t now_ms) noexcept;
  /// An authentic packet has come.
  void heard(std::uint16_t number, std::uint64_t now_ms) noexcept;
  void status_answered(std::uint16_t number, std::uint64_t now_ms) noexcept;
  /// A sign of life is wanted soon: within a second.
  void ask_soon(std::uint16_t number, std::uint64_t now_ms, std::uint32_t within_ms) noexcept;

  enum class Due : std::uint8_t {
    nothing,
    ask,     ///< a Status-Server is to be sent
    silent,  ///< give it up: nothing is heard
    slow,    ///< give it up: it was not open in time
  };
  [[nodiscard]] Due due(std::uint16_t number, std::uint64_t now_ms) noexcept;
  /// The Status-Server is on its way. `authenticator`: of that packet.
  void asked(std::uint16_t number, const radius::Authenticator& authenticator, std::uint64_t now_ms,
             std::uint16_t dice) noexcept;
  /// Of the Status-Server that waits for its answer; null: none does.
  [[nodiscard]] const radius::Authenticator* question(std::uint16_t number) const noexcept {
    return all_[number].asked ? &all_[number].question : nullptr;
  }
  /// When due() or next_to_begin() must be asked next; empty: nothing is waited for.
  [[nodiscard]] std::optional<std::uint64_t> next_ms() const noexcept;

  /// A Token (RFC 9765 §4.2.1) for an Identifier of the pool, which is its last octet; the others
  /// count, so that one is not used again soon.
  [[nodiscard]] radius::Authenticator token(std::uint16_t number,
                                            radius::Identifier identifier) noexcept;
  [[nodiscard]] static radius::Identifier identifier_of(
      const radius::Authenticator& token) noexcept {
    return {token.octets[3]};
  }

 private:
  struct Connection {
    ConnectionState state = ConnectionState::closed;
    radius::Version version = radius::Version::v1_0;
    bool proved = false;  ///< an authentic packet has come on it
    bool asked = false;   ///< a Status-Server waits for its answer
    std::uint32_t tokens = 0;
    std::uint32_t interval_ms = 0;  ///< with its jitter
    std::uint64_t begun_ms = 0;
    std::uint64_t look_ms = 0;            ///< the watchdog's next look
    std::uint64_t unanswered_ms = kNone;  ///< first request since something was heard
    radius::Authenticator question;
  };
  static constexpr std::uint64_t kNone = 0xffff'ffff'ffff'ffff;

  [[nodiscard]] std::uint32_t jittered_interval(std::uint16_t dice) const noexcept;
  [[nodiscard]] bool silence_counts() const noexcept;
  [[nodiscard]] std::uint64_t silent_ms(const Connection& connection) const noexcept;

  WatchdogRules rules_;
  std::vector<Connection> all_;
  bool kept_ = false;
  bool answers_status_ = false;  ///< it once has
  std::uint8_t failures_ = 0;    ///< since something was proved
  std::uint16_t open_ = 0;
  std::uint16_t connecting_ = 0;  ///< 0 or 1
  std::uint16_t wanted_ = 1;
  std::uint64_t retry_ms_ = 0;
};

}  // namespace sallyport::radius_door
