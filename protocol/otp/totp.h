#pragma once
// Time-based one-time passwords (RFC 6238) over HOTP (RFC 4226) with HMAC-SHA-1, as authenticator
// apps have them. Pure; no heap but where a std::string is returned; any thread.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/octets.h"

namespace sallyport::otp {

inline constexpr std::size_t kSecretOctets = 20;  ///< RFC 4226 §4 R6: 160 bits
inline constexpr std::uint32_t kStepSeconds = 30;

using Code = std::array<char, 8>;  ///< `digits` of them are used

/// The time step of a Unix time.
[[nodiscard]] constexpr std::uint64_t step_at(std::uint64_t unix_s) noexcept {
  return unix_s / kStepSeconds;
}
/// The code of a step, 6..8 digits.
[[nodiscard]] Code code_of(Octets secret, std::uint64_t step, std::uint32_t digits) noexcept;

/// The step that `text` is the code of, out of now, the one before and the one after (RFC 6238
/// §5.2), but only if it is later than `last_step`: a step used once is dead, and all before it.
/// Takes the same time for each outcome. `text`: spaces and hyphens are passed over.
[[nodiscard]] std::optional<std::uint64_t> find_step(Octets secret, std::string_view text,
                                                     std::uint32_t digits, std::uint64_t unix_s,
                                                     std::uint64_t last_step) noexcept;

/// RFC 4648 §6, upper case, no padding.
[[nodiscard]] std::string base32(Octets octets);
[[nodiscard]] std::optional<std::string> from_base32(std::string_view text);  ///< any case, padding

/// otpauth://totp/ISSUER:USER?secret=…&issuer=…, all escaped.
[[nodiscard]] std::string otpauth_url(std::string_view issuer, std::string_view user, Octets secret,
                                      std::uint32_t digits);

}  // namespace sallyport::otp
