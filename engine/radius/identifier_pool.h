#pragma once
// The Identifiers of one shard towards the downstream: 256 on each source port, or 255 on each
// connection (its Identifier 0 is kept for Status-Server, RFC 6613 §2.6.5), least recently used
// first (RFC 5080 §2.2.2), so that a late reply finds its Identifier unused for as long as can be.
// One that was sent is given back by its reply or by its time-out and by nothing else. Fixed size,
// one thread.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/limits.h"
#include "protocol/radius/authenticator.h"

namespace sallyport::radius_door {

/// One place for a request in flight.
struct Channel {
  /// In the place of a source port: the request waits for a connection.
  static constexpr std::uint16_t kWaits = 0xffff;

  std::uint16_t source_port = 0;  ///< index, as Outbox counts them
  radius::Identifier identifier;
  [[nodiscard]] bool waits() const noexcept { return source_port == kWaits; }
  auto operator<=>(const Channel&) const = default;
};

class IdentifierPool {
 public:
  explicit IdentifierPool(std::uint16_t max_source_ports);

  /// Fewer than a quarter of all Identifiers are free, and one more port is allowed.
  [[nodiscard]] bool wants_port() const noexcept;
  void add_port() noexcept;
  [[nodiscard]] std::uint16_t ports() const noexcept { return open_ports_; }

  /// Of a link of connections, in the place of add_port: the connection of this number is open.
  void open_port(std::uint16_t port) noexcept;
  /// Slots of one port that were in flight.
  struct Released {
    std::array<std::uint32_t, limits::kIdentifiersPerSourcePort> slots;
    std::size_t count = 0;
  };
  /// It is gone, and all of its Identifiers with it, those in flight and those reserved as well.
  void close_port(std::uint16_t port, Released& released) noexcept;

  /// The channel used longest ago; empty: all are in use. It belongs to `slot` until given back.
  [[nodiscard]] std::optional<Channel> take(std::uint32_t slot, std::uint64_t now_ms) noexcept;
  /// Never sent on: it is the next one taken.
  void give_back_unused(Channel channel) noexcept;
  /// Its reply came, or its time is out: it is the last one taken.
  void give_back(Channel channel) noexcept;
  /// Its exchange is gone, but the reply may still come: nobody gets the channel before `until_ms`.
  void reserve(Channel channel, std::uint64_t until_ms) noexcept;

  /// Whose request is in flight on it; empty: nobody's.
  [[nodiscard]] std::optional<std::uint32_t> owner(Channel channel) const noexcept;
  /// Calls each(slot) for all that is in flight.
  template <typename Each>
  void for_each_owner(Each&& each) const {
    for (std::size_t channel = 0; channel < std::size_t{ports_} << 8; ++channel)
      if (owners_[channel] < kReserved) each(owners_[channel]);
  }
  [[nodiscard]] std::uint32_t in_flight() const noexcept {
    return identifiers_ - free_count_ - reserved_count_;
  }
  [[nodiscard]] std::uint32_t free_count() const noexcept { return free_count_; }
  [[nodiscard]] std::uint32_t reserved_count() const noexcept { return reserved_count_; }

 private:
  static constexpr std::uint32_t kFree = 0xffff'ffff;
  static constexpr std::uint32_t kReserved = 0xffff'fffe;
  static_assert(limits::kMaxExchangesPerShard + limits::kMaxDownstreamLinks < kReserved);
  static_assert(limits::kMaxSourcePortsPerShard * limits::kIdentifiersPerSourcePort <= 0x1'0000,
                "a channel fits 16 bits");

  struct Reservation {
    std::uint16_t channel = 0;
    std::uint64_t until_ms = 0;
  };

  [[nodiscard]] static std::uint16_t index_of(Channel channel) noexcept;
  void end_reservations(std::uint64_t now_ms) noexcept;
  void push_back(std::uint16_t channel) noexcept;
  void push_front(std::uint16_t channel) noexcept;

  const std::uint16_t max_ports_;
  std::uint16_t ports_ = 0;  ///< one more than the highest number so far
  std::uint16_t open_ports_ = 0;
  std::uint32_t identifiers_ = 0;      ///< of all open ports
  std::vector<std::uint32_t> owners_;  ///< slot, kFree or kReserved
  std::vector<std::uint16_t> free_;    ///< ring: head_ is the next one taken
  std::uint32_t mask_;
  std::uint32_t head_ = 0;
  std::uint32_t free_count_ = 0;
  std::vector<Reservation> reserved_;  ///< ring, oldest first
  std::uint32_t reserved_head_ = 0;
  std::uint32_t reserved_count_ = 0;
};

}  // namespace sallyport::radius_door
