#include "protocol/webauthn/cose_key.h"

#include <optional>
#include <utility>

#include <openssl/bn.h>
#include <openssl/curve25519.h>
#include <openssl/digest.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/nid.h>
#include <openssl/rsa.h>

#include "protocol/octets.h"
#include "protocol/webauthn/cbor_reader.h"

namespace sallyport::webauthn {
namespace {

// RFC 9053 §7, RFC 8230 §4.
enum class KeyType : std::int64_t { okp = 1, ec2 = 2, rsa = 3 };
constexpr std::int64_t kCurveP256 = 1;
constexpr std::int64_t kCurveEd25519 = 6;
constexpr std::size_t kP256Octets = 32;
constexpr std::size_t kMinRsaOctets = 256;  ///< 2,048 bits
constexpr std::size_t kMaxRsaOctets = 512;
constexpr std::size_t kMaxExponentOctets = 4;
constexpr std::size_t kMaxLabels = 16;

template <typename T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

/// What a COSE_Key says. Labels mean different things in keys of different types: -1 is the curve
/// of two and the modulus of the third.
struct Fields {
  std::optional<std::int64_t> type;          // 1
  std::optional<std::int64_t> algorithm;     // 3
  std::optional<std::int64_t> curve;         // -1
  std::optional<std::string_view> x;         // -2
  std::optional<std::string_view> y;         // -3
  std::optional<std::string_view> modulus;   // -1 of RSA
  std::optional<std::string_view> exponent;  // -2 of RSA
};

template <typename T>
bool set_once(std::optional<T>& field, std::optional<T> value) {
  if (field || !value) return false;
  field = value;
  return true;
}

bool read_field(CborReader& reader, std::int64_t label, Fields& fields) {
  const bool rsa = fields.type == static_cast<std::int64_t>(KeyType::rsa);
  switch (label) {  // labels of RFC 9052 §7.1 and above; any other is passed over
    case 1: return set_once(fields.type, reader.integer());
    case 3: return set_once(fields.algorithm, reader.integer());
    case -1:
      return rsa ? set_once(fields.modulus, reader.bytes())
                 : set_once(fields.curve, reader.integer());
    case -2: return set_once(rsa ? fields.exponent : fields.x, reader.bytes());
    case -3: return set_once(fields.y, reader.bytes());
    default: return reader.skip();  // not ours
  }
}

std::optional<Fields> read_fields(CborReader& reader) {
  const std::optional<std::size_t> pairs = reader.map();
  if (!pairs || *pairs > kMaxLabels) return std::nullopt;
  Fields fields;
  for (std::size_t i = 0; i < *pairs; ++i) {
    const std::optional<std::int64_t> label = reader.integer();
    // The type comes first in canonical CBOR; what follows is read by it.
    if (!label || (i == 0) != (*label == 1)) return std::nullopt;
    if (!read_field(reader, *label, fields)) return std::nullopt;
  }
  return fields;
}

Owned<BIGNUM> number(std::string_view octets) {
  return {BN_bin2bn(as_octets(octets).data(), octets.size(), nullptr), BN_free};
}

KeyPointer no_key() { return {nullptr, EVP_PKEY_free}; }

KeyPointer p256_key(const Fields& fields) {
  if (fields.curve != kCurveP256 || !fields.x || !fields.y) return no_key();
  if (fields.x->size() != kP256Octets || fields.y->size() != kP256Octets) return no_key();
  const Owned<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1), EC_KEY_free);
  const Owned<BIGNUM> x = number(*fields.x);
  const Owned<BIGNUM> y = number(*fields.y);
  KeyPointer key(EVP_PKEY_new(), EVP_PKEY_free);
  // Refuses what is no point of the curve.
  if (!ec || !x || !y || !key ||
      EC_KEY_set_public_key_affine_coordinates(ec.get(), x.get(), y.get()) != 1 ||
      EVP_PKEY_set1_EC_KEY(key.get(), ec.get()) != 1)
    return no_key();
  return key;
}

KeyPointer ed25519_key(const Fields& fields) {
  if (fields.curve != kCurveEd25519 || !fields.x || fields.x->size() != ED25519_PUBLIC_KEY_LEN)
    return no_key();
  return {EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, as_octets(*fields.x).data(),
                                      fields.x->size()),
          EVP_PKEY_free};
}

KeyPointer rsa_key(const Fields& fields) {
  if (!fields.modulus || !fields.exponent) return no_key();
  const std::string_view n = *fields.modulus;
  const std::string_view e = *fields.exponent;
  if (n.size() < kMinRsaOctets || n.size() > kMaxRsaOctets || (n.front() & 0x80) == 0)
    return no_key();
  if (e.empty() || e.size() > kMaxExponentOctets || (e.back() & 1) == 0) return no_key();
  const Owned<RSA> rsa(RSA_new(), RSA_free);
  Owned<BIGNUM> modulus = number(n);
  Owned<BIGNUM> exponent = number(e);
  KeyPointer key(EVP_PKEY_new(), EVP_PKEY_free);
  if (!rsa || !modulus || !exponent || !key || BN_is_one(exponent.get()) == 1 ||
      RSA_set0_key(rsa.get(), modulus.get(), exponent.get(), nullptr) != 1)
    return no_key();
  static_cast<void>(modulus.release());  // theirs now
  static_cast<void>(exponent.release());
  if (EVP_PKEY_set1_RSA(key.get(), rsa.get()) != 1) return no_key();
  return key;
}

struct Kind {
  Algorithm algorithm;
  KeyType type;
  KeyPointer (*make)(const Fields& fields);
};
constexpr Kind kKinds[] = {
    {Algorithm::es256, KeyType::ec2, p256_key},
    {Algorithm::eddsa, KeyType::okp, ed25519_key},
    {Algorithm::rs256, KeyType::rsa, rsa_key},
};

}  // namespace

std::expected<ReadKey, Problem> read_cose_key(std::string_view octets) {
  CborReader reader(octets);
  const std::optional<Fields> fields = read_fields(reader);
  if (!fields || !fields->type || !fields->algorithm) return std::unexpected(Problem::malformed);
  for (const Kind& kind : kKinds) {
    if (fields->algorithm != static_cast<std::int64_t>(kind.algorithm)) continue;
    if (fields->type != static_cast<std::int64_t>(kind.type))
      return std::unexpected(Problem::malformed);
    KeyPointer key = kind.make(*fields);
    ERR_clear_error();
    if (!key) return std::unexpected(Problem::malformed);
    return ReadKey{.key = {.algorithm = kind.algorithm, .key = std::move(key)},
                   .octets = octets.size() - reader.rest().size()};
  }
  return std::unexpected(Problem::unknown_algorithm);
}

bool is_signed_by(const PublicKey& key, std::string_view message, std::string_view signature) {
  if (signature.empty() || signature.size() > kMaxRsaOctets) return false;
  // Ed25519 hashes by itself. RSA's padding is PKCS #1 v1.5 unless another is asked for.
  const EVP_MD* digest = key.algorithm == Algorithm::eddsa ? nullptr : EVP_sha256();
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  const bool good =
      context &&
      EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.key.get()) == 1 &&
      EVP_DigestVerify(context.get(), as_octets(signature).data(), signature.size(),
                       as_octets(message).data(), message.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace sallyport::webauthn
