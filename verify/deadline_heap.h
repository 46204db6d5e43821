#pragma once
// One timer for each index, earliest first: a binary heap that knows where each index stands, so
// that re-scheduling is O(log n) and leaves nothing behind. Pure: time is handed in. One thread.

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace sallyport::verify {

class DeadlineHeap {
 public:
  /// Schedules or re-schedules. UINT64_MAX: never.
  void schedule(std::uint32_t index, std::uint64_t at_ms) {
    if (index >= places_.size()) places_.resize(index + 1, kNowhere);
    if (at_ms == UINT64_MAX) return cancel(index);
    if (places_[index] == kNowhere) {
      places_[index] = static_cast<std::uint32_t>(heap_.size());
      heap_.push_back({at_ms, index});
    } else {
      heap_[places_[index]].at_ms = at_ms;
    }
    sift_down(sift_up(places_[index]));
  }

  void cancel(std::uint32_t index) {
    if (index >= places_.size() || places_[index] == kNowhere) return;
    const std::uint32_t hole = std::exchange(places_[index], kNowhere);
    const Entry last = heap_.back();
    heap_.pop_back();
    if (last.index == index) return;
    put(hole, last);
    sift_down(sift_up(hole));
  }

  /// Takes one due index out; none: nothing is due.
  [[nodiscard]] std::optional<std::uint32_t> take_due(std::uint64_t now_ms) {
    if (heap_.empty() || heap_.front().at_ms > now_ms) return std::nullopt;
    const std::uint32_t index = heap_.front().index;
    cancel(index);
    return index;
  }

  [[nodiscard]] std::optional<std::uint64_t> next_ms() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.front().at_ms;
  }

 private:
  struct Entry {
    std::uint64_t at_ms;
    std::uint32_t index;
  };
  static constexpr std::uint32_t kNowhere = 0xffff'ffff;

  void put(std::uint32_t place, Entry entry) {
    heap_[place] = entry;
    places_[entry.index] = place;
  }

  std::uint32_t sift_up(std::uint32_t place) {
    const Entry entry = heap_[place];
    while (place > 0 && heap_[(place - 1) / 2].at_ms > entry.at_ms) {
      put(place, heap_[(place - 1) / 2]);
      place = (place - 1) / 2;
    }
    put(place, entry);
    return place;
  }

  void sift_down(std::uint32_t place) {
    const Entry entry = heap_[place];
    for (;;) {
      std::size_t child = 2 * std::size_t{place} + 1;
      if (child >= heap_.size()) break;
      if (child + 1 < heap_.size() && heap_[child + 1].at_ms < heap_[child].at_ms) ++child;
      if (heap_[child].at_ms >= entry.at_ms) break;
      put(place, heap_[child]);
      place = static_cast<std::uint32_t>(child);
    }
    put(place, entry);
  }

  std::vector<Entry> heap_;
  std::vector<std::uint32_t> places_;  ///< by index
};

}  // namespace sallyport::verify
