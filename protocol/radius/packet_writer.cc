#include "protocol/radius/packet_writer.h"

#include <algorithm>

#include "protocol/check.h"

namespace sallyport::radius {
namespace {

constexpr std::array<std::uint8_t, 16> kZeros{};

}  // namespace

PacketWriter::PacketWriter(MutableOctets out, Code code, Identifier identifier) noexcept
    : out_(out.first(kMaxPacketOctets)) {
  out_[0] = static_cast<std::uint8_t>(code);
  out_[1] = identifier.value;
}

MutableOctets PacketWriter::copy(Octets whole) noexcept {
  if (!fits(whole.size(), 1)) return {};
  const MutableOctets place = out_.subspan(used_, whole.size());
  std::ranges::copy(whole, place.begin());
  used_ += whole.size();
  ++attributes_;
  return place;
}

bool PacketWriter::copy_all(Octets wholes) noexcept {
  const std::size_t count = count_attributes(wholes);
  if (!fits(wholes.size(), count)) return false;
  std::ranges::copy(wholes, out_.subspan(used_).begin());
  used_ += wholes.size();
  attributes_ += count;
  return true;
}

bool PacketWriter::add(Type type, Octets value) noexcept {
  CHECK(value.size() <= kMaxAttributeValueOctets);
  const std::size_t length = value.size() + 2;
  if (!fits(length, 1)) return false;
  out_[used_] = static_cast<std::uint8_t>(type);
  out_[used_ + 1] = static_cast<std::uint8_t>(length);
  std::ranges::copy(value, out_.subspan(used_ + 2).begin());
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

std::size_t PacketWriter::sign_access_request(const HopKey& key,
                                              const Authenticator& authenticator) noexcept {
  fill_length();
  fill_message_authenticator(key, authenticator);
  fill_authenticator(authenticator);
  return used_;
}

std::size_t PacketWriter::sign(const HopKey& key, const Authenticator& header) noexcept {
  fill_length();
  // RFC 3579 §3.2: before the authenticator, which covers it.
  fill_message_authenticator(key, header);
  fill_authenticator(key.response_authenticator(written(), header));
  return used_;
}

void PacketWriter::fill_length() noexcept {
  out_[2] = static_cast<std::uint8_t>(used_ >> 8);
  out_[3] = static_cast<std::uint8_t>(used_);
}

void PacketWriter::fill_message_authenticator(const HopKey& key,
                                              const Authenticator& header) noexcept {
  if (message_authenticator_ == 0) return;
  const Authenticator value = key.message_authenticator(written(), header, message_authenticator_);
  std::ranges::copy(value.octets, out_.subspan(message_authenticator_).begin());
}

void PacketWriter::fill_authenticator(const Authenticator& authenticator) noexcept {
  std::ranges::copy(authenticator.octets, out_.subspan(4).begin());
}

}  // namespace sallyport::radius
