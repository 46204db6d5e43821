#include "protocol/radius/hop_key.h"

#include <algorithm>
#include <memory>
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
  explicit Md5(const md5::State& state) noexcept : context_{} {
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

 private:
  MD5_CTX context_;
};

using Block = std::array<std::uint8_t, md5::kBlockOctets>;

void fill_pad(Block& block, Octets key, std::uint8_t pad) noexcept {
  block.fill(pad);
  for (std::size_t i = 0; i < key.size(); ++i) block[i] ^= key[i];
}

/// As many as fill the lanes of any processor several times.
constexpr std::size_t kSecretsTogether = 32;

void compute_some(std::span<const Octets> secrets, std::span<HmacPads> out) noexcept {
  std::array<Block, 2 * kSecretsTogether> blocks;
  std::array<md5::Job, 2 * kSecretsTogether> jobs;
  for (std::size_t i = 0; i < secrets.size(); ++i) {
    Block& inner = blocks[2 * i];
    Block& outer = blocks[2 * i + 1];
    // RFC 2104 §2: a key longer than a block is replaced by its digest.
    if (secrets[i].size() > md5::kBlockOctets) {
      Authenticator digest = Md5().add(secrets[i]).digest();
      fill_pad(inner, digest.octets, kInnerPad);
      fill_pad(outer, digest.octets, kOuterPad);
      wipe(digest.octets);
    } else {
      fill_pad(inner, secrets[i], kInnerPad);
      fill_pad(outer, secrets[i], kOuterPad);
    }
    out[i] = {.inner = md5::kInitial, .outer = md5::kInitial};
    jobs[2 * i] = {.state = &out[i].inner, .blocks = inner.data(), .block_count = 1};
    jobs[2 * i + 1] = {.state = &out[i].outer, .blocks = outer.data(), .block_count = 1};
  }
  md5::run(std::span(jobs).first(2 * secrets.size()));
  for (Block& block : std::span(blocks).first(2 * secrets.size())) wipe(block);
}

}  // namespace

void compute_hmac_pads(std::span<const Octets> secrets, std::span<HmacPads> out) noexcept {
  CHECK(secrets.size() <= out.size());
  for (std::size_t at = 0; at < secrets.size(); at += kSecretsTogether) {
    const std::size_t count = std::min(kSecretsTogether, secrets.size() - at);
    compute_some(secrets.subspan(at, count), out.subspan(at, count));
  }
}

const HopKey& HopKey::none() noexcept {
  static const HopKey key;
  return key;
}

HopKey::HopKey(const Secret& secret) noexcept
    : secret_octets_(static_cast<std::uint16_t>(secret.size())), owns_secret_(true) {
  CHECK(secret.size() <= UINT16_MAX);
  auto copy = std::make_unique_for_overwrite<std::uint8_t[]>(secret.size());
  copy_octets(secret.reveal(), {copy.get(), secret.size()});
  secret_ = copy.release();
  const Octets octets = secret.reveal();
  compute_hmac_pads({&octets, 1}, {&pads_, 1});
}

HopKey::HopKey(Octets secret, const HmacPads& pads) noexcept
    : pads_(pads),
      secret_(secret.data()),
      secret_octets_(static_cast<std::uint16_t>(secret.size())),
      owns_secret_(false) {
  CHECK(secret.size() <= UINT16_MAX);
}

HopKey::~HopKey() {
  wipe({reinterpret_cast<std::uint8_t*>(&pads_), sizeof pads_});
  if (!owns_secret_) return;
  auto* const owned = const_cast<std::uint8_t*>(secret_);
  wipe({owned, secret_octets_});
  delete[] owned;
}

Authenticator HopKey::response_authenticator(Octets packet,
                                             const Authenticator& header) const noexcept {
  return Md5()
      .add(packet.first(kFixedHeaderOctets))
      .add(header.octets)
      .add(packet.subspan(kHeaderOctets))
      .add(secret())
      .digest();
}

Authenticator HopKey::message_authenticator(Octets packet, const Authenticator& header,
                                            std::size_t offset) const noexcept {
  const Authenticator inner = Md5(pads_.inner)
                                  .add(packet.first(kFixedHeaderOctets))
                                  .add(header.octets)
                                  .add(packet.subspan(kHeaderOctets, offset - kHeaderOctets))
                                  .add(kZeros)
                                  .add(packet.subspan(offset + kZeros.size()))
                                  .digest();
  return Md5(pads_.outer).add(inner.octets).digest();
}

Authenticator HopKey::hmac_md5(Octets octets) const noexcept {
  const Authenticator inner = Md5(pads_.inner).add(octets).digest();
  return Md5(pads_.outer).add(inner.octets).digest();
}

Authenticator HopKey::pad(Octets a, Octets b) const noexcept {
  return Md5().add(secret()).add(a).add(b).digest();
}

Authenticator HopKey::ascend_pad(const Authenticator& authenticator) const noexcept {
  return Md5().add(authenticator.octets).add(secret()).digest();
}

