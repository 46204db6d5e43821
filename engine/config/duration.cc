#include "engine/config/duration.h"

#include <charconv>
#include <limits>
#include <optional>

namespace sallyport::config {
namespace {

constexpr std::uint64_t kMaxMs = std::numeric_limits<std::uint32_t>::max();
constexpr std::string_view kDigits = "0123456789";

/// Takes the digits in front of `text`. Empty: there are none, or too many to count.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// Octets of the unit in front of `text` and its milliseconds.
struct Unit {
  std::size_t octets;
  std::uint64_t ms;
};
std::optional<Unit> unit_of(std::string_view text) {
  if (text.starts_with("ms")) return Unit{.octets = 2, .ms = 1};
  if (text.starts_with("s")) return Unit{.octets = 1, .ms = 1'000};
  if (text.starts_with("m")) return Unit{.octets = 1, .ms = 60'000};
  if (text.starts_with("h")) return Unit{.octets = 1, .ms = 3'600'000};
  return std::nullopt;
}

/// "5" or "2.5" or "0.0001", as milliseconds.
std::expected<std::uint64_t, DurationError> decimal_seconds(std::string_view text) {
  const auto seconds = take_number(text);
  if (!seconds) return std::unexpected(DurationError::malformed);
  if (*seconds > kMaxMs) return std::unexpected(DurationError::too_long);
  std::uint64_t total_ms = *seconds * 1'000;
  if (text.empty()) return total_ms;
  if (text.size() < 2 || text.front() != '.' ||
      text.find_first_not_of(kDigits, 1) != std::string_view::npos) {
    return std::unexpected(DurationError::malformed);
  }
  std::uint64_t weight_ms = 100;
  for (const char digit : text.substr(1)) {
    total_ms += static_cast<std::uint64_t>(digit - '0') * weight_ms;
    weight_ms /= 10;
  }
  return total_ms;
}

}  // namespace

std::expected<std::uint32_t, DurationError> parse_duration_ms(std::string_view text) {
  if (text.empty()) return std::unexpected(DurationError::empty);
  std::uint64_t total_ms = 0;
  while (!text.empty()) {
    if (text.find_first_of(kDigits) != 0) return std::unexpected(DurationError::malformed);
    const auto number = take_number(text);
    if (!number) return std::unexpected(DurationError::too_long);
    if (text.empty()) return std::unexpected(DurationError::no_unit);
    const auto unit = unit_of(text);
    if (!unit) return std::unexpected(DurationError::unknown_unit);
    text.remove_prefix(unit->octets);
    if (*number > kMaxMs) return std::unexpected(DurationError::too_long);
    total_ms += *number * unit->ms;
    if (total_ms > kMaxMs) return std::unexpected(DurationError::too_long);
  }
  return static_cast<std::uint32_t>(total_ms);
}

std::expected<std::uint32_t, DurationError> parse_seconds_ms(std::string_view text) {
  if (text.empty()) return std::unexpected(DurationError::empty);
  std::uint64_t minutes = 0;
  if (text.contains(':')) {  // hh:mm:ss
    const auto hours = take_number(text);
    if (!hours || !text.starts_with(':')) return std::unexpected(DurationError::malformed);
    text.remove_prefix(1);
    const auto rest = take_number(text);
    if (!rest || !text.starts_with(':')) return std::unexpected(DurationError::malformed);
    text.remove_prefix(1);
    if (*hours > kMaxMs || *rest > 59) return std::unexpected(DurationError::malformed);
    minutes = *hours * 60 + *rest;
  }
  const auto seconds_ms = decimal_seconds(text);
  if (!seconds_ms) return std::unexpected(seconds_ms.error());
  const std::uint64_t total_ms = minutes * 60'000 + *seconds_ms;
  if (total_ms > kMaxMs) return std::unexpected(DurationError::too_long);
  return static_cast<std::uint32_t>(total_ms);
}

std::string duration_text(std::uint32_t duration_ms) {
  if (duration_ms == 0) return "0s";
  std::string out;
  const auto part = [&](std::uint32_t unit_ms, std::string_view unit) {
    if (duration_ms >= unit_ms) (out += std::to_string(duration_ms / unit_ms)) += unit;
    duration_ms %= unit_ms;
  };
  part(3'600'000, "h");
  part(60'000, "m");
  part(1'000, "s");
  part(1, "ms");
  return out;
}

std::string_view to_text(DurationError error) noexcept {
  switch (error) {
    case DurationError::empty: return "is empty";
    case DurationError::no_unit: return "has no unit";
    case DurationError::unknown_unit: return "has an unknown unit";
    case DurationError::malformed: return "is not a duration";
    case DurationError::too_long: return "is too long";
  }
  return "is not a duration";
}

}  // namespace sallyport::config
