#pragma once
// Rates as people write them: "20/1m" is at most 20 in any minute, "off" is no limit.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "engine/config/mistake.h"
#include "verify/limits.h"

namespace sallyport::config {

inline constexpr std::uint32_t kMaxRateCount = 1'000'000;
inline constexpr std::uint32_t kMinRateWindowMs = 1'000;
inline constexpr std::uint32_t kMaxRateWindowMs = 24 * 3'600'000;

[[nodiscard]] std::expected<verify::Rate, Complaint> parse_rate(std::string_view text);
/// What parse_rate reads back.
[[nodiscard]] std::string rate_text(const verify::Rate& rate);

}  // namespace sallyport::config
