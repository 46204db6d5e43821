#include "engine/ring/tls_certificate.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bytestring.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "engine/ring/file_descriptor.h"
#include "engine/ring/tls_io.h"
#include "protocol/ascii.h"
#include "protocol/check.h"

namespace sallyport::ring {
namespace {

constexpr std::size_t kMostFileOctets = 1'048'576;

struct FreePem {
  void operator()(char* text) const noexcept { OPENSSL_free(text); }
  void operator()(std::uint8_t* octets) const noexcept { OPENSSL_free(octets); }
};

bssl::UniquePtr<BIO> memory_of(const Secret& text) {
  bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(text.reveal().data(), static_cast<int>(text.size())));
  CHECK(bio);
  return bio;
}

std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> read_chain(const Secret& text) {
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> chain;
  const bssl::UniquePtr<BIO> bio = memory_of(text);
  for (;;) {
    char* name = nullptr;
    char* header = nullptr;
    std::uint8_t* data = nullptr;
    long octets = 0;
    if (PEM_read_bio(bio.get(), &name, &header, &data, &octets) != 1) break;
    const std::unique_ptr<char, FreePem> own_name(name);
    const std::unique_ptr<char, FreePem> own_header(header);
    const std::unique_ptr<std::uint8_t, FreePem> own_data(data);
    if (std::string_view(name) != PEM_STRING_X509) continue;
    chain.emplace_back(CRYPTO_BUFFER_new(data, static_cast<std::size_t>(octets), nullptr));
    CHECK(chain.back());
  }
  ERR_clear_error();  // the end of the text is an error to PEM_read_bio
  return chain;
}

std::string_view text_of(const ASN1_STRING* string) {
  return as_text(
      {ASN1_STRING_get0_data(string), static_cast<std::size_t>(ASN1_STRING_length(string))});
}

/// The subject alternative names; where there are none the common name, as it was before RFC 6125.
std::vector<std::string> names_of(X509* leaf) {
  std::vector<std::string> names;
  const bssl::UniquePtr<GENERAL_NAMES> alternatives(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  if (alternatives) {
    for (const GENERAL_NAME* name : alternatives.get()) {
      if (name->type == GEN_DNS) names.push_back(lower_case(text_of(name->d.dNSName)));
    }
    return names;
  }
  X509_NAME* const subject = X509_get_subject_name(leaf);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0) {
    names.push_back(
        lower_case(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)))));
  }
  return names;
}

std::int64_t unix_seconds(const ASN1_TIME* time) {
  const bssl::UniquePtr<ASN1_TIME> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int seconds = 0;
  if (ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) return 0;
  return std::int64_t{days} * 86'400 + seconds;
}

