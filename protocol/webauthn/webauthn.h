#pragma once
// Passkeys: what a relying party checks of a registration and of a login (WebAuthn Level 2 §7.1,
// §7.2). CBOR is read by libcbor, signatures are checked by BoringSSL. Attestation is not asked for
// ("none") and not trusted. Pure; any thread.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "protocol/octets.h"

namespace sallyport::webauthn {

/// Why a ceremony is not believed.
enum class Problem : std::uint8_t {
  malformed,            ///< JSON, CBOR or lengths
  wrong_type,           ///< not webauthn.create or webauthn.get
  wrong_challenge,      ///< another ceremony's
  wrong_origin,         ///< another site's
  wrong_relying_party,  ///< rpIdHash
  not_present,          ///< nobody touched it
  not_verified,         ///< user verification was asked for and is not there
  unknown_algorithm,    ///< none of ES256, EdDSA, RS256
  bad_signature,
  cloned,  ///< the signature counter went back
};
[[nodiscard]] const char* to_text(Problem problem) noexcept;

/// What a ceremony is expected to be about.
struct Expected {
  std::string_view challenge;      ///< octets, as sent
  std::string_view origin;         ///< "https://login.example.net", with a port unless 443
  std::string_view relying_party;  ///< "login.example.net" or a domain above it
  bool user_verification = true;
};

struct Credential {
  std::string id;          ///< octets, 1..1023
  std::string public_key;  ///< COSE_Key (RFC 9052 §7), as in the authenticator data
  std::uint32_t sign_count = 0;
  bool backed_up = false;  ///< flag BS
};

/// What navigator.credentials.create() gave, as octets (already out of base64url).
[[nodiscard]] std::expected<Credential, Problem> check_registration(
    const Expected& expected, std::string_view client_data_json,
    std::string_view attestation_object);

/// What navigator.credentials.get() gave for this credential. The new counter.
[[nodiscard]] std::expected<std::uint32_t, Problem> check_assertion(
    const Expected& expected, const Credential& credential, std::string_view client_data_json,
    std::string_view authenticator_data, std::string_view signature);

}  // namespace sallyport::webauthn
