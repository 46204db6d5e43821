#pragma once
// Finds packets in a byte stream (RFC 6613 §2.6, RFC 6614): one behind the other, each as long as
// its Length says. A stream that is out of step cannot be put right, so it is closed.

#include <expected>
#include <optional>
#include <span>

#include "protocol/octets.h"
#include "protocol/radius/packet.h"

namespace sallyport::radius {

/// Code, Identifier, Length: what tells how long a packet is. RADIUS/1.1 has its Length there too.
inline constexpr std::size_t kFrameHeadOctets = 4;

/// What the Length of a head says, whatever it is.
[[nodiscard]] constexpr std::size_t frame_octets(
    std::span<const std::uint8_t, kFrameHeadOctets> head) noexcept {
  return std::size_t{head[2]} << 8 | head[3];
}

/// The first packet of `received`: a view of exactly Length octets. Empty: more octets are needed.
/// An error (length_below_minimum, length_above_maximum): the stream must be closed.
[[nodiscard]] std::expected<std::optional<Octets>, Malformed> first_packet(
    Octets received) noexcept;

/// Whether a packet of a stream that is malformed so ends its connection (RFC 6613 §2.6.4): what
/// says nothing sure about where attributes and packets begin. A packet that is whole, and not one
/// for us, is discarded and the connection stays.
[[nodiscard]] bool ends_stream(Malformed reason) noexcept;

}  // namespace sallyport::radius
