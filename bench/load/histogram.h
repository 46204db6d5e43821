#pragma once
// Latencies counted by size, log-linear as HdrHistogram does it: a bucket is never wider than 1/128
// of what it holds, so a quantile is at most 0.8 % too high. Pure; fixed memory (35 KB).

#include <cstdint>
#include <vector>

namespace sallyport::lab {

/// Values in nanoseconds; more than 2^40 (18 minutes) are counted as that.
class Histogram {
 public:
  Histogram();

  void record(std::uint64_t ns) noexcept;
  void merge(const Histogram& other) noexcept;
  void clear() noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t min() const noexcept { return count_ == 0 ? 0 : min_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
  [[nodiscard]] double mean() const noexcept;
  /// At least this share of all values is not above the result. `share`: 0 to 1. Empty: 0.
  [[nodiscard]] std::uint64_t quantile(double share) const noexcept;

  struct Bucket {
    std::uint64_t upper_ns;  ///< the largest value that it counts
    std::uint64_t count;
  };
  /// Those that are not empty, smallest first.
  [[nodiscard]] std::vector<Bucket> buckets() const;

 private:
  static constexpr unsigned kPrecisionBits = 7;
  static constexpr unsigned kMaxBits = 40;
  static constexpr std::uint64_t kMaxValue = (std::uint64_t{1} << kMaxBits) - 1;

  [[nodiscard]] static std::size_t index_of(std::uint64_t ns) noexcept;
  [[nodiscard]] static std::uint64_t upper_of(std::size_t index) noexcept;

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t min_ = UINT64_MAX;
  std::uint64_t max_ = 0;
};

}  // namespace sallyport::lab
