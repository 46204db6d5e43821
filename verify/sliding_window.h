#pragma once
// How much happened lately: counts the events of a sliding window in little memory. One owner.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "protocol/check.h"
#include "verify/rate.h"

namespace sallyport::verify {

/// A sliding window of one rate. Up to kSlices events each is remembered with its time; beyond,
/// those of one slice share a mark with the time of the last, so they count up to a 32nd of the
/// window longer. Never are there more than `count` in a window, nor more marks than kSlices + 1.
class SlidingWindow {
 public:
  static constexpr std::uint32_t kSlices = 32;

  [[nodiscard]] bool has_room(const Rate& rate, std::uint64_t now_ms) {
    const auto gone = std::ranges::find_if(
        marks_, [&](const Mark& mark) { return mark.last_ms + rate.window_ms > now_ms; });
    for (auto mark = marks_.begin(); mark != gone; ++mark) counted_ -= mark->count;
    marks_.erase(marks_.begin(), gone);
    return counted_ < rate.count;
  }

  void count(const Rate& rate, std::uint64_t now_ms) {
    CHECK(rate.window_ms > 0);
    const std::uint64_t slice_ms =
        rate.count <= kSlices ? 1 : (std::uint64_t{rate.window_ms} + kSlices - 1) / kSlices;
    ++counted_;
    if (!marks_.empty()) {
      Mark& last = marks_.back();
      // A clock that went back changes nothing: what was counted is as late as it was.
      now_ms = std::max(now_ms, last.last_ms);
      if (last.last_ms / slice_ms == now_ms / slice_ms) {
        last.last_ms = now_ms;
        ++last.count;
        return;
      }
    }
    if (marks_.size() == marks_.capacity())
      marks_.reserve(std::min<std::size_t>(2 * marks_.size() + 1, kSlices + 2));
    marks_.push_back({.last_ms = now_ms, .count = 1});
  }

 private:
  /// What was counted within one slice of the window.
  struct Mark {
    std::uint64_t last_ms;
    std::uint32_t count;
  };

  std::vector<Mark> marks_;  ///< oldest first
  std::uint32_t counted_ = 0;
};

}  // namespace sallyport::verify
