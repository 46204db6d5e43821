#pragma once
// The simulator's TLS: BoringSSL, HTTP/2 or HTTP/1.1 by ALPN, a certificate from files or one made
// at start for localhost, whose text is also its own authority.

#include <expected>
#include <memory>
#include <string>

#include <openssl/ssl.h>

#include "protocol/ip_address.h"

namespace sallyport::lab {

struct SslContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

class TlsContext {
 public:
  /// PEM files; the certificate's file may hold the chain.
  [[nodiscard]] static std::expected<TlsContext, std::string> from_files(
      const std::string& certificate_file, const std::string& key_file);
  /// For localhost, 127.0.0.1, ::1 and `address`, valid for ten days.
  [[nodiscard]] static std::expected<TlsContext, std::string> self_signed(const IpAddress& address);

  /// A connection's state, in accepting mode.
  [[nodiscard]] std::unique_ptr<SSL, SslDeleter> accept(int fd) const;
  /// What a client must trust, PEM. Empty when the certificate came from files.
  [[nodiscard]] const std::string& authority_pem() const { return authority_pem_; }

 private:
  TlsContext();
  std::unique_ptr<SSL_CTX, SslContextDeleter> context_;
  std::string authority_pem_;
};

}  // namespace sallyport::lab
