#include "engine/http/access_cookie.h"

#include <charconv>
#include <cstring>

#include <openssl/base64.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/sha.h>

#include "protocol/check.h"

namespace sallyport::http_door {
namespace {

/// Whatever else may be authenticated by the same key begins otherwise.
constexpr std::string_view kLabel = "sallyport access ";
constexpr std::size_t kMaxDigits = 20;  ///< of 64 bits
constexpr std::size_t kMacText = 43;    ///< of 32 octets

/// In base64url without padding (RFC 4648 §5).
using MacText = std::array<char, kMacText>;

MacText mac_of(std::string_view digits, const AccessKey& key) noexcept {
  std::array<char, kLabel.size() + kMaxDigits> message;
  std::memcpy(message.data(), kLabel.data(), kLabel.size());
  std::memcpy(message.data() + kLabel.size(), digits.data(), digits.size());
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> mac;
  unsigned length = 0;
  CHECK(::HMAC(::EVP_sha256(), key.data(), key.size(),
               reinterpret_cast<const std::uint8_t*>(message.data()), kLabel.size() + digits.size(),
               mac.data(), &length) != nullptr);
  std::array<std::uint8_t, 45> padded;  // and the terminator that it writes
  CHECK(::EVP_EncodeBlock(padded.data(), mac.data(), mac.size()) == kMacText + 1);
  MacText text;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = static_cast<char>(padded[i]);
    text[i] = c == '+' ? '-' : c == '/' ? '_' : c;
  }
  return text;
}

}  // namespace

std::string seal_access(std::uint64_t grant, const AccessKey& key) {
  const std::string digits = std::to_string(grant);
  const MacText mac = mac_of(digits, key);
  return digits + '.' + std::string(mac.data(), mac.size());
}

std::uint64_t open_access(std::string_view cookie, std::span<const AccessKey> keys) noexcept {
  if (cookie.size() < kMacText + 2 || cookie.size() > kMacText + 1 + kMaxDigits) return 0;
  const std::string_view digits = cookie.substr(0, cookie.size() - kMacText - 1);
  const std::string_view mac = cookie.substr(cookie.size() - kMacText);
  std::uint64_t grant = 0;
  const char* const last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, grant);
  if (cookie[digits.size()] != '.' || error != std::errc() || end != last || digits[0] == '0') {
    return 0;
  }
  for (const AccessKey& key : keys) {
    if (::CRYPTO_memcmp(mac_of(digits, key).data(), mac.data(), kMacText) == 0) return grant;
  }
  return 0;
}

}  // namespace sallyport::http_door
