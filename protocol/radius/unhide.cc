#include "protocol/radius/unhide.h"

#include <algorithm>
#include <array>

#include "protocol/check.h"
#include "protocol/radius/vendor_attributes.h"

namespace sallyport::radius {
namespace {

constexpr std::size_t kBlock = 16;
constexpr std::size_t kSaltOctets = 2;
constexpr std::size_t kMaxUserPasswordOctets = 128;
/// The longest hidden string of whole blocks that an attribute has room for.
constexpr std::size_t kMaxHiddenOctets = 240;

using Blocks = std::array<std::uint8_t, kMaxHiddenOctets>;

std::size_t whole_blocks(std::size_t octets) { return (octets + kBlock - 1) / kBlock * kBlock; }

std::size_t without_zeros(Octets padded) {
  std::size_t length = padded.size();
  while (length > 0 && padded[length - 1] == 0) --length;
  return length;
}

/// RFC 2865 §5.2 and RFC 2868 §3.5: chained from `first`, each block under the hidden one before.
/// `out` may be `in`.
void chain_blocks(const HopKey& key, Authenticator first, Octets in, MutableOctets out,
                  bool hiding) {
  Authenticator pad = first;
  for (std::size_t at = 0; at < in.size(); at += kBlock) {
    Authenticator hidden;
    if (!hiding) copy_octets(in.subspan(at, kBlock), hidden.octets);
    for (std::size_t i = 0; i < kBlock; ++i) {
      out[at + i] = static_cast<std::uint8_t>(in[at + i] ^ pad.octets[i]);
    }
    if (hiding) copy_octets(out.subspan(at, kBlock), hidden.octets);
    if (at + kBlock < in.size()) pad = key.pad(hidden.octets);
  }
}

void hide_blocks(const HopKey& key, const Authenticator& first, Octets clear, MutableOctets out) {
  chain_blocks(key, first, clear, out, true);
}
void reveal_blocks(const HopKey& key, const Authenticator& first, Octets hidden,
                   MutableOctets out) {
  chain_blocks(key, first, hidden, out, false);
}

bool is_hidden_length(std::size_t octets) {
  return octets != 0 && octets % kBlock == 0 && octets <= kMaxHiddenOctets;
}

}  // namespace

std::expected<std::size_t, BadHiding> Unhider::rewrite(const Attribute& attribute,
                                                       MutableOctets out) noexcept {
  CHECK(out.size() >= kMaxAttributeValueOctets && from_.key.hides() != to_.key.hides());
  out = out.first(kMaxAttributeValueOctets);
  const bool is_password = attribute.type == Type::user_password;
  const auto hiding = hiding_of(attribute.type);
  Written written;
  if (is_password && attribute.value.size() > kMaxUserPasswordOctets) {
    return std::unexpected(BadHiding::user_password);
  }
  if (attribute.type == Type::vendor_specific) {
    written = rewrite_vendor_specific(attribute.value, out);
  } else if (hiding) {
    written = rewrite_value(*hiding, 0, attribute.value, out);
  } else {
    copy_octets(attribute.value, out);
    written = attribute.value.size();
  }
  if (written) return *written;
  return std::unexpected(is_password ? BadHiding::user_password : BadHiding::other);
}

Unhider::Written Unhider::rewrite_vendor_specific(Octets value, MutableOctets out) noexcept {
  const auto as_it_is = [&]() -> Written {
    copy_octets(value, out);
    return value.size();
  };
  if (value.size() < kVendorIdOctets) return as_it_is();
  const HiddenVendor* const vendor =
      find_hidden_vendor(static_cast<std::uint32_t>(big_endian(value.first(kVendorIdOctets))));
  if (vendor == nullptr) return as_it_is();
  const Octets all = value.subspan(kVendorIdOctets);
  if (!VendorAttributes::well_formed(all, vendor->format)) return as_it_is();
  copy_octets(value.first(kVendorIdOctets), out);
  const Written written = rewrite_all(*vendor, 0, all, out.subspan(kVendorIdOctets));
  if (!written) return {};
  return kVendorIdOctets + *written;
}

Unhider::Written Unhider::rewrite_all(const HiddenVendor& vendor, std::uint16_t attribute,
                                      Octets all, MutableOctets out) noexcept {
  const bool nested = attribute != 0;
  const VendorFormat& format = nested ? kTlvFormat : vendor.format;
  const std::size_t header = format.header_octets();
  std::size_t used = 0;
  for (VendorAttributes at(all, format); !at.done(); at.next()) {
    const Octets value = all.subspan(at.value_offset(), at.value_octets());
    if (out.size() - used < header) return {};
    const MutableOctets place = out.subspan(used);
    const MutableOctets room = place.subspan(header);
    copy_octets(all.subspan(at.value_offset() - header, header), place);
    // Nested 0 in the table means the attribute itself.
    const auto* const entry =
        nested ? (at.type() == 0 ? nullptr
                                 : vendor.entry(attribute, static_cast<std::uint8_t>(at.type())))
               : vendor.entry(at.type(), 0);
    const bool nests = !nested && vendor.nests(at.type());
    // As for Rehider: no key needs two Vendor-Specific.
    if ((entry != nullptr || nests) && at.continues()) return {};
    Written written;
    if (entry != nullptr) {
      written = rewrite_value(entry->hiding, entry->clear_octets, value, room);
    } else if (nests && VendorAttributes::well_formed(value, kTlvFormat)) {
      written = rewrite_all(vendor, at.type(), value, room);
    } else if (value.size() <= room.size()) {
      copy_octets(value, room);
      written = value.size();
    }
    const std::size_t most = format.length_octets == 0 ? value.size() : 0xff - header;
    if (!written || *written > most) return {};
    if (format.length_octets > 0) {
      const std::size_t low = format.type_octets + std::size_t{format.length_octets} - 1;
      place[low] = static_cast<std::uint8_t>(header + *written);
    }
    used += header + *written;
  }
  return used;
}

Unhider::Written Unhider::rewrite_value(Hiding hiding, std::size_t clear_octets, Octets value,
                                        MutableOctets out) noexcept {
  return to_.key.hides() ? hide(hiding, value, out) : reveal(hiding, clear_octets, value, out);
}

Unhider::Written Unhider::hide(Hiding hiding, Octets clear, MutableOctets out) noexcept {
  switch (hiding) {
    case Hiding::user_password: {
      const std::size_t octets = whole_blocks(clear.size());
      if (clear.empty() || octets > kMaxHiddenOctets || octets > out.size()) return {};
      std::ranges::fill(out.first(octets), std::uint8_t{0});
      copy_octets(clear, out);
      hide_blocks(to_.key, to_.key.pad(to_.authenticator.octets), out.first(octets), out);
      return octets;
    }
    case Hiding::salted: return hide_salted(clear, out);
    case Hiding::tagged_salted: {
      if (clear.empty() || out.empty()) return {};
      out[0] = clear[0];
      const Written written = hide_salted(clear.subspan(1), out.subspan(1));
      if (!written) return {};
      return 1 + *written;
    }
    case Hiding::ascend_secret: {
      // Longer ones are no such secret: these numbers are not Ascend's alone.
      const std::size_t octets = clear.size() > kBlock ? clear.size() : kBlock;
      if (octets > out.size()) return {};
      std::ranges::fill(out.first(octets), std::uint8_t{0});
      copy_octets(clear, out);
      if (clear.size() > kBlock) return octets;
      const Authenticator pad = to_.key.ascend_pad(to_.authenticator);
      for (std::size_t i = 0; i < kBlock; ++i) out[i] ^= pad.octets[i];
      return octets;
    }
  }
  return {};
}

Unhider::Written Unhider::hide_salted(Octets clear, MutableOctets out) noexcept {
  const std::size_t octets = whole_blocks(1 + clear.size());
  if (octets > kMaxHiddenOctets || kSaltOctets + octets > out.size()) return {};
  const auto salt = static_cast<std::uint16_t>(next_salt_++ | 0x8000);
  out[0] = static_cast<std::uint8_t>(salt >> 8);
  out[1] = static_cast<std::uint8_t>(salt);
  const MutableOctets blocks = out.subspan(kSaltOctets, octets);
  std::ranges::fill(blocks, std::uint8_t{0});
  blocks[0] = static_cast<std::uint8_t>(clear.size());
  copy_octets(clear, blocks.subspan(1));
  hide_blocks(to_.key, to_.key.pad(to_.authenticator.octets, out.first(kSaltOctets)), blocks,
              blocks);
  return kSaltOctets + octets;
}

Unhider::Written Unhider::reveal(Hiding hiding, std::size_t clear_octets, Octets hidden,
                                 MutableOctets out) const noexcept {
  switch (hiding) {
    case Hiding::user_password: {
      if (!is_hidden_length(hidden.size()) || hidden.size() > out.size()) return {};
      reveal_blocks(from_.key, from_.key.pad(from_.authenticator.octets), hidden, out);
      if (clear_octets > 0 && clear_octets <= hidden.size()) return clear_octets;
      const std::size_t octets = without_zeros(out.first(hidden.size()));
      return octets == 0 ? Written() : Written(octets);
    }
    case Hiding::salted: return reveal_salted(hidden, out);
    case Hiding::tagged_salted: {
      if (hidden.empty() || out.empty()) return {};
      out[0] = hidden[0];
      const Written written = reveal_salted(hidden.subspan(1), out.subspan(1));
      if (!written) return {};
      return 1 + *written;
    }
    case Hiding::ascend_secret: {
      if (hidden.size() > out.size()) return {};
      copy_octets(hidden, out);
      if (hidden.size() != kBlock) return hidden.size();
      const Authenticator pad = from_.key.ascend_pad(from_.authenticator);
      for (std::size_t i = 0; i < kBlock; ++i) out[i] ^= pad.octets[i];
      return without_zeros(out.first(kBlock));
    }
  }
  return {};
}

Unhider::Written Unhider::reveal_salted(Octets hidden, MutableOctets out) const noexcept {
  if (hidden.size() < kSaltOctets || !is_hidden_length(hidden.size() - kSaltOctets)) return {};
  const Octets cipher = hidden.subspan(kSaltOctets);
  Blocks clear;
  reveal_blocks(from_.key, from_.key.pad(from_.authenticator.octets, hidden.first(kSaltOctets)),
                cipher, clear);
  const std::size_t octets = clear[0];
  Written written;
  if (octets < cipher.size() && octets <= out.size()) {
    copy_octets(Octets(clear).subspan(1, octets), out);
    written = octets;
  }
  wipe(clear);
  return written;
}

}  // namespace sallyport::radius
