#include "verify/otp/recovery_codes.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <openssl/digest.h>
#include <openssl/evp.h>

#include "protocol/ascii.h"
#include "protocol/check.h"
#include "protocol/octets.h"

namespace sallyport::verify {
namespace {

/// Crockford's: no i, l, o, u. A power of two, so five random bits are one character.
constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
static_assert(kAlphabet.size() == 32);
constexpr std::size_t kCharacters = 12;
constexpr std::size_t kGroup = 4;
constexpr std::size_t kMaxText = 64;
/// Twelve bits of work on top of the code's sixty, should the store be stolen. A check costs some
/// 2 ms, since all codes of one user share a salt.
constexpr unsigned kIterations = 4'096;

using Characters = std::array<char, kCharacters>;
using Salt = std::array<std::uint8_t, 16>;
using Digest = std::array<std::uint8_t, 32>;

/// As in the alphabet; 0 for what is none. What is mistaken for a digit is taken for it.
constexpr char character_of(char c) noexcept {
  c = to_lower(c);
  if (c == 'o') return '0';
  if (c == 'i' || c == 'l') return '1';
  return kAlphabet.find(c) == std::string_view::npos ? '\0' : c;
}

std::optional<Characters> read(std::string_view text) noexcept {
  if (text.size() > kMaxText) return std::nullopt;
  Characters characters{};
  std::size_t filled = 0;
  for (const char c : text) {
    if (c == ' ' || c == '-') continue;
    const char character = character_of(c);
    if (character == '\0' || filled == kCharacters) return std::nullopt;
    characters[filled++] = character;
  }
  if (filled != kCharacters) return std::nullopt;
  return characters;
}

Digest digest_of(const Characters& characters, const Salt& salt) {
  Digest digest{};
  CHECK(PKCS5_PBKDF2_HMAC(characters.data(), characters.size(), salt.data(), salt.size(),
                          kIterations, EVP_sha256(), digest.size(), digest.data()) == 1);
  return digest;
}

void append_hex(std::string& out, Octets octets) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const std::uint8_t octet : octets) {
    out += kDigits[octet >> 4];
    out += kDigits[octet & 0xf];
  }
}

std::string hash_text(const Salt& salt, const Digest& digest) {
  std::string text;
  append_hex(text, salt);
  text += ':';
  append_hex(text, digest);
  return text;
}

std::optional<Salt> salt_of(std::string_view hash) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  Salt salt{};
  if (hash.size() != 2 * salt.size() + 1 + 2 * std::tuple_size_v<Digest>) return std::nullopt;
  for (std::size_t i = 0; i < salt.size(); ++i) {
    const std::size_t high = kDigits.find(hash[2 * i]);
    const std::size_t low = kDigits.find(hash[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    salt[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return salt;
}

}  // namespace

RecoveryCodes make_recovery_codes(RandomSource& random) {
  Salt salt{};
  random.fill(salt);
  RecoveryCodes made;
  while (made.codes.size() < kRecoveryCodes) {
    std::array<std::uint8_t, kCharacters> octets{};
    random.fill(octets);
    Characters characters{};
    std::string code;
    for (std::size_t i = 0; i < kCharacters; ++i) {
      characters[i] = kAlphabet[octets[i] % kAlphabet.size()];
      if (i > 0 && i % kGroup == 0) code += '-';
      code += characters[i];
    }
    made.hashes.push_back(hash_text(salt, digest_of(characters, salt)));
    made.codes.push_back(std::move(code));
  }
  return made;
}

bool looks_like_recovery_code(std::string_view text) noexcept { return read(text).has_value(); }

std::optional<std::size_t> find_recovery_code(const std::vector<std::string>& hashes,
                                              std::string_view text) {
  const std::optional<Characters> characters = read(text);
  if (!characters) return std::nullopt;
  std::optional<std::size_t> found;
  std::optional<Salt> salt;
  Digest digest{};
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    const std::optional<Salt> own = salt_of(hashes[i]);
    if (!own) continue;
    if (own != salt) digest = digest_of(*characters, *own);
    salt = own;
    if (equal_constant_time(as_octets(hashes[i]), as_octets(hash_text(*own, digest)))) found = i;
  }
  return found;
}

}  // namespace sallyport::verify
