#include "protocol/otp/totp.h"

#include <algorithm>

#include <openssl/digest.h>
#include <openssl/hmac.h>

#include "protocol/ascii.h"
#include "protocol/check.h"
#include "protocol/http/return_url.h"

namespace sallyport::otp {
namespace {

constexpr std::uint32_t kMinDigits = 6;
constexpr std::uint32_t kMaxDigits = std::tuple_size_v<Code>;

/// What was typed, without what only makes it readable; nothing if it is no code of `digits`.
std::optional<Code> digits_of(std::string_view text, std::uint32_t digits) noexcept {
  constexpr std::size_t kMaxText = std::size_t{4} * kMaxDigits;
  if (text.size() > kMaxText) return std::nullopt;
  Code code{};
  std::size_t filled = 0;
  for (const char c : text) {
    if (c == ' ' || c == '-') continue;
    if (c < '0' || c > '9' || filled == digits) return std::nullopt;
    code[filled++] = c;
  }
  if (filled != digits) return std::nullopt;
  return code;
}

Octets octets_of(const Code& code) noexcept { return as_octets({code.data(), code.size()}); }

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// 0..31, or nothing.
std::optional<std::uint32_t> base32_value(char c) noexcept {
  if (is_letter(c)) return static_cast<std::uint32_t>(to_lower(c) - 'a');
  if (c >= '2' && c <= '7') return static_cast<std::uint32_t>(c - '2') + 26;
  return std::nullopt;
}

/// The text without its padding; nothing if that is not as long as RFC 4648 §6 wants it.
std::optional<std::string_view> without_padding(std::string_view text) noexcept {
  const std::size_t length = std::min(text.find('='), text.size());
  const std::string_view padding = text.substr(length);
  if (padding.find_first_not_of('=') != std::string_view::npos) return std::nullopt;
  if (!padding.empty() && (padding.size() > 6 || text.size() % 8 != 0)) return std::nullopt;
  const std::size_t rest = length % 8;
  // 1, 3 and 6 characters hold no whole number of octets that fewer would not hold as well.
  if (rest == 1 || rest == 3 || rest == 6) return std::nullopt;
  return text.substr(0, length);
}

}  // namespace

Code code_of(Octets secret, std::uint64_t step, std::uint32_t digits) noexcept {
  CHECK(digits >= kMinDigits && digits <= kMaxDigits);
  std::array<std::uint8_t, 8> counter{};
  for (std::size_t i = 0; i < counter.size(); ++i)
    counter[i] = static_cast<std::uint8_t>(step >> (8 * (counter.size() - 1 - i)));
  std::array<std::uint8_t, 20> digest{};
  unsigned length = 0;
  CHECK(HMAC(EVP_sha1(), secret.data(), secret.size(), counter.data(), counter.size(),
             digest.data(), &length) != nullptr &&
        length == digest.size());

  // RFC 4226 §5.3: the last four bits say where 31 bits are taken from.
  const std::size_t offset = digest.back() & 0xf;
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8 | digest[offset + i];
  number &= 0x7fff'ffff;
  Code code{};
  for (std::uint32_t i = digits; i-- > 0; number /= 10)
    code[i] = static_cast<char>('0' + number % 10);
  return code;
}

std::optional<std::uint64_t> find_step(Octets secret, std::string_view text, std::uint32_t digits,
                                       std::uint64_t unix_s, std::uint64_t last_step) noexcept {
  const std::optional<Code> typed = digits_of(text, digits);
  const std::uint64_t now = step_at(unix_s);
  std::optional<std::uint64_t> found;
  // All three are made and compared, whatever was typed. Should two be the same, the later one is
  // taken, so that both are dead.
  for (std::uint64_t step = now == 0 ? 0 : now - 1; step <= now + 1; ++step) {
    const Code code = code_of(secret, step, digits);
    const bool same = equal_constant_time(octets_of(code), octets_of(typed.value_or(Code{})));
    if (same && step > last_step) found = step;
  }
  return found;
}

std::string base32(Octets octets) {
  std::string text;
  text.reserve((octets.size() * 8 + 4) / 5);
  std::uint32_t bits = 0;
  std::uint32_t count = 0;
  for (const std::uint8_t octet : octets) {
    bits = bits << 8 | octet;
    for (count += 8; count >= 5; count -= 5) text += kAlphabet[bits >> (count - 5) & 31];
  }
  if (count > 0) text += kAlphabet[bits << (5 - count) & 31];
  return text;
}

std::optional<std::string> from_base32(std::string_view text) {
  const std::optional<std::string_view> characters = without_padding(text);
  if (!characters) return std::nullopt;
  std::string octets;
  octets.reserve(characters->size() * 5 / 8);
  std::uint32_t bits = 0;
  std::uint32_t count = 0;
  for (const char c : *characters) {
    const std::optional<std::uint32_t> value = base32_value(c);
    if (!value) return std::nullopt;
    bits = bits << 5 | *value;
    count += 5;
    if (count < 8) continue;
    count -= 8;
    octets += static_cast<char>(bits >> count & 0xff);
  }
  // What is over says nothing: were it anything, two texts would be one secret.
  if ((bits & ((1U << count) - 1)) != 0) return std::nullopt;
  return octets;
}

std::string otpauth_url(std::string_view issuer, std::string_view user, Octets secret,
                        std::uint32_t digits) {
  std::string url = "otpauth://totp/";
  if (!issuer.empty()) {
    http::append_escaped(url, issuer);
    url += ':';
  }
  http::append_escaped(url, user);
  url += "?secret=";
  url += base32(secret);
  if (!issuer.empty()) {
    url += "&issuer=";
    http::append_escaped(url, issuer);
  }
  // Defaults all but the digits, but apps differ in what they take for granted.
  url += "&algorithm=SHA1&digits=";
  url += std::to_string(digits);
  url += "&period=";
  url += std::to_string(kStepSeconds);
  return url;
}

}  // namespace sallyport::otp
