#pragma once
// Whether a downstream server answers, as one shard sees it: by its replies, by their absence, by
// ICMP, and by Status-Server (RFC 5997). Pure: time is handed in. One thread.
//
//   up        it answers
//   suspect   something was not answered, and nothing has been since: others are asked first
//   down      three times so, at least a second apart; it is up again after three good answers
//
// A state says who is asked first, never who is asked at all: while every server is down, requests
// still go to one.

#include <cstdint>
#include <optional>

#include "engine/config/downstream.h"

namespace sallyport::radius_door {

enum class ServerState : std::uint8_t { up, suspect, down };
inline constexpr std::size_t kServerStates = 3;
[[nodiscard]] const char* to_text(ServerState state) noexcept;

/// What took a server out last.
enum class ServerReason : std::uint8_t {
  none,         ///< nothing has yet
  no_reply,     ///< a request was not answered in time
  unreachable,  ///< ICMP says that nobody listens there, or that there is no way
  no_status,    ///< a Status-Server was not answered
  // Of a connection over TLS.
  refused,      ///< nobody listens there
  timed_out,    ///< it was not open in time
  handshake,    ///< no TLS, or nothing that both know; or the server refused our certificate
  untrusted,    ///< nobody of ca_file has signed the server's certificate
  expired,      ///< it is not valid now
  wrong_name,   ///< it is for another name
  certificate,  ///< something else is wrong with it
  closed,       ///< ended by the server
  broken,       ///< reset, or TLS broke off
  stalled,      ///< the server takes none of our requests
  malformed,    ///< octets that are no packet (RFC 6613 §2.6.4)
  bad_reply,    ///< a reply whose authenticators are wrong
};
inline constexpr std::size_t kServerReasons = 16;
[[nodiscard]] const char* to_text(ServerReason reason) noexcept;

struct HealthRules {
  config::StatusServer status_server = config::StatusServer::automatic;
  std::uint32_t probe_interval_ms = 6'000;  ///< RFC 3539 §3.4.1: no shorter one by itself
  std::uint32_t retry_ms =
      30'000;  ///< a server down that answers no Status-Server is tried so often
  std::uint32_t slow_start_ms = 0;  ///< 0: its whole share at once
};

class ServerHealth {
 public:
  /// Evidence within this time of the last one is the same evidence.
  static constexpr std::uint32_t kApartMs = 1'000;
  static constexpr std::uint8_t kDownAfter = 3;  ///< pieces of evidence
  static constexpr std::uint8_t kUpAfter = 3;    ///< answers of a server that is down
  static constexpr std::uint32_t kWhole = 0x1'0000;

  explicit ServerHealth(const HealthRules& rules) noexcept : rules_(rules) {}
  /// After a reload; what is known of the server stays.
  void set_rules(const HealthRules& rules) noexcept { rules_ = rules; }

  // What was seen. True: it has left `up`.
  void replied(std::uint64_t now_ms) noexcept;          ///< an authentic reply to a request
  void status_answered(std::uint64_t now_ms) noexcept;  ///< an authentic reply to a Status-Server
  /// A request that was sent at `sent_ms` should have been answered by now.
  bool unanswered(std::uint64_t sent_ms, std::uint64_t now_ms) noexcept;
  bool unreachable(std::uint64_t now_ms) noexcept;
  /// A connection could not be had, or was of no use.
  bool connection_failed(ServerReason reason, std::uint64_t now_ms) noexcept;

  [[nodiscard]] ServerState state() const noexcept { return state_; }
  [[nodiscard]] ServerReason reason() const noexcept { return reason_; }
  /// Of 65,536 requests how many it takes: slow start after it was down. Only counts while it is
  /// up.
  [[nodiscard]] std::uint32_t share(std::uint64_t now_ms) const noexcept;
  /// Not up, and nothing but a request can tell whether it is back: the next one may go there.
  [[nodiscard]] bool wants_trial(std::uint64_t now_ms) const noexcept;
  void begin_trial(std::uint64_t now_ms) noexcept { last_trial_ms_ = now_ms; }

  /// When probe_due must be asked next; empty: no Status-Server is called for.
  [[nodiscard]] std::optional<std::uint64_t> next_probe_ms() const noexcept;
  /// Whether a Status-Server is to be sent now. One that has had no answer by then counts as not
  /// answered. `dice`: random, spreads probes by ±10 %. `left_up`: set when that took it out.
  [[nodiscard]] bool probe_due(std::uint64_t now_ms, std::uint16_t dice, bool& left_up) noexcept;

 private:
  bool evidence(ServerReason reason, std::uint64_t now_ms) noexcept;
  void good_answer(std::uint64_t now_ms) noexcept;
  [[nodiscard]] bool status_tells() const noexcept;

  HealthRules rules_;
  ServerState state_ = ServerState::up;
  ServerReason reason_ = ServerReason::none;
  std::uint8_t evidence_ = 0;
  std::uint8_t good_answers_ = 0;  ///< while down
  bool answers_status_ = false;    ///< it once has
  bool probe_out_ = false;
  std::uint64_t last_reply_ms_ = 0;
  std::uint64_t last_evidence_ms_ = 0;
  std::uint64_t last_trial_ms_ = 0;
  std::uint64_t next_probe_ms_ = 0;
  std::uint64_t back_since_ms_ = 0;  ///< 0: was never down
};

}  // namespace sallyport::radius_door
