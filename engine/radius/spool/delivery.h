#pragma once
// Which record of the spool goes to the accounting server when. Records of one session go one after
// the other, sessions side by side within a window; what is not acknowledged is sent again as RFC
// 5080 §2.2.1 has it: the same octets some times, then anew under another Identifier, for ever.
// Pure: it knows records by number and is handed the time. One thread.

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/random.h"

namespace sallyport::radius_door {

/// A socket and an Identifier on it: number / 256 and number % 256.
struct DeliveryChannel {
  std::uint32_t number = 0;
  [[nodiscard]] std::uint32_t socket() const noexcept { return number / 256; }
  [[nodiscard]] std::uint8_t identifier() const noexcept {
    return static_cast<std::uint8_t>(number % 256);
  }
};

class Delivery {
 public:
  struct Departure {
    std::uint64_t record;
    DeliveryChannel channel;
  };
  /// Sent so often with the same octets: after 0, 1, 3 and 7 times the first interval; the next
  /// round begins after 15.
  static constexpr std::uint32_t kSendsOfRound = 4;

  /// `sockets` × 256 records are on their way at most. `random` outlives it.
  Delivery(std::uint32_t sockets, std::uint32_t retransmit_ms, RandomSource& random);

  /// A record that waits; numbers grow within a session.
  void add(std::uint64_t record, std::uint64_t session);
  /// The next record that may leave now, under a channel that nobody waits on; empty: none.
  [[nodiscard]] std::optional<Departure> next(std::uint64_t now_ms);
  /// A channel whose octets are to be sent again now; empty: none.
  [[nodiscard]] std::optional<DeliveryChannel> repeat(std::uint64_t now_ms);
  /// An authentic acknowledgement came: the record, which is done with; empty: nobody waits there.
  [[nodiscard]] std::optional<std::uint64_t> acknowledged(DeliveryChannel channel,
                                                          std::uint64_t now_ms);
  /// Whether a record is on its way on this channel.
  [[nodiscard]] bool waits_on(DeliveryChannel channel) const noexcept;
  /// The record on its way cannot be sent: it is left out from now on, with its session's others
  /// after it going on.
  void give_up(DeliveryChannel channel);
  /// All that are on their way are sent anew: the server has changed.
  void restart(std::uint32_t retransmit_ms);

  /// When repeat() has something next; empty: nothing is on its way.
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_ms() const noexcept;
  [[nodiscard]] std::uint64_t waiting() const noexcept { return waiting_; }  ///< all not done with
  [[nodiscard]] std::uint32_t under_way() const noexcept {
    return static_cast<std::uint32_t>(deadlines_.size());
  }
  /// Nothing was acknowledged while a record was tried in a whole round, nor since.
  [[nodiscard]] bool silent() const noexcept { return silent_; }
  /// So often a record was not acknowledged in a whole round.
  [[nodiscard]] std::uint64_t rounds_ended() const noexcept { return rounds_ended_; }

 private:
  /// The records of one session, oldest first. Not a deque: most hold one or two.
  struct Line {
    std::vector<std::uint64_t> records;
    std::size_t first = 0;
  };
  struct Slot {
    std::uint64_t record = 0;
    std::uint64_t session = 0;
    std::uint64_t began_ms = 0;
    std::uint64_t deadline_ms = 0;
    std::uint32_t interval_ms = 0;
    std::uint32_t sends = 0;  ///< 0: nothing is on its way here
    bool probe = false;       ///< sent while the server was silent
  };

  void schedule(std::uint32_t channel, std::uint64_t now_ms);
  void release(std::uint32_t channel);
  void end_round(std::uint32_t channel);
  void move_on(std::uint64_t session);
  [[nodiscard]] std::uint32_t jittered_ms(std::uint32_t interval_ms,
                                          std::uint32_t spread_ms) noexcept;

  std::uint32_t retransmit_ms_;
  RandomSource& random_;
  std::vector<Slot> slots_;         ///< by channel
  std::deque<std::uint32_t> free_;  ///< channels, least recently used first
  std::unordered_map<std::uint64_t, Line> lines_;
  std::deque<std::uint64_t> ready_;  ///< sessions whose first record may leave
  std::set<std::pair<std::uint64_t, std::uint32_t>> deadlines_;  ///< and the channel
  std::uint64_t waiting_ = 0;
  std::uint64_t rounds_ended_ = 0;
  std::uint64_t acknowledged_ms_ = 0;
  bool silent_ = false;
  /// Records that may be on their way. One while the server is silent, one more with each
  /// acknowledgement: so it doubles with each round trip.
  std::uint32_t window_;
};

}  // namespace sallyport::radius_door
