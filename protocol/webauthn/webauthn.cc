#include "protocol/webauthn/webauthn.h"

#include <array>
#include <optional>
#include <utility>

#include <openssl/sha.h>

#include "protocol/webauthn/authenticator_data.h"
#include "protocol/webauthn/cbor_reader.h"
#include "protocol/webauthn/client_data.h"
#include "protocol/webauthn/cose_key.h"

namespace sallyport::webauthn {
namespace {

/// An attestation statement may bring certificates along.
constexpr std::size_t kMaxAttestationObject = 16'384;
constexpr std::size_t kMaxMembers = 8;

using Digest = std::array<std::uint8_t, SHA256_DIGEST_LENGTH>;

Digest sha256(std::string_view octets) noexcept {
  Digest digest{};
  SHA256(as_octets(octets).data(), octets.size(), digest.data());
  return digest;
}

/// authData of an attestation object (WebAuthn Level 2 §6.5.4), which has nothing after it. The
/// statement is passed over, whatever its format.
std::optional<std::string_view> authenticator_data_of(std::string_view object) noexcept {
  if (object.size() > kMaxAttestationObject) return std::nullopt;
  CborReader reader(object);
  const std::optional<std::size_t> pairs = reader.map();
  if (!pairs || *pairs > kMaxMembers) return std::nullopt;
  std::optional<std::string_view> format;
  std::optional<std::string_view> data;
  bool has_statement = false;
  for (std::size_t i = 0; i < *pairs; ++i) {
    const std::optional<std::string_view> key = reader.text();
    if (!key) return std::nullopt;
    if (*key == "fmt") {
      if (format) return std::nullopt;
      format = reader.text();
      if (!format) return std::nullopt;
    } else if (*key == "authData") {
      if (data) return std::nullopt;
      data = reader.bytes();
      if (!data) return std::nullopt;
    } else {
      CborReader looks(reader);
      if (*key == "attStmt" && (std::exchange(has_statement, true) || !looks.map()))
        return std::nullopt;
      if (!reader.skip()) return std::nullopt;
    }
  }
  if (!format || !has_statement || !reader.rest().empty()) return std::nullopt;
  return data;
}

/// What both ceremonies ask of the authenticator data, in the order of §7.1 and §7.2.
std::expected<AuthenticatorData, Problem> check_authenticator_data(const Expected& expected,
                                                                   std::string_view octets) {
  const auto data = read_authenticator_data(octets);
  if (!data) return data;
  const Digest relying_party = sha256(expected.relying_party);
  if (!equal_constant_time(as_octets(data->relying_party_hash), relying_party))
    return std::unexpected(Problem::wrong_relying_party);
  if (!data->user_present) return std::unexpected(Problem::not_present);
  if (expected.user_verification && !data->user_verified)
    return std::unexpected(Problem::not_verified);
  return data;
}

}  // namespace

const char* to_text(Problem problem) noexcept {
  switch (problem) {
    case Problem::malformed: return "malformed";
    case Problem::wrong_type: return "wrong type";
    case Problem::wrong_challenge: return "wrong challenge";
    case Problem::wrong_origin: return "wrong origin";
    case Problem::wrong_relying_party: return "wrong relying party";
    case Problem::not_present: return "user not present";
    case Problem::not_verified: return "user not verified";
    case Problem::unknown_algorithm: return "unknown algorithm";
    case Problem::bad_signature: return "bad signature";
    case Problem::cloned: return "signature counter went back";
  }
  return "";
}

std::expected<Credential, Problem> check_registration(const Expected& expected,
                                                      std::string_view client_data_json,
                                                      std::string_view attestation_object) {
  if (const auto said = check_client_data(expected, "webauthn.create", client_data_json); !said)
    return std::unexpected(said.error());
  const std::optional<std::string_view> octets = authenticator_data_of(attestation_object);
  if (!octets) return std::unexpected(Problem::malformed);
  const auto data = check_authenticator_data(expected, *octets);
  if (!data) return std::unexpected(data.error());
  if (data->credential_id.empty()) return std::unexpected(Problem::malformed);
  return Credential{.id = std::string(data->credential_id),
                    .public_key = std::string(data->public_key),
                    .sign_count = data->sign_count,
                    .backed_up = data->backed_up};
}

std::expected<std::uint32_t, Problem> check_assertion(const Expected& expected,
                                                      const Credential& credential,
                                                      std::string_view client_data_json,
                                                      std::string_view authenticator_data,
                                                      std::string_view signature) {
  if (const auto said = check_client_data(expected, "webauthn.get", client_data_json); !said)
    return std::unexpected(said.error());
  const auto data = check_authenticator_data(expected, authenticator_data);
  if (!data) return std::unexpected(data.error());
  const auto key = read_cose_key(credential.public_key);
  if (!key) return std::unexpected(key.error());

  std::string message(authenticator_data);
  const Digest client_data_hash = sha256(client_data_json);
  message += as_text(client_data_hash);
  if (!is_signed_by(key->key, message, signature)) return std::unexpected(Problem::bad_signature);

  // Two zeros: this authenticator does not count (§6.1.1).
  const bool counts = credential.sign_count != 0 || data->sign_count != 0;
  if (counts && data->sign_count <= credential.sign_count) return std::unexpected(Problem::cloned);
  return data->sign_count;
}

}  // namespace sallyport::webauthn
