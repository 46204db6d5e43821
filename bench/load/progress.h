#pragma once
// What is shown on standard error while a measurement runs: a line a second, in place on a
// terminal.

#include <cstdint>
#include <string>

#include "bench/load/stage.h"

namespace sallyport::lab {

/// "812 us", "3.4 ms", "1.2 s".
[[nodiscard]] std::string readable_time(std::uint64_t ns);

class Progress {
 public:
  /// `shown` false: nothing is written.
  explicit Progress(bool shown);

  /// `second`: 0 and below are warm-up.
  void show_second(std::int64_t second, double rate, std::uint64_t p50_ns, std::uint64_t p99_ns,
                   std::uint64_t lost);
  /// A line that stays.
  void show_step(double offered, const StageResult& result, bool held);
  /// The cursor goes to a line of its own.
  void end();

 private:
  const bool shown_;
  const bool in_place_;
  bool line_open_ = false;
};

}  // namespace sallyport::lab
