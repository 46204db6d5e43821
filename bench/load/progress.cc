#include "bench/load/progress.h"

#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

namespace sallyport::lab {

std::string readable_time(std::uint64_t ns) {
  const auto value = static_cast<double>(ns);
  if (ns < 1'000'000) return fmt::format("{:.0f} us", value / 1e3);
  if (ns < 1'000'000'000) return fmt::format("{:.1f} ms", value / 1e6);
  return fmt::format("{:.1f} s", value / 1e9);
}

Progress::Progress(bool shown) : shown_(shown), in_place_(shown && ::isatty(STDERR_FILENO) == 1) {}

void Progress::show_second(std::int64_t second, double rate, std::uint64_t p50_ns,
                           std::uint64_t p99_ns, std::uint64_t lost) {
  if (!shown_) return;
  const std::string when = second > 0 ? fmt::format("{:4} s", second) : "warm-up";
  fmt::print(stderr, "{}{:>7}  {:9.0f}/s  p50 {:>8}  p99 {:>8}  lost {}{}",
             in_place_ ? "\r\033[K" : "", when, rate, readable_time(p50_ns), readable_time(p99_ns),
             lost, in_place_ ? "" : "\n");
  std::fflush(stderr);
  line_open_ = in_place_;
}

void Progress::show_step(double offered, const StageResult& result, bool held) {
  if (!shown_) return;
  const Limit limit = limit_of(result);
  fmt::print(stderr, "{}{:9.0f}/s offered  {:9.0f}/s answered  p99 {:>8}  loss {:.4f} %  {}{}\n",
             line_open_ ? "\r\033[K" : "", offered, result.rate(),
             readable_time(result.tally.latency.quantile(0.99)), result.loss() * 100,
             held ? "held" : "not held",
             limit == Limit::none
                 ? ""
                 : fmt::format("; the generator was the limit ({})", to_text(limit)));
  line_open_ = false;
}

void Progress::end() {
  if (line_open_) fmt::print(stderr, "\n");
  line_open_ = false;
}

}  // namespace sallyport::lab
