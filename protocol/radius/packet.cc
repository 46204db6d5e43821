#include "protocol/radius/packet.h"

#include "protocol/check.h"

namespace sallyport::radius {
namespace {

constexpr std::size_t kLengthOffset = 2;
constexpr std::size_t kAuthenticatorOffset = 4;
constexpr std::size_t kMessageAuthenticatorOctets = 18;

bool is_known(std::uint8_t code) {
  switch (static_cast<Code>(code)) {
    case Code::access_request:
    case Code::access_accept:
    case Code::access_reject:
    case Code::accounting_request:
    case Code::accounting_response:
    case Code::access_challenge:
    case Code::status_server:
    case Code::disconnect_request:
    case Code::disconnect_ack:
    case Code::disconnect_nak:
    case Code::coa_request:
    case Code::coa_ack:
    case Code::coa_nak:
    case Code::protocol_error: return true;
  }
  return false;
}

/// The packet without what stands behind its Length.
std::expected<Octets, Malformed> without_padding(Octets datagram) {
  if (datagram.size() < kMinPacketOctets) return std::unexpected(Malformed::too_short);
  if (!is_known(datagram[0])) return std::unexpected(Malformed::unknown_code);
  const std::size_t length =
      std::size_t{datagram[kLengthOffset]} << 8 | datagram[kLengthOffset + 1];
  if (length < kMinPacketOctets) return std::unexpected(Malformed::length_below_minimum);
  if (length > kMaxPacketOctets) return std::unexpected(Malformed::length_above_maximum);
  if (length > datagram.size()) return std::unexpected(Malformed::length_beyond_datagram);
  return datagram.first(length);
}

}  // namespace

std::expected<PacketView, Malformed> PacketView::parse(Octets datagram, Version version) noexcept {
  const auto packet = without_padding(datagram);
  if (!packet) return std::unexpected(packet.error());

  PacketView view;
  view.octets_ = *packet;
  view.version_ = version;
  const bool is_signed = version == Version::v1_0;
  const std::size_t end = packet->size();
  const std::uint8_t* const octets = packet->data();  // every step below stays before `end`
  std::size_t count = 0;
  for (std::size_t at = kHeaderOctets; at != end;) {
    const std::size_t rest = end - at;
    if (rest < 2) return std::unexpected(Malformed::attribute_header_truncated);
    const std::uint8_t type = octets[at];
    const std::uint8_t length = octets[at + 1];
    if (type == 0) return std::unexpected(Malformed::attribute_type_zero);
    if (length < 2) return std::unexpected(Malformed::attribute_length_below_two);
    if (length > rest) return std::unexpected(Malformed::attribute_beyond_packet);
    if (++count > kMaxAttributes) return std::unexpected(Malformed::too_many_attributes);
    if (static_cast<Type>(type) == Type::message_authenticator) {
      if (!is_signed) {
        at += length;
        continue;
      }
      if (length != kMessageAuthenticatorOctets) {
        return std::unexpected(Malformed::message_authenticator_length);
      }
      if (view.seen(type)) return std::unexpected(Malformed::message_authenticator_twice);
      view.message_authenticator_ = static_cast<std::uint16_t>(at + 2);
    }
    view.seen_[type >> 6] |= std::uint64_t{1} << (type & 63);
    at += length;
  }
  view.count_ = static_cast<std::uint16_t>(count);

  if (is_signed && !view.has(Type::message_authenticator)) {
    if (view.has(Type::eap_message)) {
      return std::unexpected(Malformed::eap_without_message_authenticator);
    }
    if (view.code() == Code::status_server) {
      return std::unexpected(Malformed::status_server_without_message_authenticator);
    }
  }
  return view;
}

Authenticator PacketView::authenticator() const noexcept {
  Authenticator out;
  copy_octets(octets_.subspan(kAuthenticatorOffset,
                              version_ == Version::v1_0 ? out.octets.size() : kTokenOctets),
              out.octets);
  return out;
}

std::optional<Octets> PacketView::find(Type type) const noexcept {
  if (!has(type)) return std::nullopt;
  for (const Attribute attribute : *this) {
    if (attribute.type == type) return attribute.value;
  }
  return std::nullopt;
}

std::size_t count_attributes(Octets attributes) noexcept {
  std::size_t count = 0;
  while (!attributes.empty()) {
    CHECK(attributes.size() >= 2 && attributes[1] >= 2 && attributes[1] <= attributes.size());
    attributes = attributes.subspan(attributes[1]);
    ++count;
  }
  return count;
}

const char* to_text(Malformed reason) noexcept {
  switch (reason) {
    case Malformed::too_short: return "too_short";
    case Malformed::unknown_code: return "unknown_code";
    case Malformed::length_below_minimum: return "length_below_minimum";
    case Malformed::length_above_maximum: return "length_above_maximum";
    case Malformed::length_beyond_datagram: return "length_beyond_datagram";
    case Malformed::attribute_header_truncated: return "attribute_header_truncated";
    case Malformed::attribute_type_zero: return "attribute_type_zero";
    case Malformed::attribute_length_below_two: return "attribute_length_below_two";
    case Malformed::attribute_beyond_packet: return "attribute_beyond_packet";
    case Malformed::too_many_attributes: return "too_many_attributes";
    case Malformed::message_authenticator_length: return "message_authenticator_length";
    case Malformed::message_authenticator_twice: return "message_authenticator_twice";
    case Malformed::eap_without_message_authenticator: return "eap_without_message_authenticator";
    case Malformed::status_server_without_message_authenticator:
      return "status_server_without_message_authenticator";
  }
  return "unknown";
}

}  // namespace sallyport::radius
