#include "protocol/radius/unsigned_packet.h"

#include "protocol/radius/codes.h"

namespace sallyport::radius {
namespace {

constexpr std::size_t kAuthenticatorOffset = 4;

md5::Batch::Digest digest_at(MutableOctets packet, std::size_t offset) noexcept {
  return packet.subspan(offset).first<md5::kDigestOctets>();
}

}  // namespace

void UnsignedPacket::add_message_authenticator(md5::Batch& batch) const noexcept {
  if (message_authenticator_ == 0) return;
  key_->add_hmac_md5(batch, packet_, digest_at(packet_, message_authenticator_));
}

void UnsignedPacket::add_authenticator(md5::Batch& batch) const noexcept {
  if (kind_ == Kind::final) return;
  key_->add_keyed_md5(batch, packet_, digest_at(packet_, kAuthenticatorOffset));
}

std::size_t UnsignedPacket::sign() const noexcept {
  if (message_authenticator_ != 0) {
    const Authenticator value = key_->hmac_md5(packet_);
    copy_octets(value.octets, packet_.subspan(message_authenticator_));
  }
  if (kind_ == Kind::computed) {
    Authenticator header;
    copy_octets(packet_.subspan(kAuthenticatorOffset, header.octets.size()), header.octets);
    const Authenticator value = key_->response_authenticator(packet_, header);
    copy_octets(value.octets, packet_.subspan(kAuthenticatorOffset));
  }
  return packet_.size();
}

}  // namespace sallyport::radius
