#pragma once
// Moves attributes between a hop that hides them and one of RADIUS/1.1, where they stand in clear
// (RFC 9765 §5.1): User-Password without padding, salted attributes without salt, length and
// padding. Lengths change, so each is written anew. Clear text is on the stack and in the packet
// for the 1.1 hop only.

#include <cstdint>
#include <expected>
#include <optional>

#include "protocol/octets.h"
#include "protocol/radius/codes.h"
#include "protocol/radius/hidden_attributes.h"
#include "protocol/radius/packet.h"
#include "protocol/radius/rehide.h"

namespace sallyport::radius {

/// For one packet. One of the two ends hides, the other one does not.
class Unhider {
 public:
  /// `first_salt`: any value; the packet's salts count up from it.
  Unhider(const HidingEnd& from, const HidingEnd& to, std::uint16_t first_salt) noexcept
      : from_(from), to_(to), next_salt_(first_salt) {}

  /// Writes what the next hop's attribute holds into `out` (kMaxAttributeValueOctets) and returns
  /// its length. What hides nothing, and Vendor-Specific that cannot be parsed, stays as it is.
  [[nodiscard]] std::expected<std::size_t, BadHiding> rewrite(const Attribute& attribute,
                                                              MutableOctets out) noexcept;

 private:
  using Written = std::optional<std::size_t>;  ///< octets; empty: it cannot be

  [[nodiscard]] Written rewrite_vendor_specific(Octets value, MutableOctets out) noexcept;
  /// `attribute`: 0 for the attributes of a vendor, else the one whose TLVs these are.
  [[nodiscard]] Written rewrite_all(const HiddenVendor& vendor, std::uint16_t attribute, Octets all,
                                    MutableOctets out) noexcept;
  [[nodiscard]] Written rewrite_value(Hiding hiding, std::size_t clear_octets, Octets value,
                                      MutableOctets out) noexcept;
  [[nodiscard]] Written hide(Hiding hiding, Octets clear, MutableOctets out) noexcept;
  [[nodiscard]] Written hide_salted(Octets clear, MutableOctets out) noexcept;
  [[nodiscard]] Written reveal(Hiding hiding, std::size_t clear_octets, Octets hidden,
                               MutableOctets out) const noexcept;
  [[nodiscard]] Written reveal_salted(Octets hidden, MutableOctets out) const noexcept;

  HidingEnd from_;
  HidingEnd to_;
  std::uint16_t next_salt_;
};

}  // namespace sallyport::radius
