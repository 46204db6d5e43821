#pragma once
// MS-CHAP version 2 (RFC 2759), both ends: what the client proves its password with, and what the
// server proves with that it knows the password too.

#include <array>
#include <cstdint>
#include <expected>
#include <string>

#include <openssl/des.h>

#include "protocol/octets.h"

namespace sallyport::lab {

inline constexpr std::uint32_t kMicrosoft = 311;  ///< vendor of the attributes in RFC 2548

using MsChapChallenge = std::array<std::uint8_t, 16>;
using MsChapChallengeHash = std::array<std::uint8_t, 8>;
using MsChapResponse = std::array<std::uint8_t, 24>;
/// "S=" and 40 upper-case hexadecimal digits.
using MsChapProof = std::array<std::uint8_t, 42>;

/// ChallengeHash() of RFC 2759 §8.2. `user`: without a domain.
[[nodiscard]] MsChapChallengeHash mschap_challenge_hash(const MsChapChallenge& peer,
                                                        const MsChapChallenge& authenticator,
                                                        Octets user) noexcept;

/// All that one password is used for. Immutable after construction; may be used by many threads at
/// once. Holds key material: wiped when destroyed.
class MsChapKey {
 public:
  /// `password`: UTF-8. An error says what is wrong with it, and quotes nothing of it.
  [[nodiscard]] static std::expected<MsChapKey, std::string> make(Octets password);
  ~MsChapKey();
  MsChapKey(const MsChapKey&) = default;
  MsChapKey& operator=(const MsChapKey&) = delete;

  /// GenerateNTResponse(), RFC 2759 §8.1.
  [[nodiscard]] MsChapResponse response(const MsChapChallengeHash& challenge) const noexcept;
  /// GenerateAuthenticatorResponse(), RFC 2759 §8.7.
  [[nodiscard]] MsChapProof proof(const MsChapResponse& response,
                                  const MsChapChallengeHash& challenge) const noexcept;

 private:
  explicit MsChapKey(Octets password_utf16) noexcept;

  std::array<DES_key_schedule, 3> schedules_;  ///< of the NT password hash, 7 octets each
  std::array<std::uint8_t, 16> hash_hash_;     ///< HashNtPasswordHash(), RFC 2759 §8.4
};

}  // namespace sallyport::lab
