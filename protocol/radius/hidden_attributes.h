#pragma once
// Which attributes are hidden with the hop's secret, and how: a proxy that passes one of them raw
// hands on octets that the next hop cannot read. Standard ones by type; vendors' by (vendor, type
// within the vendor, type within that type's TLVs), with the vendor's own attribute format. The
// table is held against FreeRADIUS' dictionaries by tests/protocol/radius/hidden_attributes_test.

#include <cstdint>
#include <optional>
#include <span>

#include "protocol/radius/codes.h"

namespace sallyport::radius {

enum class Hiding : std::uint8_t {
  user_password,  ///< blocks of 16 chained from the authenticator (RFC 2865 §5.2)
  salted,  ///< Salt (2 octets), then blocks chained from authenticator + salt (RFC 2548 §2.4)
  tagged_salted,  ///< the same behind a Tag octet (RFC 2868 §3.5)
  ascend_secret,  ///< 16 octets under MD5(authenticator + secret): Ascend-Send-Secret
};

/// How a vendor lays out the attributes within Vendor-Specific (RFC 2865 §5.26 suggests 1, 1).
struct VendorFormat {
  std::uint8_t type_octets = 1;
  std::uint8_t length_octets = 1;
  bool continuation = false;  ///< WiMAX: an octet follows whose top bit says "more to come"
  [[nodiscard]] constexpr std::size_t header_octets() const {
    return std::size_t{type_octets} + length_octets + (continuation ? 1 : 0);
  }
};

struct HiddenVendorAttribute {
  std::uint16_t type;
  std::uint8_t nested;  ///< 0: the attribute's own value; else a TLV of this type within it
  Hiding hiding;
  std::uint8_t clear_octets = 0;  ///< user_password: how long it is without padding; 0: it varies
};

struct HiddenVendor {
  std::uint32_t id;  ///< IANA private enterprise number
  VendorFormat format;
  std::span<const HiddenVendorAttribute> attributes;

  /// Null: not hidden.
  [[nodiscard]] const HiddenVendorAttribute* entry(std::uint16_t type,
                                                   std::uint8_t nested) const noexcept;
  [[nodiscard]] std::optional<Hiding> find(std::uint16_t type,
                                           std::uint8_t nested = 0) const noexcept;
  /// Has hidden TLVs within this attribute.
  [[nodiscard]] bool nests(std::uint16_t type) const noexcept;
};

/// Something in an attribute of this type may be hidden: it is worth a closer look.
[[nodiscard]] bool may_hide(Type type) noexcept;
/// Of a standard attribute.
[[nodiscard]] std::optional<Hiding> hiding_of(Type type) noexcept;
/// nullptr: a vendor that hides nothing.
[[nodiscard]] const HiddenVendor* find_hidden_vendor(std::uint32_t id) noexcept;
[[nodiscard]] std::span<const HiddenVendor> hidden_vendors() noexcept;

}  // namespace sallyport::radius
