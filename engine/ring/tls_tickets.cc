#include "engine/ring/tls_tickets.h"

#include <algorithm>
#include <utility>

#include <openssl/aead.h>
#include <openssl/rand.h>

#include "protocol/check.h"

namespace sallyport::ring {

/// Immutable but for its cipher's context, which BoringSSL lets any number of threads use at once.
struct TicketKeys::Key {
  explicit Key(RandomSource& random) {
    std::uint8_t octets[32];
    random.fill(name);
    random.fill(octets);
    // Nonces are random, and many tickets are sealed with one key: GCM-SIV (RFC 8452) does not fall
    // apart if one comes twice.
    CHECK(EVP_AEAD_CTX_init(cipher.get(), EVP_aead_aes_256_gcm_siv(), octets, sizeof(octets),
                            kTagOctets, nullptr) == 1);
    wipe(octets);
  }

  std::array<std::uint8_t, kNameOctets> name;
  bssl::ScopedEVP_AEAD_CTX cipher;
};

TicketKeys::TicketKeys(std::uint64_t now_ms, RandomSource& random) : rotated_ms_(now_ms) {
  auto keys = std::make_shared<Keys>();
  keys->front() = std::make_shared<const Key>(random);
  keys_ = std::move(keys);
}

TicketKeys::~TicketKeys() = default;

void TicketKeys::rotate(std::uint64_t now_ms, RandomSource& random) {
  {
    const std::scoped_lock lock(mutex_);
    if (now_ms < rotated_ms_ + kRotateMs) return;
    rotated_ms_ = now_ms;
  }
  auto keys = std::make_shared<Keys>();
  keys->front() = std::make_shared<const Key>(random);
  const std::scoped_lock lock(mutex_);
  std::ranges::copy_n(keys_->begin(), kKept - 1, keys->begin() + 1);
  keys_ = std::move(keys);
}

std::shared_ptr<const TicketKeys::Keys> TicketKeys::snapshot() const noexcept {
  const std::scoped_lock lock(mutex_);
  return keys_;
}

std::optional<std::size_t> TicketKeys::seal(Octets session, MutableOctets out) const noexcept {
  if (out.size() < session.size() + kOverheadOctets) return std::nullopt;
  const auto keys = snapshot();
  const Key& key = *keys->front();
  // `out` may begin where `session` does, so what is sealed moves to its place first.
  const MutableOctets sealed = out.subspan(kNameOctets + kNonceOctets);
  std::memmove(sealed.data(), session.data(), session.size());
  copy_octets(key.name, out);
  const MutableOctets nonce = out.subspan(kNameOctets, kNonceOctets);
  CHECK(RAND_bytes(nonce.data(), nonce.size()) == 1);
  std::size_t octets = 0;
  if (EVP_AEAD_CTX_seal(key.cipher.get(), sealed.data(), &octets, sealed.size(), nonce.data(),
                        nonce.size(), sealed.data(), session.size(), nullptr, 0) != 1) {
    return std::nullopt;
  }
  return kNameOctets + kNonceOctets + octets;
}

std::optional<std::size_t> TicketKeys::open(Octets ticket, MutableOctets out) const noexcept {
  if (ticket.size() < kOverheadOctets) return std::nullopt;
  const Octets name = ticket.first(kNameOctets);
  const Octets sealed = ticket.subspan(kNameOctets + kNonceOctets);
  std::uint8_t nonce[kNonceOctets];
  copy_octets(ticket.subspan(kNameOctets, kNonceOctets), nonce);
  const auto keys = snapshot();
  for (const std::shared_ptr<const Key>& key : *keys) {
    if (!key || !std::ranges::equal(key->name, name)) continue;
    if (out.size() < sealed.size()) return std::nullopt;
    std::memmove(out.data(), sealed.data(), sealed.size());
    std::size_t octets = 0;
    if (EVP_AEAD_CTX_open(key->cipher.get(), out.data(), &octets, out.size(), nonce, sizeof(nonce),
                          out.data(), sealed.size(), nullptr, 0) != 1) {
      return std::nullopt;
    }
    return octets;
  }
  return std::nullopt;
}

}  // namespace sallyport::ring
