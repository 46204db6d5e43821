#include "bench/load/pacer.h"

#include <vector>

#include <gtest/gtest.h>

namespace sallyport::lab {
namespace {

TEST(Pacer, TicksAreEvenAndDoNotDrift) {
  Pacer pacer = Pacer::at_rate(300'000, 1000, 0, 1);  // 3333.3 ns: rounding must not add up
  for (int i = 0; i < 300'000; ++i) {
    ASSERT_TRUE(pacer.next_ns());
    pacer.advance();
  }
  EXPECT_EQ(pacer.next_ns(), 1'000'001'000u);
}

TEST(Pacer, ThreadsShareTheTicks) {
  std::vector<std::uint64_t> times;
  Pacer first = Pacer::at_rate(1000, 0, 0, 2);
  Pacer second = Pacer::at_rate(1000, 0, 1, 2);
  for (int i = 0; i < 3; ++i) {
    times.push_back(*first.next_ns());
    times.push_back(*second.next_ns());
    first.advance();
    second.advance();
  }
  EXPECT_EQ(times,
            (std::vector<std::uint64_t>{0, 1'000'000, 2'000'000, 3'000'000, 4'000'000, 5'000'000}));
}

TEST(Pacer, ALateRequestDoesNotMoveTheNext) {
  Pacer pacer = Pacer::at_rate(1000, 0, 0, 1);
  pacer.advance();  // whenever that was
  EXPECT_EQ(pacer.next_ns(), 1'000'000u);
}

TEST(Pacer, KnowsWhatIsOverdue) {
  Pacer pacer = Pacer::at_rate(1000, 0, 0, 1);
  EXPECT_EQ(pacer.overdue(0), 0u);
  EXPECT_EQ(pacer.overdue(10'000'000), 10u);
  pacer.advance();
  EXPECT_EQ(pacer.overdue(10'000'000), 9u);
}

TEST(Pacer, ACaptureEnds) {
  const std::vector<std::uint64_t> times = {0, 5, 70};
  Pacer pacer = Pacer::at_times([&](std::uint64_t i) { return times[i]; }, times.size(), 100, 0, 1);
  EXPECT_EQ(pacer.next_ns(), 100u);
  pacer.advance();
  EXPECT_EQ(pacer.next_ns(), 105u);
  EXPECT_EQ(pacer.overdue(1000), 2u);
  pacer.advance();
  EXPECT_EQ(pacer.next_ns(), 170u);
  pacer.advance();
  EXPECT_FALSE(pacer.next_ns());
  EXPECT_EQ(pacer.overdue(1000), 0u);
}

}  // namespace
}  // namespace sallyport::lab
