#include "bench/load/workload/mschap.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include <openssl/md4.h>
#include <openssl/sha.h>

namespace sallyport::lab {
namespace {

using Sha1Digest = std::array<std::uint8_t, SHA_DIGEST_LENGTH>;

// RFC 2759 §8.7 gives both by their octets.
constexpr std::string_view kMagic1 = "Magic server to client signing constant";
constexpr std::string_view kMagic2 = "Pad to make it do more than one iteration";

Sha1Digest sha1(Octets a, Octets b, Octets c) {
  SHA_CTX context;
  Sha1Digest digest;
  SHA1_Init(&context);
  for (const Octets part : {a, b, c}) SHA1_Update(&context, part.data(), part.size());
  SHA1_Final(digest.data(), &context);
  return digest;
}

/// One UTF-8 character, taken off the front of `text`. Nothing: it is none.
std::optional<std::uint32_t> take_character(Octets& text) {
  const std::uint8_t first = text[0];
  const std::size_t octets = first < 0x80             ? 1
                             : (first & 0xe0) == 0xc0 ? 2
                             : (first & 0xf0) == 0xe0 ? 3
                             : (first & 0xf8) == 0xf0 ? 4
                                                      : 0;
  if (octets == 0 || octets > text.size()) return std::nullopt;
  std::uint32_t character = octets == 1 ? first : first & (0x7fU >> octets);
  for (const std::uint8_t next : text.subspan(1, octets - 1)) {
    if ((next & 0xc0) != 0x80) return std::nullopt;
    character = character << 6 | (next & 0x3fU);
  }
  text = text.subspan(octets);
  return character;
}

void append16(std::vector<std::uint8_t>& out, std::uint32_t unit) {
  out.push_back(static_cast<std::uint8_t>(unit));
  out.push_back(static_cast<std::uint8_t>(unit >> 8));
}

/// UTF-16, low octet first, as RFC 2759 §8.3 hashes it. Nothing: `text` is not UTF-8.
std::optional<std::vector<std::uint8_t>> utf16_of(Octets text) {
  std::vector<std::uint8_t> out;
  out.reserve(text.size() * 2);  // so that no copy is left behind
  while (!text.empty()) {
    const auto character = take_character(text);
    if (!character || *character > 0x10ffff) return std::nullopt;
    if (*character < 0x10000) {
      append16(out, *character);
    } else {
      append16(out, 0xd800 + ((*character - 0x10000) >> 10));
      append16(out, 0xdc00 + ((*character - 0x10000) & 0x3ff));
    }
  }
  return out;
}

/// DES takes seven bits of each of eight octets (RFC 2759 §8.6); the eighth is parity, ignored.
DES_key_schedule schedule_of(Octets seven) {
  std::uint64_t bits = 0;
  for (const std::uint8_t octet : seven) bits = bits << 8 | octet;
  DES_cblock key;
  for (int i = 7; i >= 0; --i, bits >>= 7)
    key.bytes[i] = static_cast<std::uint8_t>((bits & 0x7f) << 1);
  DES_key_schedule schedule;
  DES_set_key(&key, &schedule);
  wipe(key.bytes);
  return schedule;
}

}  // namespace

MsChapChallengeHash mschap_challenge_hash(const MsChapChallenge& peer,
                                          const MsChapChallenge& authenticator,
                                          Octets user) noexcept {
  const Sha1Digest digest = sha1(peer, authenticator, user);
  MsChapChallengeHash out;
  std::copy_n(digest.begin(), out.size(), out.begin());
  return out;
}

std::expected<MsChapKey, std::string> MsChapKey::make(Octets password) {
  auto utf16 = utf16_of(password);
  if (!utf16) return std::unexpected("the password is not UTF-8, as MS-CHAP needs it");
  std::expected<MsChapKey, std::string> key = MsChapKey{Octets(*utf16)};
  wipe(*utf16);
  return key;
}

MsChapKey::MsChapKey(Octets password_utf16) noexcept {
  // NtPasswordHash(), zero-padded to 21 octets for three DES keys (RFC 2759 §8.3 and §8.5).
  std::array<std::uint8_t, 21> hash{};
  MD4(password_utf16.data(), password_utf16.size(), hash.data());
  for (std::size_t i = 0; i < schedules_.size(); ++i)
    schedules_[i] = schedule_of(Octets(hash).subspan(i * 7, 7));
  MD4(hash.data(), MD4_DIGEST_LENGTH, hash_hash_.data());
  wipe(hash);
}

MsChapKey::~MsChapKey() {
  wipe({reinterpret_cast<std::uint8_t*>(schedules_.data()), sizeof schedules_});
  wipe(hash_hash_);
}

MsChapResponse MsChapKey::response(const MsChapChallengeHash& challenge) const noexcept {
  DES_cblock in;
  std::ranges::copy(challenge, in.bytes);
  MsChapResponse out;
  for (std::size_t i = 0; i < schedules_.size(); ++i) {
    DES_cblock block;
    DES_ecb_encrypt(&in, &block, &schedules_[i], DES_ENCRYPT);
    std::ranges::copy(block.bytes, out.begin() + static_cast<std::ptrdiff_t>(i * 8));
  }
  return out;
}

MsChapProof MsChapKey::proof(const MsChapResponse& response,
                             const MsChapChallengeHash& challenge) const noexcept {
  const Sha1Digest inner = sha1(hash_hash_, response, as_octets(kMagic1));
  const Sha1Digest digest = sha1(inner, challenge, as_octets(kMagic2));
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  MsChapProof out{'S', '='};
  for (std::size_t i = 0; i < digest.size(); ++i) {
    out[2 + 2 * i] = static_cast<std::uint8_t>(kDigits[digest[i] >> 4]);
    out[3 + 2 * i] = static_cast<std::uint8_t>(kDigits[digest[i] & 15]);
  }
  return out;
}

}  // namespace sallyport::lab
