#pragma once
// When requests are to be sent: the intended times of an open loop. They never depend on answers,
// and latency is counted from them, so a peer that stalls cannot hide what it made others wait
// ("coordinated omission"). Pure.

#include <cstdint>
#include <functional>
#include <optional>

namespace sallyport::lab {

class Pacer {
 public:
  /// One of `threads` that share `rate` requests a second: it has the ticks thread, thread +
  /// threads, … counted from `start_ns`.
  [[nodiscard]] static Pacer at_rate(double rate, std::uint64_t start_ns, std::uint32_t thread,
                                     std::uint32_t threads);
  /// At the times of a capture: `time_ns(i)` after `start_ns` for i below `count`.
  [[nodiscard]] static Pacer at_times(std::function<std::uint64_t(std::uint64_t)> time_ns,
                                      std::uint64_t count, std::uint64_t start_ns,
                                      std::uint32_t thread, std::uint32_t threads);

  /// The intended time of the next request; empty: none is left.
  [[nodiscard]] std::optional<std::uint64_t> next_ns() const noexcept { return next_ns_; }
  /// The request has been made: on to the one after it.
  void advance();

  /// Requests that were due before `end_ns` and have not been made.
  [[nodiscard]] std::uint64_t overdue(std::uint64_t end_ns) const;

 private:
  Pacer() = default;
  [[nodiscard]] std::optional<std::uint64_t> time_of(std::uint64_t tick) const;

  double interval_ns_ = 0;
  std::function<std::uint64_t(std::uint64_t)> time_ns_;  ///< empty: by rate
  std::uint64_t count_ = UINT64_MAX;
  std::uint64_t start_ns_ = 0;
  std::uint64_t tick_ = 0;
  std::uint32_t stride_ = 1;
  std::optional<std::uint64_t> next_ns_;
};

}  // namespace sallyport::lab
