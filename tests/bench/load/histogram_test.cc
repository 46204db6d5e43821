#include "bench/load/histogram.h"

#include <gtest/gtest.h>

namespace sallyport::lab {
namespace {

TEST(Histogram, EmptyIsZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.max(), 0u);
  EXPECT_EQ(histogram.mean(), 0);
  EXPECT_EQ(histogram.quantile(0.99), 0u);
  EXPECT_TRUE(histogram.buckets().empty());
}

TEST(Histogram, ABucketIsNeverWiderThanOnePercent) {
  for (std::uint64_t value = 1; value < std::uint64_t{1} << 39; value += value / 3 + 1) {
    Histogram histogram;
    histogram.record(value);
    histogram.record(std::uint64_t{1} << 39);  // so that the bucket's end is not cut at the maximum
    const std::uint64_t upper = histogram.quantile(0.5);
    EXPECT_GE(upper, value);
    EXPECT_LE(static_cast<double>(upper - value), 0.01 * static_cast<double>(value)) << value;
  }
}

TEST(Histogram, BucketsJoinWithoutAGap) {
  Histogram histogram;
  for (std::uint64_t value = 0; value < 8192; ++value) histogram.record(value);
  std::uint64_t next = 0;
  for (const Histogram::Bucket& bucket : histogram.buckets()) {
    EXPECT_EQ(bucket.upper_ns + 1, next + bucket.count);  // one value for each nanosecond
    next = bucket.upper_ns + 1;
  }
}

TEST(Histogram, QuantilesAreOfTheSortedValues) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.record(value);
  EXPECT_EQ(histogram.quantile(0), 1u);
  EXPECT_EQ(histogram.quantile(0.5), 50u);
  EXPECT_EQ(histogram.quantile(0.99), 99u);
  EXPECT_EQ(histogram.quantile(1), 100u);
  EXPECT_EQ(histogram.mean(), 50.5);
}

TEST(Histogram, ALongTailIsSeen) {
  Histogram histogram;
  for (int i = 0; i < 9990; ++i) histogram.record(1000);
  for (int i = 0; i < 10; ++i) histogram.record(50'000'000);
  EXPECT_LT(histogram.quantile(0.99), 1100u);
  EXPECT_EQ(histogram.quantile(0.9995), 50'000'000u);
  EXPECT_EQ(histogram.max(), 50'000'000u);
}

TEST(Histogram, WhatIsTooLongIsCountedAsTheLongest) {
  Histogram histogram;
  histogram.record(UINT64_MAX);
  EXPECT_EQ(histogram.count(), 1u);
  EXPECT_EQ(histogram.max(), (std::uint64_t{1} << 40) - 1);
}

TEST(Histogram, MergedIsAsIfRecordedInOne) {
  Histogram one;
  Histogram other;
  Histogram all;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    (i % 3 == 0 ? one : other).record(i * 977);
    all.record(i * 977);
  }
  one.merge(other);
  EXPECT_EQ(one.count(), all.count());
  EXPECT_EQ(one.min(), all.min());
  EXPECT_EQ(one.max(), all.max());
  EXPECT_EQ(one.mean(), all.mean());
  for (const double share : {0.1, 0.5, 0.9, 0.999}) {
    EXPECT_EQ(one.quantile(share), all.quantile(share));
  }
  one.clear();
  EXPECT_EQ(one.count(), 0u);
  EXPECT_EQ(one.quantile(1), 0u);
}

}  // namespace
}  // namespace sallyport::lab
