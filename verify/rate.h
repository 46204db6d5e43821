#pragma once
// A rate as it is configured: so many in a time. A plain value.

#include <cstdint>

namespace sallyport::verify {

/// At most `count` in any `window_ms`, which is at least 1. count 0: no limit. Beyond 32, an event
/// may count up to a 32nd of the window longer, so that a window of any count takes little memory.
struct Rate {
  std::uint32_t count = 0;
  std::uint32_t window_ms = 60'000;
  bool operator==(const Rate&) const = default;
};

}  // namespace sallyport::verify
