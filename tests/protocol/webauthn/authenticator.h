#pragma once
// An authenticator for the tests: makes keys with BoringSSL, writes what a browser would hand out
// and signs it. Every part can be broken before it is written.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include "protocol/base64url.h"
#include "protocol/check.h"
#include "protocol/octets.h"
#include "protocol/webauthn/webauthn.h"

namespace sallyport::webauthn {

// CBOR, as far as authenticators write it.
inline std::string cbor_head(unsigned major, std::uint64_t value) {
  const auto first = [major](unsigned low) { return static_cast<char>(major << 5 | low); };
  if (value < 24) return {first(static_cast<unsigned>(value))};
  if (value < 256) return {first(24), static_cast<char>(value)};
  CHECK(value < 65'536);
  return {first(25), static_cast<char>(value >> 8), static_cast<char>(value)};
}
inline std::string cbor(int number) {
  return number < 0 ? cbor_head(1, static_cast<std::uint64_t>(-1 - number))
                    : cbor_head(0, static_cast<std::uint64_t>(number));
}
inline std::string cbor_bytes(std::string_view octets) {
  return cbor_head(2, octets.size()).append(octets);
}
inline std::string cbor_text(std::string_view text) {
  return cbor_head(3, text.size()).append(text);
}
inline std::string cbor_map(std::size_t pairs) { return cbor_head(5, pairs); }

inline std::string sha256(std::string_view octets) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256(as_octets(octets).data(), octets.size(), digest.data());
  return std::string(as_text(digest));
}

enum class Sort : std::uint8_t { p256, ed25519, rsa };
inline constexpr Sort kSorts[] = {Sort::p256, Sort::ed25519, Sort::rsa};

inline std::string number_octets(const BIGNUM* number, std::size_t octets) {
  std::string out(octets, '\0');
  CHECK(BN_bn2bin_padded(reinterpret_cast<std::uint8_t*>(out.data()), octets, number) == 1);
  return out;
}

/// A key pair, and its public half as COSE_Key.
class KeyPair {
 public:
  explicit KeyPair(Sort sort) : sort_(sort) {
    const int id = sort == Sort::p256      ? EVP_PKEY_EC
                   : sort == Sort::ed25519 ? EVP_PKEY_ED25519
                                           : EVP_PKEY_RSA;
    const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
        EVP_PKEY_CTX_new_id(id, nullptr), EVP_PKEY_CTX_free);
    CHECK(EVP_PKEY_keygen_init(context.get()) == 1);
    if (sort == Sort::p256)
      CHECK(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context.get(), NID_X9_62_prime256v1) == 1);
    if (sort == Sort::rsa) CHECK(EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), 2'048) == 1);
    EVP_PKEY* key = nullptr;
    CHECK(EVP_PKEY_keygen(context.get(), &key) == 1);
    key_.reset(key);
  }

  /// Made once for all tests: RSA keys take their time.
  static const KeyPair& of(Sort sort) {
    static const KeyPair pairs[] = {KeyPair(Sort::p256), KeyPair(Sort::ed25519),
                                    KeyPair(Sort::rsa)};
    return pairs[static_cast<std::size_t>(sort)];
  }

  [[nodiscard]] std::string cose() const {
    switch (sort_) {
      case Sort::p256: {
        const auto [x, y] = point();
        return cbor_map(5) + cbor(1) + cbor(2) + cbor(3) + cbor(-7) + cbor(-1) + cbor(1) +
               cbor(-2) + cbor_bytes(x) + cbor(-3) + cbor_bytes(y);
      }
      case Sort::ed25519: {
        std::array<std::uint8_t, 32> raw{};
        std::size_t length = raw.size();
        CHECK(EVP_PKEY_get_raw_public_key(key_.get(), raw.data(), &length) == 1);
        return cbor_map(4) + cbor(1) + cbor(1) + cbor(3) + cbor(-8) + cbor(-1) + cbor(6) +
               cbor(-2) + cbor_bytes(as_text(raw));
      }
      case Sort::rsa: {
        const RSA* rsa = EVP_PKEY_get0_RSA(key_.get());
        return cbor_map(4) + cbor(1) + cbor(3) + cbor(3) + cbor(-257) + cbor(-1) +
               cbor_bytes(number_octets(RSA_get0_n(rsa), 256)) + cbor(-2) +
               cbor_bytes(number_octets(RSA_get0_e(rsa), 3));
      }
    }
    return {};
  }

  /// P-256 only.
  [[nodiscard]] std::pair<std::string, std::string> point() const {
    const EC_KEY* ec = EVP_PKEY_get0_EC_KEY(key_.get());
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> x(BN_new(), BN_free);
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> y(BN_new(), BN_free);
    CHECK(EC_POINT_get_affine_coordinates_GFp(EC_KEY_get0_group(ec), EC_KEY_get0_public_key(ec),
                                              x.get(), y.get(), nullptr) == 1);
    return {number_octets(x.get(), 32), number_octets(y.get(), 32)};
  }

  [[nodiscard]] std::string sign(std::string_view message) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    const EVP_MD* digest = sort_ == Sort::ed25519 ? nullptr : EVP_sha256();
    CHECK(EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1);
    std::string signature(512, '\0');
    std::size_t length = signature.size();
    CHECK(EVP_DigestSign(context.get(), reinterpret_cast<std::uint8_t*>(signature.data()), &length,
                         as_octets(message).data(), message.size()) == 1);
    signature.resize(length);
    return signature;
  }

 private:
  Sort sort_;
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_{nullptr, EVP_PKEY_free};
};

