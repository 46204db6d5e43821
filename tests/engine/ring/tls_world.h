#pragma once
// What the TLS tests stand on: certificates made on the spot, and a wire in memory between two
// sessions that can cut what it carries anywhere.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/base.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "engine/ring/tls.h"

namespace sallyport::ring {

/// A folder that goes with its object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string file(std::string_view name) const { return (path_ / name).string(); }
  std::string write(std::string_view name, std::string_view text) const;  ///< returns the path

 private:
  std::filesystem::path path_;
};

enum class KeyKind : std::uint8_t { ecdsa, rsa, ed25519 };

struct CertificateWish {
  std::vector<std::string> names;  ///< DNS names, or addresses
  KeyKind kind = KeyKind::ecdsa;
  std::int64_t begins_s = -3600;  ///< from now
  std::int64_t ends_s = 30 * 86'400;
  bool acme_identifier = false;  ///< the extension of RFC 8737 §3
};

/// A certificate authority with its own key, different for each object.
class TestAuthority {
 public:
  TestAuthority();
  [[nodiscard]] std::string pem() const;
  /// PEM of certificate and key, in this order.
  [[nodiscard]] std::pair<std::string, std::string> issue(const CertificateWish& wish) const;
  /// Writes NAME.crt and NAME.key.
  TlsCertificateFiles issue_files(const TemporaryFolder& folder, std::string_view name,
                                  const CertificateWish& wish) const;

 private:
  bssl::UniquePtr<EVP_PKEY> key_;
  bssl::UniquePtr<X509> certificate_;
};

/// PEM of a certificate that has signed itself, and of its key.
std::pair<std::string, std::string> self_signed(const std::string& name, bool authority);

/// One direction of the wire: a sink whose buffers have `room_each` octets, of which `rooms` are
/// free.
class Wire final : public TlsSink {
 public:
  std::size_t room_each = 16 * 1024;
  std::size_t rooms = SIZE_MAX;
  std::vector<std::uint8_t> octets;

  [[nodiscard]] MutableOctets room() noexcept override;
  void written(std::size_t count) noexcept override;
  /// Takes at most so many from the front.
  std::vector<std::uint8_t> take(std::size_t most);

 private:
  std::vector<std::uint8_t> buffer_;
  std::size_t filled_ = 0;
};

/// Two sessions and the wire between them. Each call of a session gets at most `fragment` octets.
struct Pair {
  TlsSession client;
  TlsSession server;
  Wire to_server{};
  Wire to_client{};
  std::size_t fragment = SIZE_MAX;

  /// Until both are established and nothing is on its way (true), or one has failed.
  [[nodiscard]] bool shake_hands();
  /// All that has arrived for it, as text; status: of the last read.
  std::string read(TlsSession& session, TlsStatus* status = nullptr);
  [[nodiscard]] TlsStatus send(TlsSession& session, std::string_view text);
};

/// A visitor of BoringSSL's own making, over its memory BIOs: no code of ours, and it can be told
/// to be old-fashioned. It checks no certificate.
class Stranger {
 public:
  Stranger();
  SSL_CTX* context() { return context_.get(); }  ///< before the first call below
  void name(std::string_view sni);
  void protocols(std::string_view alpn);  ///< as on the wire: "\x02h2\x08http/1.1"

  /// Whether both were established.
  bool shake_hands(TlsSession& server);
  [[nodiscard]] bool shown(std::string_view dns_name) const;  ///< by the server's certificate
  [[nodiscard]] int key_type() const;                         ///< of it: EVP_PKEY_…
  SSL* ssl();

 private:
  bssl::UniquePtr<SSL_CTX> context_;
  bssl::UniquePtr<SSL> ssl_;
};

}  // namespace sallyport::ring
