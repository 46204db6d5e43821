#include "protocol/radius/stream_frame.h"

namespace sallyport::radius {
std::expected<std::optional<Octets>, Malformed> first_packet(Octets received) noexcept {
  if (received.size() < kFrameHeadOctets) return std::nullopt;
  const std::size_t length = frame_octets(received.first<kFrameHeadOctets>());
  if (length < kMinPacketOctets) return std::unexpected(Malformed::length_below_minimum);
  if (length > kMaxPacketOctets) return std::unexpected(Malformed::length_above_maximum);
  if (received.size() < length) return std::nullopt;
  return received.first(length);
}

bool ends_stream(Malformed reason) noexcept {
  switch (reason) {
    case Malformed::too_short:
    case Malformed::length_below_minimum:
    case Malformed::length_above_maximum:
    case Malformed::length_beyond_datagram:
    case Malformed::attribute_header_truncated:
    case Malformed::attribute_type_zero:
    case Malformed::attribute_length_below_two:
    case Malformed::attribute_beyond_packet:
    case Malformed::message_authenticator_length:
    case Malformed::message_authenticator_twice: return true;
    case Malformed::unknown_code:
    case Malformed::too_many_attributes:
    case Malformed::eap_without_message_authenticator:
    case Malformed::status_server_without_message_authenticator: return false;
  }
  return true;
}

}  // namespace sallyport::radius
