#pragma once
// Captchas: a picture with a sum or with characters, and for who cannot see it a proof of work that
// a script does. The answer stays with the visit on our side and is good once. Pure; any thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/random.h"

namespace sallyport::verify {

enum class CaptchaMode : std::uint8_t { off, math, full };

struct Captcha {
  std::string png;       ///< 250×50
  std::string solution;  ///< "12", "K7mQ"; kept, never sent
};
/// `mode`: math or full. full: characters that are not mistaken for one another; any case is taken.
[[nodiscard]] Captcha make_captcha(CaptchaMode mode, RandomSource& random);
[[nodiscard]] bool solves(std::string_view solution, std::string_view answer) noexcept;

/// Proof of work: find a decimal number n such that SHA-256(challenge ":" n) begins with
/// `bits` zero bits. 18 bits take a phone about a second.
inline constexpr unsigned kProofBits = 18;
[[nodiscard]] std::string make_challenge(RandomSource& random);  ///< 32 hexadecimal digits
[[nodiscard]] bool proves(std::string_view challenge, std::string_view number,
                          unsigned bits) noexcept;

}  // namespace sallyport::verify
