#pragma once
// What a check of the Notakey API means, in the five states and in words, and when to check again.
// Pure; worker 0 does the checking.

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "verify/notakey/fault.h"
#include "verify/pool.h"

namespace sallyport::verify {

/// Turns the end of one check into a state and a sentence that says what to look at. `cause`: what
/// the system or the TLS library said, may be empty.
[[nodiscard]] Health assess(const notakey::Fault& fault, std::string_view origin,
                            std::string_view cause);

/// 10 s while well; while failing 10, 20, 40, 80, 160 s.
class HealthPace {
 public:
  HealthPace(std::uint32_t interval_ms, std::uint32_t max_interval_ms) noexcept
      : interval_ms_(interval_ms), max_interval_ms_(max_interval_ms) {}
  /// Called at the end of each check; milliseconds until the next.
  [[nodiscard]] std::uint32_t next_ms(bool well) noexcept;

 private:
  std::uint32_t interval_ms_;
  std::uint32_t max_interval_ms_;
  std::uint32_t failures_ = 0;
};

/// Where the latest check is kept for other threads. A check that is overdue by far means that the
/// thread which makes it does not run.
class HealthBoard {
 public:
  static constexpr std::uint32_t kOverdueFactor = 3;

  void post(Health health, std::uint64_t now_ms);
  [[nodiscard]] Health read(std::uint64_t now_ms) const;

 private:
  mutable std::mutex mutex_;  ///< taken every few seconds, never on the packet path
  Health health_;
  std::uint64_t posted_ms_ = 0;
};

}  // namespace sallyport::verify