/// No passphrase: BoringSSL would ask the terminal for one.
int no_passphrase(char* /*out*/, int /*room*/, int /*writing*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

std::expected<bssl::UniquePtr<EVP_PKEY>, std::string> read_key(const Secret& text,
                                                               const std::string& path) {
  const bssl::UniquePtr<BIO> bio = memory_of(text);
  bool passphrase_asked = false;
  bssl::UniquePtr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &passphrase_asked));
  ERR_clear_error();
  if (passphrase_asked) {
    return std::unexpected(path +
                           ": the key is encrypted. Write it without a passphrase: openssl "
                           "pkey -in OLD -out NEW");
  }
  if (!key) {
    return std::unexpected(path +
                           ": no private key in it. It must hold a PEM block BEGIN PRIVATE "
                           "KEY (or RSA/EC PRIVATE KEY)");
  }
  return key;
}

/// SignatureScheme values (RFC 8446 §4.2.3) that a key can sign with.
std::array<std::uint16_t, 6> schemes_of(const EVP_PKEY* key) noexcept {
  const int kind = EVP_PKEY_id(key);
  if (kind == EVP_PKEY_ED25519) return {SSL_SIGN_ED25519};
  if (kind == EVP_PKEY_EC) {
    const int curve = EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key)));
    if (curve == NID_X9_62_prime256v1) return {SSL_SIGN_ECDSA_SECP256R1_SHA256};
    if (curve == NID_secp384r1) return {SSL_SIGN_ECDSA_SECP384R1_SHA384};
    return {SSL_SIGN_ECDSA_SECP521R1_SHA512};
  }
  return {SSL_SIGN_RSA_PSS_RSAE_SHA256, SSL_SIGN_RSA_PSS_RSAE_SHA384, SSL_SIGN_RSA_PSS_RSAE_SHA512,
          SSL_SIGN_RSA_PKCS1_SHA256,    SSL_SIGN_RSA_PKCS1_SHA384,    SSL_SIGN_RSA_PKCS1_SHA512};
}

bool holds_any(CBS values, std::span<const std::uint16_t> wanted) noexcept {
  std::uint16_t value = 0;
  while (CBS_get_u16(&values, &value) == 1) {
    if (value != 0 && std::ranges::find(wanted, value) != wanted.end()) return true;
  }
  return false;
}

}  // namespace

bool TlsCertificate::suits(const SSL_CLIENT_HELLO* hello) const noexcept {
  const std::uint8_t* data = nullptr;
  std::size_t octets = 0;
  if (SSL_early_callback_ctx_extension_get(hello, TLSEXT_TYPE_signature_algorithms, &data,
                                           &octets) != 1) {
    return rsa();  // TLS 1.2 without it: SHA-1 is meant (RFC 5246 §7.4.1.4.1), and we have none
  }
  CBS extension;
  CBS list;
  CBS_init(&extension, data, octets);
  if (CBS_get_u16_length_prefixed(&extension, &list) != 1) return false;
  if (!holds_any(list, schemes_of(key.get()))) return false;
  // The suites of TLS 1.3, and those of 1.2 that we speak with this kind of key.
  constexpr std::array<std::uint16_t, 6> kEcdsaSuites = {0x1301, 0x1302, 0x1303,
                                                         0xc02b, 0xc02c, 0xcca9};
  constexpr std::array<std::uint16_t, 6> kRsaSuites = {0x1301, 0x1302, 0x1303,
                                                       0xc02f, 0xc030, 0xcca8};
  CBS suites;
  CBS_init(&suites, hello->cipher_suites, hello->cipher_suites_len);
  return holds_any(suites, rsa() ? kRsaSuites : kEcdsaSuites);
}

bool TlsCertificate::apply(SSL* ssl) const {
  std::vector<CRYPTO_BUFFER*> buffers;
  buffers.reserve(chain.size());
  for (const auto& buffer : chain) buffers.push_back(buffer.get());
  if (SSL_set_chain_and_key(ssl, buffers.data(), buffers.size(), key.get(), nullptr) != 1) {
    return false;
  }
  if (!ocsp) return true;
  return SSL_set_ocsp_response(ssl, CRYPTO_BUFFER_data(ocsp.get()),
                               CRYPTO_BUFFER_len(ocsp.get())) == 1;
}

std::expected<Secret, std::string> read_file(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file.valid()) return std::unexpected(std::system_category().message(errno));
  std::vector<std::uint8_t> octets;
  std::array<std::uint8_t, 4096> part;
  std::expected<Secret, std::string> outcome;
  for (;;) {
    const ssize_t got = ::read(file.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) outcome = std::unexpected(std::system_category().message(errno));
    if (got > 0 && octets.size() > kMostFileOctets) outcome = std::unexpected("more than 1 MiB");
    if (got <= 0 || !outcome) break;
    octets.insert(octets.end(), part.begin(), part.begin() + got);
  }
  if (outcome) outcome = Secret(Octets(octets));
  wipe(part);
  wipe(octets);
  return outcome;
}

std::expected<TlsCertificate, std::string> load_certificate(const std::string& certificate_file,
                                                            const std::string& key_file) {
  const auto certificate_text = read_file(certificate_file);
  if (!certificate_text) {
    return std::unexpected(certificate_file +
                           ": the certificate cannot be read: " + certificate_text.error() +
                           ". Check the path and that our user may read it");
  }
  const auto key_text = read_file(key_file);
  if (!key_text) {
    return std::unexpected(key_file + ": the key cannot be read: " + key_text.error() +
                           ". Check the path and that our user may read it");
  }
  TlsCertificate certificate;
  certificate.chain = read_chain(*certificate_text);
  if (certificate.chain.empty()) {
    return std::unexpected(certificate_file +
                           ": no certificate in it. It must hold PEM blocks BEGIN CERTIFICATE, the "
                           "server's own first");
  }
  const bssl::UniquePtr<X509> leaf(X509_parse_from_buffer(certificate.chain.front().get()));
  if (!leaf) {
    return std::unexpected(certificate_file + ": the first certificate is damaged: " +
                           take_boringssl_error() + ". Copy it again from where it was issued");
  }
  auto key = read_key(*key_text, key_file);
  if (!key) return std::unexpected(key.error());
  certificate.key = std::move(*key);
  const bool match = X509_check_private_key(leaf.get(), certificate.key.get()) == 1;
  ERR_clear_error();
  if (!match) {
    return std::unexpected(key_file + ": not the key of " + certificate_file +
                           ". Give the two of one pair; the server's own certificate comes first");
  }
  certificate.names = names_of(leaf.get());
  certificate.not_before_unix_s = unix_seconds(X509_get0_notBefore(leaf.get()));
  certificate.not_after_unix_s = unix_seconds(X509_get0_notAfter(leaf.get()));
  return certificate;
}

std::expected<void, std::string> trust_file(SSL_CTX* context, const std::string& path,
                                            std::string_view mend) {
  if (const auto text = read_file(path); !text) {
    return std::unexpected(path + ": the trusted certificates cannot be read: " + text.error() +
                           ". " + std::string(mend));
  }
  if (SSL_CTX_load_verify_locations(context, path.c_str(), nullptr) != 1) {
    return std::unexpected(path + ": no trusted certificates in it: " + take_boringssl_error() +
                           ". It must hold PEM blocks BEGIN CERTIFICATE");
  }
  return {};
}

}  // namespace sallyport::ring
