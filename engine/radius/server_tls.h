#pragma once
// How a downstream server is reached over TLS: certificates, and whose it must be. Immutable, part
// of DoorSettings: a reload brings other ones, and connections that are there keep what they have.

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/config/downstream.h"
#include "engine/radius/server_health.h"
#include "engine/ring/streams.h"
#include "engine/ring/tls_client.h"

namespace sallyport::radius_door {

struct ServerTls {
  std::shared_ptr<ring::TlsClientContext> context;
  std::string server_name;
  std::vector<config::CertificateRule> rules;  ///< empty: the context verifies server_name, or
                                               ///< that the server has our key

  /// Whether the server's certificate (DER), which is trusted and valid, is the one wanted.
  [[nodiscard]] bool knows(Octets certificate) const;
};

/// Reads the certificates; null for a server that is reached by UDP. An error is one line: the
/// server, the file, what is wrong, what to do. Off the packet path.
[[nodiscard]] std::expected<std::shared_ptr<const ServerTls>, std::string> make_server_tls(
    const config::DownstreamServer& server);

/// What a broken stream says of the server. `has_spoken`: a packet of RADIUS had come.
[[nodiscard]] ServerReason reason_of(ring::StreamError error, ring::TlsCertificateFault fault,
                                     bool has_spoken) noexcept;

}  // namespace sallyport::radius_door
