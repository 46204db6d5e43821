#include "engine/ring/timer_wheel.h"

#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace sallyport::ring {
namespace {

std::vector<std::uint32_t> fired(TimerWheel& wheel, std::uint64_t now_ms) {
  std::vector<std::uint32_t> indexes;
  wheel.advance(now_ms, [&](std::uint32_t index) { indexes.push_back(index); });
  return indexes;
}

using Indexes = std::vector<std::uint32_t>;

TEST(TimerWheel, FiresAtItsTimeAndNotBefore) {
  TimerWheel wheel(4, 1'000);
  wheel.schedule(2, 1'500);
  EXPECT_EQ(fired(wheel, 1'499), Indexes{});
  EXPECT_EQ(fired(wheel, 1'500), Indexes{2});
  EXPECT_FALSE(wheel.scheduled(2));
}

TEST(TimerWheel, APastTimeFiresOnTheNextAdvance) {
  TimerWheel wheel(4, 1'000);
  wheel.schedule(0, 10);
  EXPECT_EQ(wheel.next_deadline_ms(), 1'000);
  EXPECT_EQ(fired(wheel, 1'000), Indexes{0});
}

TEST(TimerWheel, ARescheduledTimerFiresOnceAtItsNewTime) {
  TimerWheel wheel(4, 0);
  wheel.schedule(1, 50);
  wheel.schedule(1, 5'000);
  EXPECT_EQ(fired(wheel, 4'999), Indexes{});
  EXPECT_EQ(fired(wheel, 6'000), Indexes{1});
}

TEST(TimerWheel, ACancelledTimerNeverFires) {
  TimerWheel wheel(4, 0);
  wheel.schedule(1, 50);
  wheel.schedule(3, 50);
  wheel.cancel(1);
  wheel.cancel(0);  // nothing scheduled
  EXPECT_EQ(fired(wheel, 100), Indexes{3});
  EXPECT_EQ(wheel.next_deadline_ms(), std::nullopt);
}

TEST(TimerWheel, FireMayCancelAndScheduleOthers) {
  TimerWheel wheel(4, 0);
  wheel.schedule(0, 10);
  wheel.schedule(1, 10);
  Indexes order;
  wheel.advance(10, [&](std::uint32_t index) {
    order.push_back(index);
    wheel.cancel(1 - index);
    wheel.schedule(3, 20);
  });
  EXPECT_EQ(order.size(), 1u);
  EXPECT_EQ(fired(wheel, 20), Indexes{3});
}

TEST(TimerWheel, TheFarthestTimerIsNotEarly) {
  for (const std::uint64_t start : {std::uint64_t{0}, TimerWheel::kMaxDelayMs, std::uint64_t{77}}) {
    TimerWheel wheel(1, start);
    wheel.schedule(0, start + TimerWheel::kMaxDelayMs);
    EXPECT_EQ(fired(wheel, start + TimerWheel::kMaxDelayMs - 1), Indexes{});
    EXPECT_EQ(fired(wheel, start + TimerWheel::kMaxDelayMs), Indexes{0});
  }
}

/// Against the obvious implementation, over steps of every size and a clock that passes the wheel's
/// turning points.
TEST(TimerWheel, AgreesWithASortedMapUnderRandomUse) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    constexpr std::uint32_t kTimers = 64;
    std::uint64_t now = random() % (std::uint64_t{1} << 26);
    TimerWheel wheel(kTimers, now);
    std::map<std::uint32_t, std::uint64_t> expected;
    for (int step = 0; step < 4'000; ++step) {
      const auto index = static_cast<std::uint32_t>(random() % kTimers);
      const std::uint64_t choice = random() % 8;
      if (choice < 4) {
        const std::uint64_t at = now + (random() & ((std::uint64_t{1} << random() % 25) - 1));
        wheel.schedule(index, at);
        expected[index] = at;
      } else if (choice == 4) {
        wheel.cancel(index);
        expected.erase(index);
      } else {
        std::uint64_t first = ~std::uint64_t{0};
        for (const auto& [unused, at] : expected) first = std::min(first, at);
        ASSERT_EQ(wheel.next_deadline_ms().has_value(), !expected.empty());
        if (!expected.empty()) {
          ASSERT_LE(*wheel.next_deadline_ms(), std::max(first, now));
        }
        now += random() & ((std::uint64_t{1} << random() % 22) - 1);
        std::uint64_t previous = 0;
        wheel.advance(now, [&](std::uint32_t fired_index) {
          const auto timer = expected.find(fired_index);
          ASSERT_NE(timer, expected.end()) << "seed " << seed;
          ASSERT_LE(timer->second, now) << "fired early, seed " << seed;
          ASSERT_LE(previous, timer->second) << "out of order, seed " << seed;
          previous = timer->second;
          expected.erase(timer);
        });
        for (const auto& [late, at] : expected)
          ASSERT_GT(at, now) << "timer " << late << " did not fire, seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace sallyport::ring