void HopKey::add_response_authenticator(md5::Batch& batch, Octets packet,
                                        const Authenticator& header,
                                        Authenticator& out) const noexcept {
  batch.add_md5(
      {packet.first(kFixedHeaderOctets), header.octets, packet.subspan(kHeaderOctets), secret()},
      out.octets);
}

void HopKey::add_message_authenticator(md5::Batch& batch, Octets packet,
                                       const Authenticator& header, std::size_t offset,
                                       Authenticator& out) const noexcept {
  batch.add_hmac(pads_.inner, pads_.outer,
                 {packet.first(kFixedHeaderOctets), header.octets,
                  packet.subspan(kHeaderOctets, offset - kHeaderOctets), kZeros,
                  packet.subspan(offset + kZeros.size())},
                 out.octets);
}

void HopKey::add_pad(md5::Batch& batch, Octets a, Authenticator& out) const noexcept {
  batch.add_md5({secret(), a}, out.octets);
}

void HopKey::add_keyed_md5(md5::Batch& batch, Octets octets,
                           md5::Batch::Digest out) const noexcept {
  batch.add_md5({octets, secret()}, out);
}

void HopKey::add_hmac_md5(md5::Batch& batch, Octets octets, md5::Batch::Digest out) const noexcept {
  batch.add_hmac(pads_.inner, pads_.outer, {octets}, out);
}

namespace {

/// What a request's own authenticator is computed with: zeros where it is computed itself.
Authenticator header_of(const PacketView& request) noexcept {
  return role_of(request.code()) == Role::signed_request ? Authenticator{}
                                                         : request.authenticator();
}

/// No Message-Authenticator is a right one here: whether it may be missing is the caller's policy.
Authenticity judge(const PacketView& packet, const Proof& proof, bool computed) noexcept {
  if (computed && proof.authenticator != packet.authenticator()) {
    return Authenticity::bad_authenticator;
  }
  const std::size_t offset = packet.message_authenticator_offset();
  if (offset == 0) return Authenticity::authentic;
  return equal_constant_time(proof.message_authenticator.octets,
                             packet.octets().subspan(offset, kZeros.size()))
             ? Authenticity::authentic
             : Authenticity::bad_message_authenticator;
}

/// What a packet of RADIUS/1.1 must have in the place of an authenticator: its own Token, or the
/// Token of its request.
bool proved_by_token(const PacketView& packet, const Authenticator& token, Proof& proof) noexcept {
  if (packet.version() == Version::v1_0) return false;
  proof.authenticator = token;
  return true;
}

Proof prove(const PacketView& packet, const HopKey& key, const Authenticator& header,
            bool computed) noexcept {
  Proof proof;
  if (computed) proof.authenticator = key.response_authenticator(packet.octets(), header);
  if (const std::size_t offset = packet.message_authenticator_offset(); offset != 0) {
    proof.message_authenticator = key.message_authenticator(packet.octets(), header, offset);
  }
  return proof;
}

void add_proof(const PacketView& packet, const HopKey& key, const Authenticator& header,
               bool computed, md5::Batch& batch, Proof& proof) noexcept {
  if (computed) key.add_response_authenticator(batch, packet.octets(), header, proof.authenticator);
  if (const std::size_t offset = packet.message_authenticator_offset(); offset != 0) {
    key.add_message_authenticator(batch, packet.octets(), header, offset,
                                  proof.message_authenticator);
  }
}

bool is_computed(const PacketView& request) noexcept {
  return role_of(request.code()) == Role::signed_request;
}

}  // namespace

Authenticity verify_request(const PacketView& request, const HopKey& key) noexcept {
  if (Proof proof; proved_by_token(request, request.authenticator(), proof)) {
    return judge_request(request, proof);
  }
  return judge_request(request, prove(request, key, header_of(request), is_computed(request)));
}

void add_request_proof(const PacketView& request, const HopKey& key, md5::Batch& batch,
                       Proof& proof) noexcept {
  if (proved_by_token(request, request.authenticator(), proof)) return;
  add_proof(request, key, header_of(request), is_computed(request), batch, proof);
}

Authenticity judge_request(const PacketView& request, const Proof& proof) noexcept {
  // Nothing could prove a reply that comes as a request.
  if (role_of(request.code()) == Role::reply) return Authenticity::bad_authenticator;
  return judge(request, proof, is_computed(request));
}

Authenticity verify_response(const PacketView& response, const HopKey& key,
                             const Authenticator& request_authenticator) noexcept {
  if (Proof proof; proved_by_token(response, request_authenticator, proof)) {
    return judge_response(response, proof);
  }
  return judge_response(response, prove(response, key, request_authenticator, true));
}

void add_response_proof(const PacketView& response, const HopKey& key,
                        const Authenticator& request_authenticator, md5::Batch& batch,
                        Proof& proof) noexcept {
  if (proved_by_token(response, request_authenticator, proof)) return;
  add_proof(response, key, request_authenticator, true, batch, proof);
}

Authenticity judge_response(const PacketView& response, const Proof& proof) noexcept {
  if (role_of(response.code()) != Role::reply) return Authenticity::bad_authenticator;
  return judge(response, proof, true);
}

}  // namespace sallyport::radius
