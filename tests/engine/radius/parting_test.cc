#include "engine/radius/parting.h"

#include <gtest/gtest.h>

namespace sallyport::radius_door {
namespace {

constexpr std::uint64_t kBegun = 1'000'000;
constexpr std::uint64_t kUntil = kBegun + 120'000;
constexpr Parting kParting{.begun_ms = kBegun, .until_ms = kUntil};

/// Open for long.
PartingStep step(Owed owed, std::uint64_t silent_ms, std::uint64_t now_ms,
                 std::uint64_t opened_ms = 0) {
  return kParting.step({.owed = owed, .opened_ms = opened_ms, .heard_ms = now_ms - silent_ms},
                       now_ms);
}

TEST(Parting, QuietAndNothingOwed) {
  EXPECT_EQ(step(Owed::nothing, Parting::kQuietMs, kBegun), PartingStep::end);
  EXPECT_EQ(step(Owed::nothing, Parting::kQuietMs - 1, kBegun), PartingStep::serve);
  EXPECT_EQ(step(Owed::reply, 1'000, kBegun), PartingStep::serve);
  EXPECT_EQ(step(Owed::verdict, 1'000, kBegun), PartingStep::serve);
}

TEST(Parting, NeverSilent) {
  const std::uint64_t late = kBegun + Parting::kSearchMs;
  EXPECT_EQ(step(Owed::nothing, 0, late - 1), PartingStep::serve);
  EXPECT_EQ(step(Owed::nothing, 0, late), PartingStep::stop_reading);
  EXPECT_EQ(step(Owed::reply, 0, late), PartingStep::stop_reading);
  // Others would not be served as long as a person thinks.
  EXPECT_EQ(step(Owed::verdict, 0, late), PartingStep::serve);
}

TEST(Parting, YoungOnesAreServed) {
  const std::uint64_t opened = kBegun - 10'000;
  const std::uint64_t grown = opened + Parting::kYoungMs;
  EXPECT_EQ(step(Owed::nothing, 1'000, grown - 1, opened), PartingStep::serve);
  EXPECT_EQ(step(Owed::nothing, 1'000, grown, opened), PartingStep::end);
  EXPECT_EQ(step(Owed::reply, 0, grown + Parting::kSearchMs - 1, opened), PartingStep::serve);
  EXPECT_EQ(step(Owed::reply, 0, grown + Parting::kSearchMs, opened), PartingStep::stop_reading);
}

TEST(Parting, WhenTheTimeIsOver) {
  EXPECT_EQ(step(Owed::verdict, 0, kUntil - 1), PartingStep::serve);
  EXPECT_EQ(step(Owed::verdict, 0, kUntil), PartingStep::stop_reading);
  EXPECT_EQ(step(Owed::nothing, 0, kUntil, kUntil - 1), PartingStep::stop_reading);
  EXPECT_EQ(step(Owed::nothing, Parting::kQuietMs, kUntil, kUntil - 1), PartingStep::end);
  EXPECT_EQ(step(Owed::verdict, 0, kUntil + Parting::kLastMs), PartingStep::end);
}

}  // namespace
}  // namespace sallyport::radius_door
