#include "engine/ring/timer_wheel.h"

#include <algorithm>
#include <bit>

#include "protocol/check.h"

namespace sallyport::ring {

// Level l holds timers that differ from now in the l-th group of six bits and in none above: they
// all stand in slots ahead of now's own. Only the top level wraps, so now's own slot there is the
// farthest one. The lowest level that holds anything therefore holds the earliest timer.

TimerWheel::TimerWheel(std::uint32_t capacity, std::uint64_t now_ms)
    : nodes_(capacity), now_ms_(now_ms) {
  CHECK(capacity < kNone);
  std::ranges::fill(heads_, kNone);
}

void TimerWheel::schedule(std::uint32_t index, std::uint64_t at_ms) noexcept {
  unlink(index);
  nodes_[index].at_ms = at_ms;
  place(index);
}

void TimerWheel::cancel(std::uint32_t index) noexcept { unlink(index); }

bool TimerWheel::scheduled(std::uint32_t index) const noexcept {
  return nodes_[index].list != kUnscheduled;
}

std::optional<std::uint64_t> TimerWheel::next_deadline_ms() const noexcept {
  if (heads_[kDueList] != kNone) return now_ms_;
  const std::optional<NextSlot> next = next_slot();
  if (!next) return std::nullopt;
  return next->starts_ms;
}

std::optional<TimerWheel::NextSlot> TimerWheel::next_slot() const noexcept {
  for (unsigned level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    const unsigned shift = level * kSlotBits;
    const auto here = static_cast<unsigned>(now_ms_ >> shift) & (kSlots - 1);
    // Slots in the order in which time reaches them: here + 1 first, here itself last.
    const std::uint64_t ahead = std::rotr(occupied_[level], static_cast<int>((here + 1) % kSlots));
    const auto distance = static_cast<std::uint64_t>(std::countr_zero(ahead)) + 1;
    const std::uint64_t starts_ms = ((now_ms_ >> shift) + distance) << shift;
    const auto slot = static_cast<unsigned>(here + distance) & (kSlots - 1);
    return NextSlot{.list = static_cast<std::uint16_t>(level * kSlots + slot),
                    .starts_ms = starts_ms};
  }
  return std::nullopt;
}

void TimerWheel::begin_advance(std::uint64_t now_ms) noexcept {
  for (;;) {
    const std::optional<NextSlot> next = next_slot();
    if (!next || next->starts_ms > now_ms) break;
    now_ms_ = next->starts_ms;
    // Each timer of the slot is due now or belongs to a lower level; one that lies farther than the
    // wheel reaches may come back to this very slot, so the list is taken off first.
    std::uint32_t index = heads_[next->list];
    heads_[next->list] = kNone;
    occupied_[next->list / kSlots] &= ~(std::uint64_t{1} << (next->list % kSlots));
    const std::uint32_t last = nodes_[index].previous;
    for (bool more = true; more;) {
      more = index != last;
      const std::uint32_t following = nodes_[index].next;
      nodes_[index].list = kUnscheduled;
      place(index);
      index = following;
    }
  }
  now_ms_ = std::max(now_ms_, now_ms);
}

std::uint32_t TimerWheel::take_due() noexcept {
  const std::uint32_t index = heads_[kDueList];
  if (index != kNone) unlink(index);
  return index;
}

void TimerWheel::place(std::uint32_t index) noexcept {
  const std::uint64_t at_ms = std::min(nodes_[index].at_ms, now_ms_ + kMaxDelayMs);
  if (at_ms <= now_ms_) return link(index, kDueList);
  const auto highest_bit = static_cast<unsigned>(std::bit_width(at_ms ^ now_ms_)) - 1;
  const unsigned level = std::min(highest_bit / kSlotBits, kLevels - 1);
  const auto slot = static_cast<unsigned>(at_ms >> (level * kSlotBits)) & (kSlots - 1);
  occupied_[level] |= std::uint64_t{1} << slot;
  link(index, static_cast<std::uint16_t>(level * kSlots + slot));
}

void TimerWheel::link(std::uint32_t index, std::uint16_t list) noexcept {
  Node& node = nodes_[index];
  node.list = list;
  const std::uint32_t head = heads_[list];
  if (head == kNone) {
    heads_[list] = node.next = node.previous = index;
    return;
  }
  node.next = head;
  node.previous = nodes_[head].previous;
  nodes_[node.previous].next = index;
  nodes_[head].previous = index;
}

void TimerWheel::unlink(std::uint32_t index) noexcept {
  Node& node = nodes_[index];
  if (node.list == kUnscheduled) return;
  if (node.next == index) {
    heads_[node.list] = kNone;
    if (node.list != kDueList)
      occupied_[node.list / kSlots] &= ~(std::uint64_t{1} << (node.list % kSlots));
  } else {
    nodes_[node.next].previous = node.previous;
    nodes_[node.previous].next = node.next;
    if (heads_[node.list] == index) heads_[node.list] = node.next;
  }
  node.list = kUnscheduled;
}

}  // namespace sallyport::ring
