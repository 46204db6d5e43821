#pragma once
// What dynamic authorization reads in a packet, and writes into one (RFC 5176 §3, RFC 8559 §3).
// Pure.

#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/octets.h"
#include "protocol/radius/authenticator.h"
#include "protocol/radius/codes.h"
#include "protocol/radius/packet.h"

namespace sallyport::radius_door {

/// CoA-Request or Disconnect-Request.
[[nodiscard]] bool is_request(radius::Code code);
/// The answers to a request of this code, which is one of the two.
[[nodiscard]] radius::Code ack_of(std::uint8_t code);
[[nodiscard]] radius::Code nak_of(std::uint8_t code);

/// Big endian. `value`: 4 octets or more.
[[nodiscard]] std::uint32_t number_in(Octets value);
/// What may tell whose session is meant (RFC 5176 §3).
[[nodiscard]] bool names_session(const radius::PacketView& packet);
/// The newest Event-Timestamp, Unix time; 0: there is none. Nothing: one is more than `window_s`
/// from `unix_s`, or no time at all.
[[nodiscard]] std::optional<std::uint32_t> event_time(const radius::PacketView& packet,
                                                      std::int64_t unix_s, std::uint32_t window_s);
/// Whole, in their order.
[[nodiscard]] std::vector<std::uint8_t> proxy_states_of(const radius::PacketView& packet);
/// Whether one of its Proxy-States is this.
[[nodiscard]] bool carries(const radius::PacketView& packet, Octets proxy_state);
/// 241.8 (RFC 8559 §3.4). It is ours to read, not the NAS's: one that does not know it answers with
/// Error-Cause 401 (RFC 5176 §3.5).
[[nodiscard]] bool is_operator_nas_identifier(const radius::Attribute& attribute) noexcept;
/// The packet without such, in `out`, which has room for it; its length. Authenticators are not
/// kept up.
[[nodiscard]] std::size_t without_operator_nas_identifier(const radius::PacketView& packet,
                                                          MutableOctets out);
/// Of a packet as it is on the wire.
[[nodiscard]] radius::Authenticator authenticator_in(Octets packet);

}  // namespace sallyport::radius_door
