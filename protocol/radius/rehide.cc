#include "protocol/radius/rehide.h"

#include <algorithm>

#include "protocol/check.h"
#include "protocol/radius/vendor_attributes.h"

namespace sallyport::radius {
namespace {

constexpr std::size_t kBlock = 16;
constexpr std::size_t kSaltOctets = 2;
constexpr std::size_t kMaxUserPasswordOctets = 128;

bool is_whole_blocks(std::size_t octets) { return octets != 0 && octets % kBlock == 0; }

}  // namespace

std::expected<void, BadHiding> Rehider::rehide(const Attribute& attribute,
                                               MutableOctets copy) noexcept {
  CHECK(copy.size() == attribute.value.size());
  if (attribute.type == Type::vendor_specific) {
    if (!rehide_vendor_specific(attribute.value, copy)) return std::unexpected(BadHiding::other);
    return {};
  }
  const auto hiding = hiding_of(attribute.type);
  if (!hiding) return {};
  if (attribute.type == Type::user_password && attribute.value.size() > kMaxUserPasswordOctets) {
    return std::unexpected(BadHiding::user_password);
  }
  if (!rehide_value(*hiding, attribute.value, copy)) {
    return std::unexpected(attribute.type == Type::user_password ? BadHiding::user_password
                                                                 : BadHiding::other);
  }
  return {};
}

bool Rehider::rehide_vendor_specific(Octets value, MutableOctets copy) noexcept {
  if (value.size() < kVendorIdOctets) return true;
  const auto id = static_cast<std::uint32_t>(big_endian(value.first(kVendorIdOctets)));
  const HiddenVendor* const vendor = find_hidden_vendor(id);
  if (vendor == nullptr) return true;
  value = value.subspan(kVendorIdOctets);
  copy = copy.subspan(kVendorIdOctets);
  if (!VendorAttributes::well_formed(value, vendor->format)) return true;

  for (VendorAttributes at(value, vendor->format); !at.done(); at.next()) {
    const auto hiding = vendor->find(at.type());
    if (!hiding && !vendor->nests(at.type())) continue;
    // A key never needs two Vendor-Specific (at most 2 + 256 octets, in practice 66), so none that
    // claims to is worth putting together from pieces.
    if (at.continues()) return false;
    const Octets from = value.subspan(at.value_offset(), at.value_octets());
    const MutableOctets to = copy.subspan(at.value_offset(), at.value_octets());
    if (hiding ? !rehide_value(*hiding, from, to) : !rehide_tlvs(*vendor, at.type(), from, to)) {
      return false;
    }
  }
  return true;
}

bool Rehider::rehide_tlvs(const HiddenVendor& vendor, std::uint16_t type, Octets value,
                          MutableOctets copy) noexcept {
  if (!VendorAttributes::well_formed(value, kTlvFormat)) return true;
  for (VendorAttributes at(value, kTlvFormat); !at.done(); at.next()) {
    if (at.type() == 0) continue;  // nested 0 in the table means the attribute itself
    const auto hiding = vendor.find(type, static_cast<std::uint8_t>(at.type()));
    if (hiding && !rehide_value(*hiding, value.subspan(at.value_offset(), at.value_octets()),
                                copy.subspan(at.value_offset(), at.value_octets()))) {
      return false;
    }
  }
  return true;
}

bool Rehider::rehide_value(Hiding hiding, Octets value, MutableOctets copy) noexcept {
  switch (hiding) {
    case Hiding::user_password:
      if (!is_whole_blocks(value.size())) return false;
      rehide_blocks(password_pads_ != nullptr ? *password_pads_ : first_pads({}, {}), value, copy);
      return true;
    case Hiding::salted: return rehide_salted(value, copy);
    case Hiding::tagged_salted:
      if (value.empty()) return false;
      return rehide_salted(value.subspan(1), copy.subspan(1));
    case Hiding::ascend_secret:
      // Of another length it is no such secret: these numbers are not Ascend's alone.
      if (value.size() == kBlock) rehide_ascend_secret(value, copy);
      return true;
  }
  return false;
}

bool Rehider::rehide_salted(Octets value, MutableOctets copy) noexcept {
  if (value.size() < kSaltOctets || !is_whole_blocks(value.size() - kSaltOctets)) return false;
  const auto salt = static_cast<std::uint16_t>(next_salt_++ | 0x8000);
  copy[0] = static_cast<std::uint8_t>(salt >> 8);
  copy[1] = static_cast<std::uint8_t>(salt);
  rehide_blocks(first_pads(value.first(kSaltOctets), copy.first(kSaltOctets)),
                value.subspan(kSaltOctets), copy.subspan(kSaltOctets));
  return true;
}

void Rehider::rehide_ascend_secret(Octets value, MutableOctets copy) const noexcept {
  const Authenticator from = from_.key.ascend_pad(from_.authenticator);
  const Authenticator to = to_.key.ascend_pad(to_.authenticator);
  for (std::size_t i = 0; i < kBlock; ++i) {
    copy[i] = static_cast<std::uint8_t>(value[i] ^ from.octets[i] ^ to.octets[i]);
  }
}

HidingPads Rehider::first_pads(Octets from_salt, Octets to_salt) const noexcept {
  return {.from = from_.key.pad(from_.authenticator.octets, from_salt),
          .to = to_.key.pad(to_.authenticator.octets, to_salt)};
}

void Rehider::rehide_blocks(HidingPads pads, Octets hidden, MutableOctets copy) const noexcept {
  for (std::size_t at = 0; at < hidden.size(); at += kBlock) {
    if (at != 0) {  // the block before, as hidden on each hop, chains to this one
      pads.from = from_.key.pad(hidden.subspan(at - kBlock, kBlock));
      pads.to = to_.key.pad(copy.subspan(at - kBlock, kBlock));
    }
    for (std::size_t i = 0; i < kBlock; ++i) {
      copy[at + i] =
          static_cast<std::uint8_t>(hidden[at + i] ^ pads.from.octets[i] ^ pads.to.octets[i]);
    }
  }
}

}  // namespace sallyport::radius
