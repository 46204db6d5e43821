#pragma once
// Attributes as operators name them: "Filter-Id" (RFC 2865's word), its number "11", or
// "26.VENDOR.TYPE" for one of a vendor whose attributes are laid out as RFC 2865 §5.26 suggests.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/octets.h"
#include "protocol/radius/packet.h"

namespace sallyport::radius {

struct AttributeName {
  std::uint8_t type = 0;         ///< 26: `vendor` and `vendor_type` say which
  std::uint8_t vendor_type = 0;  ///< 1..255
  std::uint32_t vendor = 0;      ///< SMI Network Management Private Enterprise Code, 24 bits

  /// Nothing: no such name, or a number out of range. The case of letters does not count.
  [[nodiscard]] static std::optional<AttributeName> parse(std::string_view text) noexcept;
  [[nodiscard]] std::string text() const;
  bool operator==(const AttributeName&) const = default;
};

/// The values of `name` in one attribute, handed to `visit` in their order: of an ordinary
/// attribute its value; of Vendor-Specific each sub-attribute of that vendor and type. A
/// Vendor-Specific that is not laid out so gives none from where it fails.
template <class Visit>
void for_each_value(const AttributeName& name, const Attribute& attribute, Visit&& visit) {
  if (static_cast<std::uint8_t>(attribute.type) != name.type) return;
  if (attribute.type != Type::vendor_specific) return visit(attribute.value);
  Octets rest = attribute.value;
  if (rest.size() < 4) return;
  const std::uint32_t vendor = std::uint32_t{rest[0]} << 24 | std::uint32_t{rest[1]} << 16 |
                               std::uint32_t{rest[2]} << 8 | std::uint32_t{rest[3]};
  if (vendor != name.vendor) return;
  rest = rest.subspan(4);
  while (rest.size() >= 2 && rest[1] >= 2 && rest[1] <= rest.size()) {
    if (rest[0] == name.vendor_type) visit(rest.subspan(2, std::size_t{rest[1]} - 2));
    rest = rest.subspan(rest[1]);
  }
}

}  // namespace sallyport::radius
