#include "protocol/radius/hidden_attributes.h"

#include <algorithm>

namespace sallyport::radius {
namespace {

using enum Hiding;
using Entry = HiddenVendorAttribute;

constexpr Entry kMotorola[] = {
    {11, 0, salted},  // Motorola-WiMAX-MIP-KEY
};
constexpr Entry kMicrosoft[] = {
    {12, 0, user_password, 24},  // MS-CHAP-MPPE-Keys (RFC 2548 §2.4.1)
    {16, 0, salted},             // MS-MPPE-Send-Key (RFC 2548 §2.4.2)
    {17, 0, salted},             // MS-MPPE-Recv-Key (RFC 2548 §2.4.3)
};
constexpr Entry kAscend[] = {
    {214, 0, ascend_secret},  // Ascend-Send-Secret; Lucent: Lucent-Send-Secret
    {215, 0, ascend_secret},  // Ascend-Receive-Secret; Lucent: Lucent-Receive-Secret
};
constexpr Entry kAluAaa[] = {
    {116, 0, salted}, {117, 0, salted}, {118, 0, salted}, {119, 0, salted},  // ALU-AAA-Key-0..3
};
constexpr Entry kLancom[] = {
    {19, 0, tagged_salted},  // LCS-IKEv2-Local-Password
    {20, 0, tagged_salted},  // LCS-IKEv2-Remote-Password
};
constexpr Entry kErx[] = {
    {58, 0, salted},  // ERX-LI-Action
    {59, 0, salted},  // ERX-Med-Dev-Handle
    {60, 0, salted},  // ERX-Med-Ip-Address
    {61, 0, salted},  // ERX-Med-Port-Number
};
constexpr Entry k3gpp2[] = {
    {58, 0, salted},  // 3GPP2-MN-HA-Shared-Key
};
constexpr Entry kAlcatelSr[] = {
    {122, 0, salted},  // Alc-LI-Action
    {123, 0, salted},  // Alc-LI-Destination
    {124, 0, salted},  // Alc-LI-FC
    {125, 0, salted},  // Alc-LI-Direction
    {138, 0, salted},  // Alc-LI-Intercept-Id
    {139, 0, salted},  // Alc-LI-Session-Id
    {142, 0, salted},  // Alc-APN-Password
};
constexpr Entry kAlphion[] = {
    {44, 0, salted},  // Alphion-MPSK-Passphrase
};
constexpr Entry kAruba[] = {
    {44, 0, salted},         // Aruba-MPSK-Passphrase
    {66, 0, user_password},  // Aruba-MPSK-Lookup-Info
    {72, 0, salted},         // Aruba-DPP-Passphrase
};
constexpr Entry kWimax[] = {
    {5, 0, salted},    // WiMAX-MSK
    {10, 0, salted},   // WiMAX-MN-hHA-MIP4-Key
    {12, 0, salted},   // WiMAX-MN-hHA-MIP6-Key
    {14, 0, salted},   // WiMAX-FA-RK-Key
    {15, 0, salted},   // WiMAX-HA-RK-Key
    {19, 0, salted},   // WiMAX-RRQ-MN-HA-Key
    {40, 0, salted},   // WiMAX-DHCP-RK
    {66, 0, salted},   // WiMAX-vHA-MIP4-Key
    {67, 0, salted},   // WiMAX-vHA-RK-Key
    {70, 0, salted},   // WiMAX-MN-vHA-MIP6-Key
    {75, 0, salted},   // WiMAX-vDHCP-RK
    {86, 3, salted},   // WiMAX-hDHCP-DHCP-RK
    {87, 3, salted},   // WiMAX-vDHCP-DHCP-RK
    {131, 0, salted},  // WiMAX-PMIP6-RK-Key
};
constexpr Entry kExtreme[] = {
    {3, 0, salted},  // Extreme-Libsip-Patron-Info
};
constexpr Entry kRtBrick[] = {
    {140, 0, salted},  // RtBrick-LI-Action
    {141, 0, salted},  // RtBrick-LI-Identifier
    {142, 0, salted},  // RtBrick-LI-Direction
    {143, 0, salted},  // RtBrick-LI-MED-Instance
    {144, 0, salted},  // RtBrick-LI-MED-IP
    {145, 0, salted},  // RtBrick-LI-MED-Port
};

constexpr HiddenVendor kVendors[] = {
    {.id = 161, .format = {}, .attributes = kMotorola},
    {.id = 311, .format = {}, .attributes = kMicrosoft},
    {.id = 529, .format = {}, .attributes = kAscend},
    {.id = 831, .format = {}, .attributes = kAluAaa},
    {.id = 2356, .format = {}, .attributes = kLancom},
    {.id = 4846, .format = {.type_octets = 2}, .attributes = kAscend},  // Lucent
    {.id = 4874, .format = {}, .attributes = kErx},
    {.id = 5535, .format = {}, .attributes = k3gpp2},
    {.id = 6527, .format = {}, .attributes = kAlcatelSr},
    {.id = 8742, .format = {}, .attributes = kAlphion},
    {.id = 14823, .format = {}, .attributes = kAruba},
    {.id = 24757, .format = {.continuation = true}, .attributes = kWimax},
    {.id = 26928, .format = {}, .attributes = kExtreme},
    {.id = 50058, .format = {}, .attributes = kRtBrick},
};
static_assert(std::ranges::is_sorted(kVendors, {}, &HiddenVendor::id));

/// Ascend's old software uses the standard space for them (FreeRADIUS: dictionary.ascend.illegal).
constexpr auto kAscendSendSecret = static_cast<Type>(214);
constexpr auto kAscendReceiveSecret = static_cast<Type>(215);

}  // namespace

const HiddenVendorAttribute* HiddenVendor::entry(std::uint16_t type,
                                                 std::uint8_t nested) const noexcept {
  for (const Entry& each : attributes) {
    if (each.type == type && each.nested == nested) return &each;
  }
  return nullptr;
}

std::optional<Hiding> HiddenVendor::find(std::uint16_t type, std::uint8_t nested) const noexcept {
  const Entry* const found = entry(type, nested);
  if (found == nullptr) return std::nullopt;
  return found->hiding;
}

bool HiddenVendor::nests(std::uint16_t type) const noexcept {
  return std::ranges::any_of(
      attributes, [type](const Entry& entry) { return entry.type == type && entry.nested != 0; });
}

std::optional<Hiding> hiding_of(Type type) noexcept {
  if (type == Type::user_password) return user_password;
  if (type == Type::tunnel_password) return tagged_salted;
  if (type == kAscendSendSecret || type == kAscendReceiveSecret) return ascend_secret;
  return std::nullopt;
}

bool may_hide(Type type) noexcept {
  return type == Type::vendor_specific || hiding_of(type).has_value();
}

const HiddenVendor* find_hidden_vendor(std::uint32_t id) noexcept {
  const auto* const vendor = std::ranges::lower_bound(kVendors, id, {}, &HiddenVendor::id);
  return vendor != std::end(kVendors) && vendor->id == id ? vendor : nullptr;
}

std::span<const HiddenVendor> hidden_vendors() noexcept { return kVendors; }

}  // namespace sallyport::radius
