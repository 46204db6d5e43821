#include "protocol/radius/hop_key.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include <openssl/md5.h>

namespace sallyport::radius {
namespace {

constexpr std::uint8_t kInnerPad = 0x36;  // RFC 2104 §2
constexpr std::uint8_t kOuterPad = 0x5c;
constexpr std::size_t kFixedHeaderOctets = 4;  // Code, Identifier, Length
constexpr std::array<std::uint8_t, 16> kZeros{};

/// One MD5 run over pieces. Wiped at its end: the last block may hold a secret.
class Md5 {
 public:
  Md5() noexcept { MD5_Init(&context_); }
  /// Goes on after the one block (a keyed pad) that `state` has taken in.
  explicit Md5(const Md5State& state) noexcept : context_{} {
    std::ranges::copy(state.words, context_.h);
    context_.Nl = MD5_CBLOCK * 8;
  }
  Md5(const Md5&) = delete;
  Md5& operator=(const Md5&) = delete;
  ~Md5() {
    static_assert(std::is_trivially_copyable_v<MD5_CTX>);
    wipe({reinterpret_cast<std::uint8_t*>(&context_), sizeof context_});
  }

  Md5& add(Octets octets) noexcept {
    MD5_Update(&context_, octets.data(), octets.size());
    return *this;
  }
  [[nodiscard]] Authenticator digest() noexcept {
    Authenticator out;
    MD5_Final(out.octets.data(), &context_);
    return out;
  }
  /// Valid after whole blocks.
  [[nodiscard]] Md5State state() const noexcept {
    Md5State out;
    std::ranges::copy(context_.h, out.words);
    return out;
  }

 private:
  MD5_CTX context_;
};

Md5State state_after_pad(Octets key, std::uint8_t pad) {
  std::array<std::uint8_t, MD5_CBLOCK> block;
  block.fill(pad);
  for (std::size_t i = 0; i < key.size(); ++i) block[i] ^= key[i];
  Md5 md5;
  md5.add(block);
  wipe(block);
  return md5.state();
}

void wipe_state(Md5State& state) {
  wipe({reinterpret_cast<std::uint8_t*>(state.words), sizeof state.words});
}

}  // namespace

HopKey::HopKey(Secret secret) noexcept : secret_(std::move(secret)) {
  // RFC 2104 §2: a key longer than a block is replaced by its digest.
  if (secret_.size() > MD5_CBLOCK) {
    Authenticator digest = Md5().add(secret_.reveal()).digest();
    inner_ = state_after_pad(digest.octets, kInnerPad);
    outer_ = state_after_pad(digest.octets, kOuterPad);
    wipe(digest.octets);
  } else {
    inner_ = state_after_pad(secret_.reveal(), kInnerPad);
    outer_ = state_after_pad(secret_.reveal(), kOuterPad);
  }
}

HopKey::~HopKey() {
  wipe_state(inner_);
  wipe_state(outer_);
}

Authenticator HopKey::response_authenticator(Octets packet,
                                             const Authenticator& header) const noexcept {
  return Md5()
      .add(packet.first(kFixedHeaderOctets))
      .add(header.octets)
      .add(packet.subspan(kHeaderOctets))
      .add(secret_.reveal())
      .digest();
}

Authenticator HopKey::message_authenticator(Octets packet, const Authenticator& header,
                                            std::size_t offset) const noexcept {
  const Authenticator inner = Md5(inner_)
                                  .add(packet.first(kFixedHeaderOctets))
                                  .add(header.octets)
                                  .add(packet.subspan(kHeaderOctets, offset - kHeaderOctets))
                                  .add(kZeros)
                                  .add(packet.subspan(offset + kZeros.size()))
                                  .digest();
  return Md5(outer_).add(inner.octets).digest();
}

Authenticator HopKey::hmac_md5(Octets octets) const noexcept {
  const Authenticator inner = Md5(inner_).add(octets).digest();
  return Md5(outer_).add(inner.octets).digest();
}

Authenticator HopKey::pad(Octets a, Octets b) const noexcept {
  return Md5().add(secret_.reveal()).add(a).add(b).digest();
}

Authenticator HopKey::ascend_pad(const Authenticator& authenticator) const noexcept {
  return Md5().add(authenticator.octets).add(secret_.reveal()).digest();
}

namespace {

/// No Message-Authenticator is a right one here: whether it may be missing is the caller's policy.
bool message_authenticator_right(const PacketView& packet, const HopKey& key,
                                 const Authenticator& header) {
  const std::size_t offset = packet.message_authenticator_offset();
  if (offset == 0) return true;
  const Authenticator expected = key.message_authenticator(packet.octets(), header, offset);
  return equal_constant_time(expected.octets, packet.octets().subspan(offset, 16));
}

Authenticity verify_computed(const PacketView& packet, const HopKey& key,
                             const Authenticator& header) {
  if (key.response_authenticator(packet.octets(), header) != packet.authenticator()) {
    return Authenticity::bad_authenticator;
  }
  return message_authenticator_right(packet, key, header) ? Authenticity::authentic
                                                          : Authenticity::bad_message_authenticator;
}

}  // namespace

Authenticity verify_request(const PacketView& request, const HopKey& key) noexcept {
  switch (role_of(request.code())) {
    case Role::access_request:
    case Role::status_server:
      return message_authenticator_right(request, key, request.authenticator())
                 ? Authenticity::authentic
                 : Authenticity::bad_message_authenticator;
    case Role::signed_request: return verify_computed(request, key, Authenticator{});
    case Role::reply: break;  // nothing could prove it
  }
  return Authenticity::bad_authenticator;
}

Authenticity verify_response(const PacketView& response, const HopKey& key,
                             const Authenticator& request_authenticator) noexcept {
  if (role_of(response.code()) != Role::reply) return Authenticity::bad_authenticator;
  return verify_computed(response, key, request_authenticator);
}

}  // namespace sallyport::radius
