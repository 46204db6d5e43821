#pragma once
// Authenticator data (WebAuthn Level 2 §6.1): what the authenticator signs. Views into the input.

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "protocol/webauthn/webauthn.h"

namespace sallyport::webauthn {

/// Longer ones are not read: a credential id of 1,023 octets, an RSA key and some extensions fit.
inline constexpr std::size_t kMaxAuthenticatorData = 4'096;
inline constexpr std::size_t kMaxCredentialId = 1'023;

struct AuthenticatorData {
  std::string_view relying_party_hash;  ///< SHA-256
  bool user_present = false;            ///< UP
  bool user_verified = false;           ///< UV
  bool backed_up = false;               ///< BS
  std::uint32_t sign_count = 0;
  std::string_view credential_id;  ///< AT; else empty
  std::string_view public_key;     ///< AT: a COSE_Key that can be used
};

/// Problem::malformed, or unknown_algorithm for a key of another algorithm. To the last octet.
[[nodiscard]] std::expected<AuthenticatorData, Problem> read_authenticator_data(
    std::string_view octets);

}  // namespace sallyport::webauthn
