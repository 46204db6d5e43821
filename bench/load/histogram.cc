#include "bench/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "protocol/check.h"

namespace sallyport::lab {

// Below 2 * 128 each value has a bucket. Above, each power of two has 128: the value's leading
// eight bits say which.
std::size_t Histogram::index_of(std::uint64_t ns) noexcept {
  const auto width = static_cast<unsigned>(std::bit_width(ns));
  const unsigned shift = width <= kPrecisionBits + 1 ? 0 : width - kPrecisionBits - 1;
  return (std::size_t{shift} << kPrecisionBits) + static_cast<std::size_t>(ns >> shift);
}

std::uint64_t Histogram::upper_of(std::size_t index) noexcept {
  const std::size_t block = index >> kPrecisionBits;
  const std::size_t shift = block == 0 ? 0 : block - 1;
  const std::uint64_t leading = index - (shift << kPrecisionBits);
  return ((leading + 1) << shift) - 1;
}

Histogram::Histogram() : counts_(index_of(kMaxValue) + 1) {}

void Histogram::record(std::uint64_t ns) noexcept {
  const std::uint64_t value = std::min(ns, kMaxValue);
  ++counts_[index_of(value)];
  ++count_;
  sum_ += value;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
}

void Histogram::merge(const Histogram& other) noexcept {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

void Histogram::clear() noexcept {
  std::ranges::fill(counts_, 0);
  count_ = 0;
  sum_ = 0;
  min_ = UINT64_MAX;
  max_ = 0;
}

double Histogram::mean() const noexcept {
  return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
}

std::uint64_t Histogram::quantile(double share) const noexcept {
  CHECK(share >= 0 && share <= 1);
  if (count_ == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  std::uint64_t passed = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    passed += counts_[i];
    if (passed >= std::max<std::uint64_t>(wanted, 1)) return std::min(upper_of(i), max_);
  }
  return max_;
}

std::vector<Histogram::Bucket> Histogram::buckets() const {
  std::vector<Bucket> buckets;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] > 0) buckets.push_back({.upper_ns = upper_of(i), .count = counts_[i]});
  }
  return buckets;
}

}  // namespace sallyport::lab
