#include "engine/radius/name_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sallyport::radius_door {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const HostName kOne{.host = "one.example"};
const HostName kTwo{.host = "two.example", .family = HostName::Family::v6};

TEST(NameSchedule, WithoutNamesNothingIsEverDue) {
  NameSchedule schedule;
  EXPECT_EQ(schedule.next_ms(), std::nullopt);
  EXPECT_THAT(schedule.due(1'000'000), IsEmpty());
}

TEST(NameSchedule, AsksAgainWhenTheAnswerHoldsNoLonger) {
  NameSchedule schedule;
  schedule.watch({kOne, kTwo}, 1'000);
  EXPECT_THAT(schedule.due(1'000), ElementsAre(kOne, kTwo));
  schedule.asked(kOne, 30, 1'000);
  schedule.asked(kTwo, 20, 1'000);
  EXPECT_EQ(schedule.next_ms(), 21'000u);
  EXPECT_THAT(schedule.due(20'999), IsEmpty());
  EXPECT_THAT(schedule.due(21'000), ElementsAre(kTwo));
  EXPECT_THAT(schedule.due(31'000), ElementsAre(kOne, kTwo));
}

TEST(NameSchedule, KeepsAnswersOfNoTimeAndOfAWeekWithinBounds) {
  NameSchedule schedule;
  schedule.watch({kOne}, 0);
  schedule.asked(kOne, 0, 0);
  EXPECT_EQ(schedule.next_ms(), 1'000u * NameSchedule::kLeastS);
  schedule.asked(kOne, 604'800, 0);
  EXPECT_EQ(schedule.next_ms(), 1'000u * NameSchedule::kMostS);
  schedule.asked(kOne, std::nullopt, 0);
  EXPECT_EQ(schedule.next_ms(), 1'000u * NameSchedule::kWithoutTtlS);
}

TEST(NameSchedule, ANewListKeepsTheTimesOfTheNamesThatStay) {
  NameSchedule schedule;
  schedule.watch({kOne}, 0);
  schedule.asked(kOne, 100, 0);
  schedule.watch({kOne, kTwo}, 7'000);
  EXPECT_THAT(schedule.due(7'000), ElementsAre(kTwo));
  schedule.watch({kTwo}, 8'000);
  schedule.asked(kOne, 5, 8'000);  // its answer comes too late
  EXPECT_EQ(schedule.next_ms(), 7'000u);
}

}  // namespace
}  // namespace sallyport::radius_door
