#pragma once
// A heap of things to do later. Nothing is ever taken out early: whoever handles an entry checks
// that it still means something. So 100,000 held requests cost 100,000 small entries, no more.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace sallyport::lab {

template <typename Event>
class Timers {
 public:
  void add(std::uint64_t due_ms, Event event) {
    heap_.push_back({due_ms, order_++, std::move(event)});
    std::ranges::push_heap(heap_, later);
  }
  [[nodiscard]] std::optional<std::uint64_t> next_due_ms() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.front().due_ms;
  }
  /// The earliest event that is due, in the order they were added where two are due together.
  [[nodiscard]] std::optional<Event> take_due(std::uint64_t now_ms) {
    if (heap_.empty() || heap_.front().due_ms > now_ms) return std::nullopt;
    std::ranges::pop_heap(heap_, later);
    std::optional<Event> event(std::move(heap_.back().event));
    heap_.pop_back();
    return event;
  }

 private:
  struct Entry {
    std::uint64_t due_ms;
    std::uint64_t order;
    Event event;
  };
  static bool later(const Entry& a, const Entry& b) {
    return a.due_ms != b.due_ms ? a.due_ms > b.due_ms : a.order > b.order;
  }
  std::vector<Entry> heap_;
  std::uint64_t order_ = 0;
};

}  // namespace sallyport::lab