// Flags (WebAuthn Level 2 §6.1).
inline constexpr unsigned kUp = 0x01;
inline constexpr unsigned kUv = 0x04;
inline constexpr unsigned kBe = 0x08;
inline constexpr unsigned kBs = 0x10;
inline constexpr unsigned kAt = 0x40;
inline constexpr unsigned kEd = 0x80;

inline constexpr std::string_view kChallenge = "0123456789abcdef0123456789abcdef";
inline constexpr std::string_view kOrigin = "https://login.example.net";
inline constexpr std::string_view kRelyingParty = "login.example.net";
inline constexpr Expected kExpected{.challenge = kChallenge,
                                    .origin = kOrigin,
                                    .relying_party = kRelyingParty,
                                    .user_verification = true};

/// One ceremony as it should be.
struct Ceremony {
  Sort sort = Sort::p256;
  std::string type = "webauthn.create";
  std::string challenge = base64url(as_octets(kChallenge));
  std::string origin = std::string(kOrigin);
  std::string more_client_data = R"(,"crossOrigin":false,"later":{"a":[1]})";

  std::string relying_party = std::string(kRelyingParty);
  unsigned flags = kUp | kUv | kAt;
  std::uint32_t sign_count = 7;
  std::string id = "credential-id-16";
  std::string cose = {};        ///< empty: the key pair's
  std::string extensions = {};  ///< after the key
  std::string format = "none";
  std::string statement = cbor_map(0);

  [[nodiscard]] std::string client_data() const {
    return R"({"type":")" + type + R"(","challenge":")" + challenge + R"(","origin":")" + origin +
           '"' + more_client_data + '}';
  }
  [[nodiscard]] std::string data() const {
    std::string out = sha256(relying_party) + static_cast<char>(flags);
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(sign_count >> shift);
    if ((flags & kAt) != 0) {
      out += std::string(16, '\x11');
      out += static_cast<char>(id.size() >> 8);
      out += static_cast<char>(id.size());
      out += id;
      out += cose.empty() ? KeyPair::of(sort).cose() : cose;
    }
    return out + extensions;
  }
  [[nodiscard]] std::string object() const {
    return cbor_map(3) + cbor_text("fmt") + cbor_text(format) + cbor_text("attStmt") + statement +
           cbor_text("authData") + cbor_bytes(data());
  }
  [[nodiscard]] std::string signature() const {
    return KeyPair::of(sort).sign(data() + sha256(client_data()));
  }

  [[nodiscard]] std::expected<Credential, Problem> registers() const {
    return check_registration(kExpected, client_data(), object());
  }
};

inline Ceremony login(Sort sort = Sort::p256) {
  return {.sort = sort, .type = "webauthn.get", .flags = kUp | kUv, .sign_count = 8};
}

}  // namespace sallyport::webauthn
