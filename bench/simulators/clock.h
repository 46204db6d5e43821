#pragma once
// The two clocks of the simulators: one for timers, one for what is shown to people and clients.
// Everything that decides takes the time as an argument; only the loops read it.

#include <chrono>
#include <cstdint>
#include <string>

namespace sallyport::lab {

/// For timers: never jumps.
[[nodiscard]] inline std::uint64_t monotonic_ms() {
  using std::chrono::duration_cast, std::chrono::milliseconds, std::chrono::steady_clock;
  return static_cast<std::uint64_t>(
      duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
}

/// For dates in answers.
[[nodiscard]] inline std::uint64_t unix_ms() {
  using std::chrono::duration_cast, std::chrono::milliseconds, std::chrono::system_clock;
  return static_cast<std::uint64_t>(
      duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

/// "2021-04-12T10:02:16Z", as Notakey's server writes dates.
[[nodiscard]] std::string iso8601(std::uint64_t unix_ms);

/// "14:02:16" in local time, for people.
[[nodiscard]] std::string time_of_day(std::uint64_t unix_ms);

}  // namespace sallyport::lab
