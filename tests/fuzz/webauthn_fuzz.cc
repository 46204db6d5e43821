// Every octet sequence as what a browser hands out: as an attestation object, as authenticator
// data, as a key, and as client data. What is believed is of this site and has a key that can be
// used.

#include <string>

#include "protocol/base64url.h"
#include "protocol/check.h"
#include "protocol/octets.h"
#include "protocol/webauthn/authenticator_data.h"
#include "protocol/webauthn/cbor_reader.h"
#include "protocol/webauthn/client_data.h"
#include "protocol/webauthn/cose_key.h"
#include "protocol/webauthn/webauthn.h"

namespace sallyport::webauthn {
namespace {

constexpr Expected kExpected{.challenge = "0123456789abcdef",
                             .origin = "https://login.example.net",
                             .relying_party = "login.example.net",
                             .user_verification = false};

std::string client_data(std::string_view type) {
  return R"({"type":"webauthn.)" + std::string(type) + R"(","challenge":")" +
         base64url(as_octets(kExpected.challenge)) + R"(","origin":"https://login.example.net"})";
}

void read(std::string_view octets) {
  static const std::string create = client_data("create");
  static const std::string get = client_data("get");

  if (const auto made = check_registration(kExpected, create, octets)) {
    CHECK(!made->id.empty() && made->id.size() <= kMaxCredentialId);
    const auto key = read_cose_key(made->public_key);
    CHECK(key && key->octets == made->public_key.size());
    // Nobody has signed anything.
    CHECK(!check_assertion(kExpected, *made, get, octets.substr(0, 37), octets));
  }
  if (const auto data = read_authenticator_data(octets)) {
    CHECK(data->relying_party_hash.size() == 32);
    CHECK(data->credential_id.empty() == data->public_key.empty());
  }
  if (const auto key = read_cose_key(octets)) {
    CHECK(key->octets <= octets.size());
    CHECK(!is_signed_by(key->key, "message", octets.substr(0, 64)));
  }
  if (check_client_data(kExpected, "webauthn.get", octets))
    CHECK(octets.find("webauthn.get") != std::string_view::npos ||
          octets.find('\\') != std::string_view::npos);
  CborReader reader(octets);
  while (reader.skip()) CHECK(reader.rest().size() < octets.size());
}

}  // namespace
}  // namespace sallyport::webauthn

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sallyport::webauthn::read(sallyport::as_text({data, size}));
  return 0;
}
