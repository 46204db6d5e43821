#pragma once
// Moves hidden attributes from one hop's secret to another's. No clear text ever exists: a block is
// XORed with both hops' pads at once. Lengths never change, so an attribute is rewritten where its
// copy stands. Salts are made new: unique within the packet, top bit set (RFC 2868 §3.5).

#include <cstdint>
#include <expected>

#include "protocol/octets.h"
#include "protocol/radius/authenticator.h"
#include "protocol/radius/hidden_attributes.h"
#include "protocol/radius/hop_key.h"
#include "protocol/radius/packet.h"

namespace sallyport::radius {

/// What hides on one hop: its secret and the Request Authenticator on it; zeros where that is
/// computed from the packet (accounting, CoA).
struct HidingEnd {
  const HopKey& key;
  Authenticator authenticator;
};

/// A hidden attribute whose length cannot be.
enum class BadHiding : std::uint8_t {
  user_password,  ///< standard User-Password: not a multiple of 16 in 16..128
  other,          ///< a salted or vendor's attribute
};

/// The pads of one block on both hops.
struct HidingPads {
  Authenticator from;
  Authenticator to;
};

/// For one packet.
class Rehider {
 public:
  /// `first_salt`: any value; the packet's salts count up from it. `password_pads`: of the first
  /// block of User-Password, where they were computed before; null: computed when needed.
  Rehider(const HidingEnd& from, const HidingEnd& to, std::uint16_t first_salt,
          const HidingPads* password_pads = nullptr) noexcept
      : from_(from), to_(to), next_salt_(first_salt), password_pads_(password_pads) {}

  /// `copy`: the attribute's value as copied for the next hop; what is hidden in it is rewritten.
  /// Attributes that hide nothing, and Vendor-Specific that cannot be parsed, stay as they are
  /// (RFC 6929 §5.2).
  [[nodiscard]] std::expected<void, BadHiding> rehide(const Attribute& attribute,
                                                      MutableOctets copy) noexcept;

 private:
  [[nodiscard]] bool rehide_vendor_specific(Octets value, MutableOctets copy) noexcept;
  [[nodiscard]] bool rehide_tlvs(const HiddenVendor& vendor, std::uint16_t type, Octets value,
                                 MutableOctets copy) noexcept;
  [[nodiscard]] bool rehide_value(Hiding hiding, Octets value, MutableOctets copy) noexcept;
  [[nodiscard]] bool rehide_salted(Octets value, MutableOctets copy) noexcept;
  void rehide_ascend_secret(Octets value, MutableOctets copy) const noexcept;
  /// Of a first block: salts are empty where there are none.
  [[nodiscard]] HidingPads first_pads(Octets from_salt, Octets to_salt) const noexcept;
  void rehide_blocks(HidingPads pads, Octets hidden, MutableOctets copy) const noexcept;

  HidingEnd from_;
  HidingEnd to_;
  std::uint16_t next_salt_;
  const HidingPads* password_pads_;
};

}  // namespace sallyport::radius
