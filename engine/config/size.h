#pragma once
// Sizes as people write them: "16KiB", "1MB", "512", or a whole number of octets without quotes.
// KiB, MiB, GiB and TiB count by 1024; kB, MB, GB and TB by 1000. A bare K or M is refused, since
// it means the one to some and the other to others.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace sallyport::config {

enum class SizeError : std::uint8_t {
  empty,         ///< no text at all
  unknown_unit,  ///< a unit that is none of the above
  malformed,     ///< not a whole number and a unit
  too_large,     ///< does not fit 64 bits
};

/// "16KiB" → 16,384. One space between number and unit is fine.
[[nodiscard]] std::expected<std::uint64_t, SizeError> parse_size(std::string_view text);

/// 16,384 → "16KiB", 8,000 → "8kB", 100 → "100": what parse_size reads back.
[[nodiscard]] std::string size_text(std::uint64_t octets);

/// What is wrong, as the end of a sentence: "has an unknown unit".
[[nodiscard]] std::string_view to_text(SizeError error) noexcept;

}  // namespace sallyport::config
