#pragma once
// TLS to a Redis server by BoringSSL: whom we trust, who we are. Immutable; any thread.

#include <expected>
#include <memory>
#include <string>

#include <openssl/base.h>

#include "verify/store/settings.h"

namespace sallyport::verify {

class RedisTls {
 public:
  /// Reads the files. An error is a sentence without its full stop.
  [[nodiscard]] static std::expected<std::shared_ptr<const RedisTls>, std::string> load(
      const RedisSettings& settings);

  /// A session on that connected, non-blocking socket, which stays the caller's. The peer must show
  /// a certificate for settings.server_name or else for `host`.
  [[nodiscard]] bssl::UniquePtr<SSL> session(int socket, const std::string& host) const;

 private:
  bssl::UniquePtr<SSL_CTX> context_;
  std::string server_name_;
};

/// Why BoringSSL's last call failed, for people; clears its errors.
[[nodiscard]] std::string take_tls_error(const SSL* ssl);

}  // namespace sallyport::verify
