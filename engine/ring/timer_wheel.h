#pragma once
// A hierarchical timer wheel over slot indexes: O(1) to schedule and cancel, no memory after
// construction. Pure: time is handed in. Its next deadline becomes the ring's wait time-out.

#include <cstdint>
#include <optional>
#include <vector>

namespace sallyport::ring {

/// One timer for each index 0..capacity-1. Resolution 1 ms; a timer never fires early. Farthest:
/// 2^24 ms ≈ 4.6 h.
class TimerWheel {
 public:
  static constexpr std::uint64_t kMaxDelayMs = (std::uint64_t{1} << 24) - 1;

  TimerWheel(std::uint32_t capacity, std::uint64_t now_ms);

  /// Schedules or re-schedules. A time already past fires on the next advance.
  void schedule(std::uint32_t index, std::uint64_t at_ms) noexcept;
  void cancel(std::uint32_t index) noexcept;  ///< nothing scheduled: nothing happens
  /// It will be scheduled or cancelled soon.
  void prefetch(std::uint32_t index) const noexcept { __builtin_prefetch(&nodes_[index], 1); }
  [[nodiscard]] bool scheduled(std::uint32_t index) const noexcept;

  /// Takes every due timer out, calling fire(index) for each, earlier milliseconds first. `fire`
  /// may schedule and cancel, also others; what it schedules in the past fires within the same
  /// advance.
  template <typename Fire>
  void advance(std::uint64_t now_ms, Fire&& fire) {
    begin_advance(now_ms);
    for (std::uint32_t index; (index = take_due()) != kNone;) fire(index);
  }

  /// No timer fires before this; empty when none is scheduled. May be earlier than the first timer,
  /// never later.
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_ms() const noexcept;

 private:
  static constexpr std::uint32_t kNone = 0xffff'ffff;
  static constexpr unsigned kLevels = 4;  ///< 4 × 6 bits of milliseconds
  static constexpr unsigned kSlotBits = 6;
  static constexpr unsigned kSlots = 1u << kSlotBits;

  struct Node {
    std::uint32_t next = kNone;
    std::uint32_t previous = kNone;
    std::uint64_t at_ms = 0;
    std::uint16_t list = 0xffff;  ///< level * kSlots + slot, kDueList, or kUnscheduled
  };
  static constexpr std::uint16_t kDueList = kLevels * kSlots;
  static constexpr std::uint16_t kUnscheduled = 0xffff;

  /// The occupied slot that time reaches first. A list is a ring: its head's `previous` is its
  /// last.
  struct NextSlot {
    std::uint16_t list;
    std::uint64_t starts_ms;
  };
  [[nodiscard]] std::optional<NextSlot> next_slot() const noexcept;

  void begin_advance(std::uint64_t now_ms) noexcept;
  [[nodiscard]] std::uint32_t take_due() noexcept;
  void place(std::uint32_t index) noexcept;
  void link(std::uint32_t index, std::uint16_t list) noexcept;
  void unlink(std::uint32_t index) noexcept;

  std::vector<Node> nodes_;
  std::uint32_t heads_[kLevels * kSlots + 1];
  std::uint64_t occupied_[kLevels] = {};  ///< one bit for each slot that is not empty
  std::uint64_t now_ms_;
};

}  // namespace sallyport::ring
