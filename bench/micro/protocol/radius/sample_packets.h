#pragma once
// The packets that are measured: what VPN gateways and access points send, and what a RADIUS server
// answers. Signed with our own writer; whoever uses one CHECKs that it is authentic.

#include <cstdint>
#include <vector>

#include "protocol/radius/authenticator.h"
#include "protocol/radius/hop_key.h"
#include "protocol/radius/packet.h"

namespace sallyport::micro {

using Bytes = std::vector<std::uint8_t>;

/// The secrets of both hops.
struct Hops {
  radius::HopKey client{Secret("client's shared secret")};
  radius::HopKey downstream{Secret("downstream's shared secret")};
};

/// Of every sample request.
[[nodiscard]] radius::Authenticator sample_authenticator() noexcept;

/// Access-Request with User-Password and Message-Authenticator: 130 octets.
[[nodiscard]] Bytes pap_request(const radius::HopKey& key, std::uint8_t identifier = 1);
/// Access-Request that carries 200 octets of EAP.
[[nodiscard]] Bytes eap_request(const radius::HopKey& key, std::uint8_t identifier = 1);
/// Accounting-Request (Interim-Update).
[[nodiscard]] Bytes accounting_request(const radius::HopKey& key, std::uint8_t identifier = 1);

/// What a reply answers: the request's Identifier and Request Authenticator.
struct Answered {
  std::uint8_t identifier = 1;
  radius::Authenticator authenticator = sample_authenticator();
};
/// With Message-Authenticator, except the Accounting-Response.
[[nodiscard]] Bytes accept_reply(const radius::HopKey& key, const Answered& request = {});
[[nodiscard]] Bytes reject_reply(const radius::HopKey& key, const Answered& request = {});
[[nodiscard]] Bytes accounting_reply(const radius::HopKey& key, const Answered& request = {});
/// Access-Accept with EAP-Success and both MS-MPPE keys (RFC 2548 §2.4).
[[nodiscard]] Bytes mppe_reply(const radius::HopKey& key, const Answered& request = {});

/// CHECKs that it is well-formed.
[[nodiscard]] radius::PacketView parsed(Octets packet) noexcept;

}  // namespace sallyport::micro
