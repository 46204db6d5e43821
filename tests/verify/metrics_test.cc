#include "verify/metrics.h"

#include <gtest/gtest.h>

namespace sallyport::verify {
namespace {

TEST(Histogram, ATimeFallsIntoTheBucketWhoseBoundItDoesNotExceed) {
  const struct {
    std::uint64_t ns;
    unsigned bucket;
  } cases[] = {
      {0, 0},
      {1, 0},
      {1024, 0},
      {1025, 1},
      {2048, 1},
      {2049, 2},
      {1u << 20, 10},
      {(1u << 20) + 1, 11},
      {Histogram::bound_ns(Histogram::kBuckets - 1), Histogram::kBuckets - 1},
      {~std::uint64_t{0}, Histogram::kBuckets - 1},
  };
  for (const auto& expected : cases) {
    Histogram histogram;
    histogram.record(expected.ns);
    EXPECT_EQ(histogram.count(expected.bucket), 1u) << expected.ns << " ns";
    EXPECT_EQ(histogram.sum_ns(), expected.ns);
  }
}

}  // namespace
}  // namespace sallyport::verify
