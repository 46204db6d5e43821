#include "verify/captcha/captcha.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

#include <openssl/sha.h>

#include "protocol/ascii.h"
#include "protocol/check.h"
#include "protocol/octets.h"
#include "verify/captcha/glyphs.h"
#include "verify/captcha/picture.h"

namespace sallyport::verify {
namespace {

constexpr std::size_t kCharacters = 5;
constexpr std::size_t kMaxAnswer = 32;
constexpr std::size_t kMaxChallenge = 64;
constexpr std::size_t kMaxNumber = 20;  ///< digits of 2^64

/// Upper case; what no picture shows becomes what it is mistaken for.
constexpr char normal(char c) noexcept {
  if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  constexpr std::string_view kTyped = "ZSGBUQ";
  constexpr std::string_view kMeant = "2568V9";
  const std::size_t at = kTyped.find(c);
  return at == std::string_view::npos ? c : kMeant[at];
}

struct Normal {
  std::array<char, kMaxAnswer> characters{};
  std::size_t size = 0;
  [[nodiscard]] Octets octets() const noexcept { return as_octets({characters.data(), size}); }
};

Normal normal_of(std::string_view text) noexcept {
  Normal out;
  if (text.size() > kMaxAnswer) return out;
  for (const char c : text)
    if (c != ' ') out.characters[out.size++] = normal(c);
  return out;
}

Captcha make_sum(RandomSource& random) {
  // Of two digits, so that a guess is right once in ninety times rather than once in nine.
  const std::uint32_t a = 10 + random_below(random, 80);
  const std::uint32_t b = 1 + random_below(random, 9);
  return {.png = draw_captcha(std::to_string(a) + "+" + std::to_string(b) + "=?", random),
          .solution = std::to_string(a + b)};
}

Captcha make_characters(RandomSource& random) {
  std::string text;
  constexpr auto kCount = static_cast<std::uint32_t>(kCaptchaCharacters.size());
  while (text.size() < kCharacters) text += kCaptchaCharacters[random_below(random, kCount)];
  return {.png = draw_captcha(text, random), .solution = text};
}

}  // namespace

Captcha make_captcha(CaptchaMode mode, RandomSource& random) {
  CHECK(mode != CaptchaMode::off);
  return mode == CaptchaMode::math ? make_sum(random) : make_characters(random);
}

bool solves(std::string_view solution, std::string_view answer) noexcept {
  const Normal wanted = normal_of(solution);
  return wanted.size > 0 && equal_constant_time(wanted.octets(), normal_of(answer).octets());
}

std::string make_challenge(RandomSource& random) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::uint8_t, 16> octets{};
  random.fill(octets);
  std::string challenge;
  for (const std::uint8_t octet : octets) {
    challenge += kDigits[octet >> 4];
    challenge += kDigits[octet & 0xf];
  }
  return challenge;
}

bool proves(std::string_view challenge, std::string_view number, unsigned bits) noexcept {
  if (challenge.empty() || challenge.size() > kMaxChallenge) return false;
  if (number.empty() || number.size() > kMaxNumber) return false;
  if (!std::ranges::all_of(number, is_digit)) return false;

  constexpr std::string_view kBetween = ":";
  SHA256_CTX context;
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256_Init(&context);
  for (const std::string_view part : {challenge, kBetween, number})
    SHA256_Update(&context, part.data(), part.size());
  SHA256_Final(digest.data(), &context);

  unsigned zeros = 0;
  for (const std::uint8_t octet : digest) {
    zeros += static_cast<unsigned>(std::countl_zero(octet));
    if (octet != 0) break;
  }
  return zeros >= bits;
}

}  // namespace sallyport::verify
