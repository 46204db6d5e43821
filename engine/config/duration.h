#pragma once
// Durations as people write them. In TOML: "60s", "1m30s", "500ms", a number and a unit, repeated;
// a bare number is refused, since nobody can tell seconds from milliseconds. In NtkP's options:
// seconds, "5" or "2.5", or .NET's "00:00:05".

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace sallyport::config {

enum class DurationError : std::uint8_t {
  empty,         ///< no text at all
  no_unit,       ///< a number without ms, s, m or h
  unknown_unit,  ///< a unit that is none of ms, s, m, h
  malformed,     ///< not numbers and units
  too_long,      ///< more than 49 days: does not fit 32 bits of milliseconds
};

/// "1m30s" → 90,000.
[[nodiscard]] std::expected<std::uint32_t, DurationError> parse_duration_ms(std::string_view text);

/// "5" → 5,000; "2.5" → 2,500; "00:00:05" → 5,000. Finer than a millisecond is cut.
[[nodiscard]] std::expected<std::uint32_t, DurationError> parse_seconds_ms(std::string_view text);

/// 90,000 → "1m30s": what parse_duration_ms reads back.
[[nodiscard]] std::string duration_text(std::uint32_t duration_ms);

/// What is wrong, as the end of a sentence: "has no unit".
[[nodiscard]] std::string_view to_text(DurationError error) noexcept;

}  // namespace sallyport::config
