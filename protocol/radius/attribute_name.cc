#include "protocol/radius/attribute_name.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "protocol/ascii.h"

namespace sallyport::radius {
namespace {

/// Those that carry what a server says of a user (RFC 2865 §5, 2868 §3, 2869 §5, 4372).
constexpr auto kNames = std::to_array<std::pair<std::string_view, std::uint8_t>>({
    {"User-Name", 1},
    {"Filter-Id", 11},
    {"Reply-Message", 18},
    {"Callback-Id", 20},
    {"Class", 25},
    {"Login-LAT-Group", 36},
    {"Tunnel-Private-Group-Id", 81},
    {"Framed-Pool", 88},
    {"Chargeable-User-Identity", 89},
});
constexpr std::uint8_t kVendorSpecific = 26;
constexpr std::uint32_t kMaxVendor = 0xff'ffff;

/// A decimal number from 1 to `max` at the beginning of `text`, taken off it.
std::optional<std::uint32_t> take_number(std::string_view& text, std::uint32_t max) noexcept {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number == 0 || number > max) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool take_dot(std::string_view& text) noexcept {
  if (!text.starts_with('.')) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<AttributeName> AttributeName::parse(std::string_view text) noexcept {
  for (const auto& [name, type] : kNames) {
    if (equal_ignoring_case(text, name)) return AttributeName{.type = type};
  }
  const auto type = take_number(text, 255);
  if (!type) return std::nullopt;
  AttributeName name{.type = static_cast<std::uint8_t>(*type)};
  if (name.type != kVendorSpecific) return text.empty() ? std::optional(name) : std::nullopt;
  if (!take_dot(text)) return std::nullopt;
  const auto vendor = take_number(text, kMaxVendor);
  if (!vendor || !take_dot(text)) return std::nullopt;
  const auto vendor_type = take_number(text, 255);
  if (!vendor_type || !text.empty()) return std::nullopt;
  name.vendor = *vendor;
  name.vendor_type = static_cast<std::uint8_t>(*vendor_type);
  return name;
}

std::string AttributeName::text() const {
  if (type == kVendorSpecific)
    return "26." + std::to_string(vendor) + '.' + std::to_string(vendor_type);
  const auto known = std::ranges::find(kNames, type, &decltype(kNames)::value_type::second);
  return known == kNames.end() ? std::to_string(type) : std::string(known->first);
}

}  // namespace sallyport::radius
