#include "engine/config/size.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace sallyport::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t octets;
};

constexpr std::array kUnits = std::to_array<Unit>({
    {"TiB", std::uint64_t{1} << 40},
    {"TB", 1'000'000'000'000},
    {"GiB", std::uint64_t{1} << 30},
    {"GB", 1'000'000'000},
    {"MiB", std::uint64_t{1} << 20},
    {"MB", 1'000'000},
    {"KiB", std::uint64_t{1} << 10},
    {"kB", 1'000},
    {"KB", 1'000},
    {"B", 1},
    {"", 1},
});

}  // namespace

std::expected<std::uint64_t, SizeError> parse_size(std::string_view text) {
  if (text.empty()) return std::unexpected(SizeError::empty);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range) return std::unexpected(SizeError::too_large);
  if (error != std::errc{}) return std::unexpected(SizeError::malformed);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with(' ') && text.size() > 1) text.remove_prefix(1);
  if (text.find_first_of("0123456789.,-+") != std::string_view::npos) {
    return std::unexpected(SizeError::malformed);
  }
  const auto unit = std::ranges::find(kUnits, text, &Unit::name);
  if (unit == kUnits.end()) return std::unexpected(SizeError::unknown_unit);
  if (number > std::numeric_limits<std::uint64_t>::max() / unit->octets) {
    return std::unexpected(SizeError::too_large);
  }
  return number * unit->octets;
}

std::string size_text(std::uint64_t octets) {
  for (const Unit& unit : kUnits) {
    if (octets >= unit.octets && octets % unit.octets == 0) {
      return std::to_string(octets / unit.octets) + std::string(unit.octets == 1 ? "" : unit.name);
    }
  }
  return std::to_string(octets);
}

std::string_view to_text(SizeError error) noexcept {
  switch (error) {
    case SizeError::empty: return "is empty";
    case SizeError::unknown_unit: return "has an unknown unit";
    case SizeError::malformed: return "is not a size";
    case SizeError::too_large: return "is too large";
  }
  return "is not a size";
}

}  // namespace sallyport::config
