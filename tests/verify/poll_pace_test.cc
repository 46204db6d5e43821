#include "verify/notakey/poll_pace.h"

#include <gtest/gtest.h>

namespace sallyport::verify::notakey {
namespace {

constexpr PollPaceSettings kSettings;

TEST(PollPace, PromptForFewBoundedForMany) {
  EXPECT_EQ(poll_interval_ms(kSettings, 1), 1'000u);
  EXPECT_EQ(poll_interval_ms(kSettings, 2'000), 1'000u);
  EXPECT_EQ(poll_interval_ms(kSettings, 10'000), 5'000u);
  EXPECT_EQ(poll_interval_ms(kSettings, 100'000), 10'000u);
}

TEST(PollPace, JitterStaysWithinATenth) {
  for (std::uint32_t random = 0; random < 1'000; ++random) {
    const std::uint32_t next = next_poll_ms(kSettings, 1, 0, random);
    EXPECT_GE(next, 900u);
    EXPECT_LE(next, 1'100u);
  }
  EXPECT_NE(next_poll_ms(kSettings, 1, 0, 0), next_poll_ms(kSettings, 1, 0, 100));
}

TEST(PollPace, TheFirstPollIsEarlyWhileFewArePending) {
  EXPECT_LE(first_poll_ms(kSettings, 1, 7), 220u);
  EXPECT_GE(first_poll_ms(kSettings, 20'000, 7), 9'000u);
  EXPECT_LE(first_poll_ms({.first_ms = 200, .interval_ms = 10}, 1, 7), 11u);
}

TEST(PollPace, HeldPollIsFollowedAtOnce) {
  EXPECT_EQ(next_poll_ms(kSettings, 1, 1'000, 7), 0u);
  EXPECT_EQ(next_poll_ms(kSettings, 1, 30'000, 7), 0u);
}

TEST(PollPace, SlowServerWithManyPendingIsNotPolledFaster) {
  // 1.5 s for an answer is slowness here, not a long poll: the start-to-start interval stays.
  EXPECT_GE(1'500 + next_poll_ms(kSettings, 20'000, 1'500, 0), 9'000u);
}

}  // namespace
}  // namespace sallyport::verify::notakey
