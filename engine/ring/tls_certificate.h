#pragma once
// A certificate chain with its key, as read from PEM text, and what a server must know to choose
// it. For the tls_*.cc files only.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/base.h>
#include <openssl/evp.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>

#include "protocol/secret.h"

namespace sallyport::ring {

struct TlsCertificate {
  std::vector<std::string> names;  ///< DNS names it is for, lower case; "*.example.net" too
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> chain;  ///< leaf first
  bssl::UniquePtr<EVP_PKEY> key;
  bssl::UniquePtr<CRYPTO_BUFFER> ocsp;  ///< to staple; null: none
  std::int64_t not_before_unix_s = 0;
  std::int64_t not_after_unix_s = 0;

  /// The visitor can check this key's signatures: his signature_algorithms and, for TLS 1.2, his
  /// cipher suites say so (RFC 8446 §4.2.3, RFC 8422 §5.1).
  [[nodiscard]] bool suits(const SSL_CLIENT_HELLO* hello) const noexcept;
  /// Puts it on a session; false: out of memory.
  [[nodiscard]] bool apply(SSL* ssl) const;
  [[nodiscard]] bool rsa() const noexcept { return EVP_PKEY_id(key.get()) == EVP_PKEY_RSA; }
};

/// A whole file, to 1 MiB; the error says what went wrong, without the path.
[[nodiscard]] std::expected<Secret, std::string> read_file(const std::string& path);

/// `key_file` may be the same file. An error is one line: path, what is wrong, what to do.
[[nodiscard]] std::expected<TlsCertificate, std::string> load_certificate(
    const std::string& certificate_file, const std::string& key_file);

/// Peers' certificates must be signed by one that stands in the file. An error is one line; `mend`
/// says what to do where the file cannot be read.
[[nodiscard]] std::expected<void, std::string> trust_file(SSL_CTX* context, const std::string& path,
                                                          std::string_view mend);

}  // namespace sallyport::ring
