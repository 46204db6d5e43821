#pragma once
// RADIUS over TLS in the configuration (RFC 6614, RFC 9765): where clients connect to, and who they
// are. Nothing here has a RADIUS secret: a client is known by its certificate or its TLS key.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/checks.h"
#include "protocol/ip_address.h"
#include "protocol/secret.h"

namespace sallyport::config {

/// One thing that a client's certificate may be known by.
struct CertificateRule {
  enum class Kind : std::uint8_t {
    dns,          ///< a dNSName of its subjectAltName; "*." at the front stands for one label
    uri,          ///< a uniformResourceIdentifier of its subjectAltName, in full
    common_name,  ///< the CN of its subject, in full
    sha256,       ///< the SHA-256 fingerprint of all of it
  };
  Kind kind = Kind::dns;
  std::string value;  ///< dns: in lower case; sha256: 64 lower-case hexadecimal digits
  bool operator==(const CertificateRule&) const = default;
};

/// "dns:vpn.example.net", "dns:*.example.net", "uri:…", "cn:…", "sha256:…": appended to `to`.
[[nodiscard]] Finding add_certificate_rule(std::string_view text, std::vector<CertificateRule>& to);
[[nodiscard]] std::string text_of(const CertificateRule& rule);

/// What is wrong with a pre-shared key as it is written (RFC 9813 §4.1).
[[nodiscard]] Finding check_psk(const Secret& written);
/// The key itself: what "hex:" stands before is read as hexadecimal digits. check_psk() was
/// content.
[[nodiscard]] Secret psk_octets(const Secret& written);

struct RadsecListener {
  std::vector<Endpoint> listen;       ///< at least one
  std::string certificate_file = {};  ///< ours: PEM, leaf first; empty: every client has a key
  std::string key_file = {};
  std::string ca_file = {};  ///< who signs the clients' certificates: PEM
  /// Balancers whose connections begin with a PROXY header; any other's do not.
  std::vector<Prefix> proxy_protocol_from = {};
  bool operator==(const RadsecListener&) const = default;
};

struct RadsecClient {
  std::string name;
  std::vector<CertificateRule> certificate = {};  ///< any of them is enough; empty: it has a key
  std::string psk_identity = {};
  Secret psk = {};                     ///< as written: psk_octets()
  std::vector<Prefix> addresses = {};  ///< empty: from anywhere
  std::string language = {};           ///< as Client::language
};

struct Radsec {
  std::uint32_t max_connections = 4'096;  ///< in all shards together
  std::uint32_t handshake_timeout_ms = 10'000;
  std::uint32_t idle_timeout_ms = 600'000;
  std::vector<RadsecListener> listeners = {};
  std::vector<RadsecClient> clients = {};  ///< in order: the first that matches
};

}  // namespace sallyport::config
