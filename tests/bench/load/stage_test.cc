#include "bench/load/stage.h"

#include <gtest/gtest.h>

#include "bench/load/radius_load.h"

namespace sallyport::lab {
namespace {

StageResult good_result() {
  StageResult result;
  result.tally.requests = result.tally.answers = result.answers_in_time = 100'000;
  for (int i = 0; i < 100'000; ++i) result.tally.latency.record(1'000'000);
  result.elapsed_ns = 1'000'000'000;
  result.busy = 0.5;
  return result;
}

TEST(Stage, AGoodResultIsHeld) {
  const StageResult result = good_result();
  EXPECT_TRUE(is_held(result, {}));
  EXPECT_EQ(limit_of(result), Limit::none);
  EXPECT_EQ(result.rate(), 100'000);
}

TEST(Stage, LossLatencyAndWhatWasNotSentAreNotHeld) {
  StageResult result = good_result();
  result.tally.lost = 10;  // 0.01 %
  EXPECT_TRUE(is_held(result, {}));
  result.tally.lost = 11;
  EXPECT_FALSE(is_held(result, {}));
  EXPECT_FALSE(is_held(good_result(), {.loss = 0, .p99_ns = 900'000}));
  result = good_result();
  result.tally.unsent = 1;
  EXPECT_FALSE(is_held(result, {}));
  EXPECT_FALSE(is_held(StageResult{}, {}));
}

TEST(Stage, TheGeneratorSaysWhenItWasTheLimit) {
  StageResult result = good_result();
  result.busy = 0.95;
  EXPECT_EQ(limit_of(result), Limit::cpu);
  result = good_result();
  result.tally.sent_late = 2000;
  EXPECT_EQ(limit_of(result), Limit::schedule);
  result.tally.without_channel = 1;
  EXPECT_EQ(limit_of(result), Limit::identifiers);
}

TEST(Stage, ThreadsAreAddedUp) {
  StageResult sum = good_result();
  StageResult other = good_result();
  other.busy = 0.7;
  other.elapsed_ns = 900'000'000;
  sum.merge(other);
  EXPECT_EQ(sum.tally.requests, 200'000u);
  EXPECT_EQ(sum.tally.latency.count(), 200'000u);
  EXPECT_EQ(sum.elapsed_ns, 1'000'000'000u);
  EXPECT_EQ(sum.busy, 0.7);
}

}  // namespace
}  // namespace sallyport::lab
