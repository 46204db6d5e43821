#pragma once
// How attributes lie within a Vendor-Specific (RFC 2865 §5.26), and TLVs within one of those. For
// rehide.cc and unhide.cc only.

#include <cstddef>
#include <cstdint>

#include "protocol/octets.h"
#include "protocol/radius/hidden_attributes.h"

namespace sallyport::radius {

inline constexpr std::size_t kVendorIdOctets = 4;
/// Of the TLVs within an attribute: type, length, value.
inline constexpr VendorFormat kTlvFormat{};

[[nodiscard]] inline std::size_t big_endian(Octets octets) {
  std::size_t value = 0;
  for (const std::uint8_t octet : octets) value = value << 8 | octet;
  return value;
}

/// Walks the attributes within a Vendor-Specific, or the TLVs within one of them.
class VendorAttributes {
 public:
  VendorAttributes(Octets all, const VendorFormat& format) : all_(all), format_(format) {}

  /// Every length fits. Only then may the rest be called.
  [[nodiscard]] static bool well_formed(Octets all, const VendorFormat& format) {
    std::size_t at = 0;
    while (at < all.size()) {
      if (all.size() - at < format.header_octets()) return false;
      const std::size_t length =
          big_endian(all.subspan(at + format.type_octets, format.length_octets));
      if (length < format.header_octets() || length > all.size() - at) return false;
      at += length;
    }
    return true;
  }

  [[nodiscard]] bool done() const { return at_ == all_.size(); }
  void next() { at_ += length(); }
  [[nodiscard]] std::uint16_t type() const {
    return static_cast<std::uint16_t>(big_endian(all_.subspan(at_, format_.type_octets)));
  }
  /// This attribute goes on in the next Vendor-Specific.
  [[nodiscard]] bool continues() const {
    return format_.continuation && (all_[at_ + format_.header_octets() - 1] & 0x80) != 0;
  }
  [[nodiscard]] std::size_t value_offset() const { return at_ + format_.header_octets(); }
  [[nodiscard]] std::size_t value_octets() const { return length() - format_.header_octets(); }

 private:
  [[nodiscard]] std::size_t length() const {
    return big_endian(all_.subspan(at_ + format_.type_octets, format_.length_octets));
  }

  Octets all_;
  VendorFormat format_;
  std::size_t at_ = 0;
};

}  // namespace sallyport::radius
