#pragma once
// One measurement: how fast, how long; and what came of it.

#include <cstdint>
#include <optional>
#include <vector>

#include "bench/load/tally.h"

namespace sallyport::lab {

/// What decides when a request is sent.
enum class Pace : std::uint8_t {
  rate,     ///< open loop: at a fixed rate
  window,   ///< closed loop: as soon as fewer than `window` are under way
  capture,  ///< open loop: at the times of a capture
};

struct Stage {
  Pace pace = Pace::rate;
  double rate = 0;           ///< requests a second of all threads
  std::uint32_t window = 0;  ///< requests under way of all threads
  std::uint64_t warm_up_ns = 0;
  std::uint64_t duration_ns = 0;          ///< after the warm-up
  std::optional<std::uint64_t> requests;  ///< ends it early; of all threads, with warm-up
  std::uint64_t start_ns = 0;             ///< monotonic
  [[nodiscard]] std::uint64_t measured_from_ns() const { return start_ns + warm_up_ns; }
  [[nodiscard]] std::uint64_t end_ns() const { return measured_from_ns() + duration_ns; }
};

/// What one thread, or all of them, measured.
struct StageResult {
  Tally tally;
  std::uint64_t answers_in_time = 0;  ///< until the end of sending: what the rate is made of
  std::uint64_t elapsed_ns = 0;       ///< from measured_from_ns to the end of sending
  std::uint64_t cpu_ns = 0;           ///< of the generator's threads in that time
  double busy = 0;                    ///< of the busiest thread: CPU time / elapsed

  [[nodiscard]] double rate() const {
    return elapsed_ns == 0
               ? 0
               : static_cast<double>(answers_in_time) * 1e9 / static_cast<double>(elapsed_ns);
  }
  [[nodiscard]] double loss() const {
    return tally.requests == 0
               ? 0
               : static_cast<double>(tally.lost) / static_cast<double>(tally.requests);
  }
  void merge(const StageResult& other);
};

/// One second of one thread; seconds of all threads with the same number belong together.
struct Second {
  std::int64_t number = 0;  ///< 1: the first measured one; 0 and below: warm-up
  std::uint64_t elapsed_ns = 0;
  std::uint64_t answers = 0;
  std::uint64_t lost = 0;
  Histogram latency;
};

/// Why the generator, and not what it loads, set the rate.
enum class Limit : std::uint8_t {
  none,
  cpu,          ///< a thread was more than 90 % busy
  schedule,     ///< requests left late though there was CPU time: the machine is shared, or slept
  identifiers,  ///< all Identifiers of all sockets were in use: more --ports or --clients
};
[[nodiscard]] const char* to_text(Limit limit) noexcept;
[[nodiscard]] Limit limit_of(const StageResult& result) noexcept;

}  // namespace sallyport::lab
