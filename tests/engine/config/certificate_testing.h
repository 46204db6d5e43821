#pragma once
// Keys and certificates for tests, made anew, so that none lies in the tree.

#include <memory>
#include <string>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace sallyport::config::testing {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

inline Key make_key() {
  Key key(EVP_PKEY_new(), EVP_PKEY_free);
  EC_KEY* curve = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
  EC_KEY_generate_key(curve);
  EVP_PKEY_assign_EC_KEY(key.get(), curve);
  return key;
}

/// What `write` puts into a memory BIO.
inline std::string pem_of(auto&& write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  write(out.get());
  const std::uint8_t* octets = nullptr;
  std::size_t length = 0;
  BIO_mem_contents(out.get(), &octets, &length);
  return {reinterpret_cast<const char*>(octets), length};
}

inline std::string key_pem(const Key& key) {
  return pem_of([&](BIO* out) {
    PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

/// Self-signed, good from an hour ago; `days` may be negative: then it is over.
inline std::string certificate_pem(const Key& key, int days = 30) {
  const std::unique_ptr<X509, decltype(&X509_free)> x509(X509_new(), X509_free);
  X509_set_version(x509.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), days < 0 ? days * 2L * 86'400 : -3'600);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), days * 86'400L);
  X509_NAME* name = X509_get_subject_name(x509.get());
  const auto* host = reinterpret_cast<const std::uint8_t*>("www.example.net");
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, host, -1, -1, 0);
  X509_set_issuer_name(x509.get(), name);
  X509_set_pubkey(x509.get(), key.get());
  X509_sign(x509.get(), key.get(), EVP_sha256());
  return pem_of([&](BIO* out) { PEM_write_bio_X509(out, x509.get()); });
}

}  // namespace sallyport::config::testing
