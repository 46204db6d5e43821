#include "bench/simulators/tls.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "protocol/check.h"
#include "protocol/octets.h"

namespace sallyport::lab {
namespace {

constexpr long kValidSeconds = 10 * 24 * 3600L;

int choose_protocol(SSL*, const std::uint8_t** out, std::uint8_t* out_length,
                    const std::uint8_t* offered, unsigned offered_length, void*) {
  // Length-prefixed names, ours in order of preference.
  static constexpr std::uint8_t kOurs[] = "\x02h2\x08http/1.1";
  std::uint8_t* chosen = nullptr;
  const int result =
      SSL_select_next_proto(&chosen, out_length, kOurs, sizeof kOurs - 1, offered, offered_length);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

std::string last_error() {
  char text[160] = "unknown reason";
  if (const auto code = ERR_get_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
  return text;
}

bool add_extension(X509* certificate, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const bssl::UniquePtr<X509_EXTENSION> extension(
      X509V3_EXT_nconf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bssl::UniquePtr<EVP_PKEY> make_key() {
  const bssl::UniquePtr<EC_KEY> curve_key(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  if (!curve_key || EC_KEY_generate_key(curve_key.get()) != 1) return nullptr;
  if (!key || EVP_PKEY_set1_EC_KEY(key.get(), curve_key.get()) != 1) return nullptr;
  return key;
}

bssl::UniquePtr<X509> make_certificate(EVP_PKEY* key, const IpAddress& address) {
  bssl::UniquePtr<X509> certificate(X509_new());
  X509* x509 = certificate.get();
  const auto common_name = as_octets("sallyport-lab");
  const std::string names = fmt::format("DNS:localhost,IP:127.0.0.1,IP:::1,IP:{}", address.text());
  X509_NAME* name = X509_get_subject_name(x509);
  const bool made = X509_set_version(x509, 2) == 1 &&
                    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) == 1 &&
                    X509_gmtime_adj(X509_getm_notBefore(x509), -60) != nullptr &&
                    X509_gmtime_adj(X509_getm_notAfter(x509), kValidSeconds) != nullptr &&
                    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, common_name.data(),
                                               static_cast<int>(common_name.size()), -1, 0) == 1 &&
                    X509_set_issuer_name(x509, name) == 1 && X509_set_pubkey(x509, key) == 1 &&
                    add_extension(x509, NID_basic_constraints, "critical,CA:TRUE") &&
                    add_extension(x509, NID_subject_alt_name, names.c_str()) &&
                    X509_sign(x509, key, EVP_sha256()) > 0;
  if (!made) return nullptr;
  return certificate;
}

}  // namespace

TlsContext::TlsContext() : context_(SSL_CTX_new(TLS_method())) {
  CHECK(context_);
  SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
  SSL_CTX_set_alpn_select_cb(context_.get(), choose_protocol, nullptr);
  SSL_CTX_set_mode(context_.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

std::expected<TlsContext, std::string> TlsContext::from_files(const std::string& certificate_file,
                                                              const std::string& key_file) {
  TlsContext tls;
  if (SSL_CTX_use_certificate_chain_file(tls.context_.get(), certificate_file.c_str()) != 1)
    return std::unexpected(fmt::format("{}: {}", certificate_file, last_error()));
  if (SSL_CTX_use_PrivateKey_file(tls.context_.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return std::unexpected(fmt::format("{}: {}", key_file, last_error()));
  return tls;
}

std::expected<TlsContext, std::string> TlsContext::self_signed(const IpAddress& address) {
  TlsContext tls;
  const auto key = make_key();
  const auto certificate = key ? make_certificate(key.get(), address) : nullptr;
  if (!certificate || SSL_CTX_use_certificate(tls.context_.get(), certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(tls.context_.get(), key.get()) != 1)
    return std::unexpected(fmt::format("cannot make a certificate: {}", last_error()));
  const bssl::UniquePtr<BIO> memory(BIO_new(BIO_s_mem()));
  const std::uint8_t* octets = nullptr;
  std::size_t length = 0;
  if (!memory || PEM_write_bio_X509(memory.get(), certificate.get()) != 1 ||
      BIO_mem_contents(memory.get(), &octets, &length) != 1)
    return std::unexpected(fmt::format("cannot write the certificate: {}", last_error()));
  tls.authority_pem_ = as_text({octets, length});
  return tls;
}

std::unique_ptr<SSL, SslDeleter> TlsContext::accept(int fd) const {
  std::unique_ptr<SSL, SslDeleter> ssl(SSL_new(context_.get()));
  CHECK(ssl && SSL_set_fd(ssl.get(), fd) == 1);
  SSL_set_accept_state(ssl.get());
  return ssl;
}

}  // namespace sallyport::lab
