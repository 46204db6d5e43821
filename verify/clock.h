#pragma once
// The clocks that verify and the engine read. Deadlines are monotonic; only what people see is wall
// time.

#include <chrono>
#include <cstdint>

namespace sallyport::verify {

/// CLOCK_MONOTONIC, as in Question::asked_ns.
[[nodiscard]] inline std::uint64_t monotonic_ns() noexcept {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}
[[nodiscard]] inline std::uint64_t monotonic_ms() noexcept { return monotonic_ns() / 1'000'000; }

[[nodiscard]] inline std::uint64_t unix_ms() noexcept {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

}  // namespace sallyport::verify
