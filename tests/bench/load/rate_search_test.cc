#include "bench/load/rate_search.h"

#include <gtest/gtest.h>

namespace sallyport::lab {
namespace {

/// What a search finds for a system that holds up to `capacity`; `steps`: how many it took.
double found_for(double capacity, int& steps, double first = 10'000) {
  RateSearch search(first, 2'000'000, 0.02);
  steps = 0;
  while (const auto rate = search.next()) {
    search.report(*rate <= capacity);
    ++steps;
  }
  return search.found();
}

TEST(RateSearch, FindsTheCapacityFromBelow) {
  int steps = 0;
  for (const double capacity : {150.0, 9'000.0, 10'000.0, 83'000.0, 1'999'000.0}) {
    const double found = found_for(capacity, steps);
    EXPECT_LE(found, capacity);
    EXPECT_GE(found, capacity * 0.97) << capacity;
    EXPECT_LE(steps, 30);
  }
}

TEST(RateSearch, StopsAtTheHighest) {
  int steps = 0;
  EXPECT_EQ(found_for(1e9, steps), 2'000'000);
}

TEST(RateSearch, FindsThatNothingIsHeld) {
  int steps = 0;
  EXPECT_EQ(found_for(0, steps), 0);
  EXPECT_LE(steps, 40);
}

TEST(RateSearch, AFailureIsTriedOnceMore) {
  RateSearch search(1000, 4000, 0.02);
  search.report(false);
  EXPECT_EQ(search.next(), 1000);
  search.report(true);
  EXPECT_EQ(search.next(), 2000);
  search.report(false);
  search.report(false);
  EXPECT_EQ(search.next(), 1500);
  EXPECT_EQ(search.found(), 1000);
}

}  // namespace
}  // namespace sallyport::lab
