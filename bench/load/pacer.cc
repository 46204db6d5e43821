#include "bench/load/pacer.h"

#include <utility>

#include "protocol/check.h"

namespace sallyport::lab {

Pacer Pacer::at_rate(double rate, std::uint64_t start_ns, std::uint32_t thread,
                     std::uint32_t threads) {
  CHECK(rate > 0 && thread < threads);
  Pacer pacer;
  pacer.interval_ns_ = 1e9 / rate;
  pacer.start_ns_ = start_ns;
  pacer.tick_ = thread;
  pacer.stride_ = threads;
  pacer.next_ns_ = pacer.time_of(thread);
  return pacer;
}

Pacer Pacer::at_times(std::function<std::uint64_t(std::uint64_t)> time_ns, std::uint64_t count,
                      std::uint64_t start_ns, std::uint32_t thread, std::uint32_t threads) {
  CHECK(time_ns && thread < threads);
  Pacer pacer;
  pacer.time_ns_ = std::move(time_ns);
  pacer.count_ = count;
  pacer.start_ns_ = start_ns;
  pacer.tick_ = thread;
  pacer.stride_ = threads;
  pacer.next_ns_ = pacer.time_of(thread);
  return pacer;
}

std::optional<std::uint64_t> Pacer::time_of(std::uint64_t tick) const {
  if (tick >= count_) return std::nullopt;
  if (time_ns_) return start_ns_ + time_ns_(tick);
  // From the start each time, not from the tick before: rounding errors must not add up.
  return start_ns_ + static_cast<std::uint64_t>(interval_ns_ * static_cast<double>(tick));
}

void Pacer::advance() {
  CHECK(next_ns_);
  tick_ += stride_;
  next_ns_ = time_of(tick_);
}

std::uint64_t Pacer::overdue(std::uint64_t end_ns) const {
  std::uint64_t count = 0;
  for (std::uint64_t tick = tick_;; tick += stride_) {
    const auto time_ns = time_of(tick);
    if (!time_ns || *time_ns >= end_ns) return count;
    ++count;
  }
}

}  // namespace sallyport::lab
