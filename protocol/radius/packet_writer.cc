#include "protocol/radius/packet_writer.h"

#include <algorithm>

#include "protocol/check.h"

namespace sallyport::radius {
namespace {

constexpr std::array<std::uint8_t, 16> kZeros{};

}  // namespace

PacketWriter::PacketWriter(MutableOctets out, Code code, Identifier identifier) noexcept
    : out_(out.first(std::min(out.size(), kMaxPacketOctets))) {
  CHECK(out.size() >= kHeaderOctets);
  out_[0] = static_cast<std::uint8_t>(code);
  out_[1] = identifier.value;
}

MutableOctets PacketWriter::copy(Octets wholes, std::size_t count) noexcept {
  if (!fits(wholes.size(), count)) return {};
  const MutableOctets place = out_.subspan(used_, wholes.size());
  copy_octets(wholes, place);
  used_ += wholes.size();
  attributes_ += count;
  return place;
}

bool PacketWriter::copy_all(Octets wholes) noexcept {
  return wholes.empty() || !copy(wholes, count_attributes(wholes)).empty();
}

bool PacketWriter::add(Type type, Octets value) noexcept {
  CHECK(value.size() <= kMaxAttributeValueOctets);
  const std::size_t length = value.size() + 2;
  if (!fits(length, 1)) return false;
  out_[used_] = static_cast<std::uint8_t>(type);
  out_[used_ + 1] = static_cast<std::uint8_t>(length);
  copy_octets(value, out_.subspan(used_ + 2));
  used_ += length;
  ++attributes_;
  return true;
}

bool PacketWriter::add_message_authenticator() noexcept {
  CHECK(message_authenticator_ == 0);
  const std::size_t offset = used_ + 2;
  if (!add(Type::message_authenticator, kZeros)) return false;
  message_authenticator_ = offset;
  return true;
}

UnsignedPacket PacketWriter::finish_access_request(const HopKey& key,
                                                   const Authenticator& authenticator) noexcept {
  return finish(key, authenticator, UnsignedPacket::Kind::final);
}

UnsignedPacket PacketWriter::finish(const HopKey& key, const Authenticator& header) noexcept {
  return finish(key, header, UnsignedPacket::Kind::computed);
}

UnsignedPacket PacketWriter::finish_with_token(const Authenticator& token) noexcept {
  CHECK(message_authenticator_ == 0 && out_[1] == 0);
  return finish(HopKey::none(), token, UnsignedPacket::Kind::final);
}

UnsignedPacket PacketWriter::finish(const HopKey& key, const Authenticator& header,
                                    UnsignedPacket::Kind kind) noexcept {
  out_[2] = static_cast<std::uint8_t>(used_ >> 8);
  out_[3] = static_cast<std::uint8_t>(used_);
  copy_octets(header.octets, out_.subspan(4));
  return {out_.first(used_), key, kind, message_authenticator_};
}

}  // namespace sallyport::radius
