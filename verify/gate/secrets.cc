#include "verify/gate/secrets.h"

#include <algorithm>
#include <array>

#include <openssl/digest.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "protocol/base64url.h"
#include "protocol/check.h"

namespace sallyport::verify {
namespace {

constexpr std::size_t kSecretOctets = 32;

}  // namespace

RandomSource& thread_random() {
  static thread_local SystemRandom random;
  return random;
}

std::string random_secret(RandomSource& random) {
  std::array<std::uint8_t, kSecretOctets> octets{};
  random.fill(octets);
  std::string secret = base64url(octets);
  wipe(octets);
  return secret;
}

std::string random_digits(RandomSource& random, std::uint32_t digits) {
  std::string text;
  while (text.size() < digits) {
    std::array<std::uint8_t, 1> octet{};
    random.fill(octet);
    // 250 is the largest multiple of ten: what is above would make some digits likelier.
    if (octet[0] < 250) text += static_cast<char>('0' + octet[0] % 10);
  }
  return text;
}

std::string hash_of(std::string_view secret) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  const Octets octets = as_octets(secret);
  SHA256(octets.data(), octets.size(), digest.data());
  std::string text;
  for (const std::uint8_t octet : digest) {
    text += kDigits[octet >> 4];
    text += kDigits[octet & 0xf];
  }
  return text;
}

std::string keyed_hash(std::string_view key, std::string_view text) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  unsigned size = 0;
  const Octets octets = as_octets(text);
  CHECK(HMAC(EVP_sha256(), key.data(), key.size(), octets.data(), octets.size(), digest.data(),
             &size) != nullptr);
  return base64url(digest);
}

bool same_secret(std::string_view one, std::string_view other) noexcept {
  return !one.empty() && equal_constant_time(as_octets(one), as_octets(other));
}

void SeededRandom::fill(MutableOctets out) noexcept {
  while (!out.empty()) {
    std::array<std::uint8_t, SHA256_DIGEST_LENGTH> block{};
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, seed_.data(), seed_.size());
    SHA256_Update(&context, &blocks_, sizeof(blocks_));
    SHA256_Final(block.data(), &context);
    ++blocks_;
    const std::size_t size = std::min(out.size(), block.size());
    copy_octets(Octets(block).first(size), out);
    out = out.subspan(size);
  }
}

}  // namespace sallyport::verify
