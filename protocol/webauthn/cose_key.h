#pragma once
// Public keys of authenticators: COSE_Key (RFC 9052 §7, RFC 9053 §7, RFC 8230) of the three
// algorithms that authenticators have. Pure; any thread.

#include <expected>
#include <memory>
#include <string_view>

#include <openssl/evp.h>

#include "protocol/webauthn/webauthn.h"

namespace sallyport::webauthn {

/// COSE algorithm identifiers (RFC 9053 §2, RFC 8812 §2), those that we ask for.
enum class Algorithm : std::int64_t { es256 = -7, eddsa = -8, rs256 = -257 };

using KeyPointer = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

struct PublicKey {
  Algorithm algorithm;
  KeyPointer key;
};

/// The key at the beginning of `octets`, and how many octets it takes.
struct ReadKey {
  PublicKey key;
  std::size_t octets;
};
[[nodiscard]] std::expected<ReadKey, Problem> read_cose_key(std::string_view octets);

[[nodiscard]] bool is_signed_by(const PublicKey& key, std::string_view message,
                                std::string_view signature);

}  // namespace sallyport::webauthn
