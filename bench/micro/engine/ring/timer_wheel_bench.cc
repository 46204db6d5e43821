// TimerWheel: as an exchange uses it. Its retransmission is scheduled, then its window, which ends.

#include "bench/micro/hot_function.h"
#include "engine/ring/timer_wheel.h"
#include "protocol/check.h"

namespace sallyport::micro {
namespace {

constexpr std::uint32_t kTimers = 1'024;
constexpr std::uint64_t kRetransmitMs = 2'000;
constexpr std::uint64_t kWindowMs = 5'000;
constexpr std::uint64_t kStepMs = 10;  ///< a request every 10 ms: 500 timers are running

Calls schedule_twice_and_fire() {
  return [wheel = ring::TimerWheel(kTimers, 0), now_ms = std::uint64_t{0}, index = std::uint32_t{0},
          fired = std::uint64_t{0}, made = std::uint64_t{0}](std::uint32_t calls) mutable {
    for (std::uint32_t i = 0; i < calls; ++i) {
      now_ms += kStepMs;
      wheel.advance(now_ms, [&](std::uint32_t) { ++fired; });
      index = (index + 1) % kTimers;
      wheel.schedule(index, now_ms + kRetransmitMs);
      wheel.schedule(index, now_ms + kWindowMs);
      ++made;
    }
    CHECK(made < kTimers || made - fired == kWindowMs / kStepMs);
  };
}

}  // namespace

void add_timer_wheel(HotFunctions& all) {
  all.push_back({"timer_wheel/schedule_twice_and_fire", [] { return schedule_twice_and_fire(); }});
}

}  // namespace sallyport::micro
