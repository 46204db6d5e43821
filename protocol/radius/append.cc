#include "protocol/radius/append.h"

#include <algorithm>

#include "protocol/check.h"
#include "protocol/radius/packet.h"
#include "protocol/radius/unsigned_packet.h"

namespace sallyport::radius {

std::size_t append_attributes(MutableOctets buffer, std::size_t octets, Octets attributes,
                              const HopKey& key,
                              const Authenticator& request_authenticator) noexcept {
  constexpr std::size_t kLengthOffset = 2;
  constexpr std::size_t kAuthenticatorOffset = 4;
  const auto reply =
      PacketView::parse(Octets(buffer).first(octets), key.hides() ? Version::v1_0 : Version::v1_1);
  CHECK(reply.has_value());
  const std::size_t length = octets + attributes.size();
  if (length > std::min(buffer.size(), kMaxPacketOctets) ||
      reply->count() + count_attributes(attributes) > kMaxAttributes)
    return 0;
  const std::size_t message_authenticator = reply->message_authenticator_offset();
  copy_octets(attributes, buffer.subspan(octets));
  buffer[kLengthOffset] = static_cast<std::uint8_t>(length >> 8);
  buffer[kLengthOffset + 1] = static_cast<std::uint8_t>(length);
  if (!key.hides()) return length;
  // As both digests want it (unsigned_packet.h).
  copy_octets(request_authenticator.octets, buffer.subspan(kAuthenticatorOffset));
  if (message_authenticator != 0)
    std::ranges::fill(buffer.subspan(message_authenticator, md5::kDigestOctets), std::uint8_t{0});
  return UnsignedPacket(buffer.first(length), key, UnsignedPacket::Kind::computed,
                        message_authenticator)
      .sign();
}

}  // namespace sallyport::radius
