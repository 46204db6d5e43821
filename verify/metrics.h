#pragma once
// Counters, gauges and histograms with one writer each: a relaxed store, no locked instruction.
// Readers sum them up.

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "verify/verification.h"

namespace sallyport::verify {

/// Written by one thread, read by any.
class Counter {
 public:
  void add(std::uint64_t amount = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void set(std::uint64_t value) noexcept {
    value_.store(value, std::memory_order_relaxed);
  }  ///< as a gauge
  [[nodiscard]] std::uint64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Times in nanoseconds, in buckets of powers of two from 2^10 ns (1 µs) to 2^37 ns (137 s). One
/// writer.
class Histogram {
 public:
  static constexpr unsigned kFirstExponent = 10;
  static constexpr unsigned kBuckets = 28;  ///< the last one takes all that is longer

  void record(std::uint64_t ns) noexcept {
    // The bucket whose bound is the least power of two that is not below it.
    const unsigned exponent = ns <= 1 ? 0 : static_cast<unsigned>(std::bit_width(ns - 1));
    const unsigned bucket =
        exponent <= kFirstExponent ? 0 : std::min(exponent - kFirstExponent, kBuckets - 1);
    buckets_[bucket].add();
    sum_ns_.add(ns);
  }
  /// Upper bound of a bucket in nanoseconds.
  [[nodiscard]] static constexpr std::uint64_t bound_ns(unsigned bucket) noexcept {
    return std::uint64_t{1} << (kFirstExponent + bucket);
  }
  [[nodiscard]] std::uint64_t count(unsigned bucket) const noexcept {
    return buckets_[bucket].value();
  }
  [[nodiscard]] std::uint64_t sum_ns() const noexcept { return sum_ns_.value(); }

 private:
  std::array<Counter, kBuckets> buckets_;
  Counter sum_ns_;
};

/// What one verify thread counts.
struct VerifyMetrics {
  Counter questions;                        ///< taken from the inbox
  Counter joined;                           ///< waited on a verification already begun
  Counter released;                         ///< nobody waited any more
  Counter pending;                          ///< gauge: verifications not yet decided
  std::array<Counter, kVerdicts> verdicts;  ///< by Verdict
  Counter remembered;                       ///< approved by an earlier approval
  Counter pushes;                           ///< create requests that the service accepted
  Counter polls;                            ///< result requests sent
  Counter tokens;                           ///< access tokens fetched
  Counter transfer_errors;                  ///< transfers that ended without an HTTP answer
  Counter throttled;                        ///< 429 or Retry-After obeyed
  Counter undeliverable;                    ///< answers that found the sink full at first
  Histogram api_latency;                    ///< one HTTP transfer that was not held by the server
  Histogram verdict_latency;                ///< question to verdict
};

}  // namespace sallyport::verify
