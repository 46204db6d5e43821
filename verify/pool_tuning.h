#pragma once
// The pool's inner times and bounds. Not for users: the defaults are the product, tests shorten
// them.

#include <cstdint>

#include "verify/notakey/poll_pace.h"

namespace sallyport::verify {

struct PoolTuning {
  notakey::PollPaceSettings poll;
  /// A verification that nobody waits for lives this long: a client's retry joins it.
  std::uint32_t release_grace_ms = 5'000;
  /// A server that holds a poll is waited for this much longer than for other calls.
  std::uint32_t hold_ms = 30'000;
  std::uint32_t health_ms = 10'000;
  std::uint32_t max_health_ms = 160'000;
  /// An answer that the sink did not take is offered again after this.
  std::uint32_t redeliver_ms = 2;
  /// Questions and releases on their way to one thread; a power of two.
  std::uint32_t inbox = 16'384;
  /// Creates on their way at once. More wait in line: there they cost nothing, and a service that
  /// is slow to take them is not helped by more. Polls are not held back: a server may keep them.
  std::uint32_t max_creates = 4'096;
  /// Calls at once on one of libcurl's multi handles (lane.h).
  std::uint32_t calls_per_lane = 6'400;
};

}  // namespace sallyport::verify
