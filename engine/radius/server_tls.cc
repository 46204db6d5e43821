#include "engine/radius/server_tls.h"

#include "engine/radius/certificate_rules.h"
#include "engine/ring/tls_peer.h"

namespace sallyport::radius_door {
namespace {

/// RFC 9765 §3.1. One that knows neither speaks RADIUS as before it.
std::vector<std::string> protocols_of(bool radius_1_1) {
  if (radius_1_1) return {"radius/1.1", "radius/1.0"};
  return {"radius/1.0"};
}

}  // namespace

bool ServerTls::knows(Octets certificate) const {
  if (rules.empty()) return true;
  ring::TlsPeer peer;
  return ring::read_tls_peer(certificate, peer) && fits_any(rules, peer);
}

std::expected<std::shared_ptr<const ServerTls>, std::string> make_server_tls(
    const config::DownstreamServer& server) {
  if (server.transport == config::ServerTransport::udp) return nullptr;
  std::optional<ring::TlsPsk> key;
  if (!server.tls.psk_identity.empty())
    key = {.identity = server.tls.psk_identity, .key = config::psk_octets(server.tls.psk)};
  // No session is resumed: each connection proves both certificates, or the key.
  auto context =
      ring::TlsClientContext::load({.ca_file = server.tls.ca_file,
                                    .protocols = protocols_of(server.tls.radius_1_1 && !key),
                                    .certificate_file = server.tls.certificate_file,
                                    .key_file = server.tls.key_file,
                                    .verifies_name = server.tls.certificate.empty(),
                                    .key = key,
                                    .max_cached_servers = 0});
  if (!context)
    return std::unexpected("downstream.server \"" + server.name + "\": " + context.error());
  return std::make_shared<const ServerTls>(ServerTls{.context = std::move(*context),
                                                     .server_name = server.tls.server_name,
                                                     .rules = server.tls.certificate});
}

ServerReason reason_of(ring::StreamError error, ring::TlsCertificateFault fault,
                       bool has_spoken) noexcept {
  switch (error) {
    case ring::StreamError::refused: return ServerReason::refused;
    case ring::StreamError::unreachable: return ServerReason::unreachable;
    case ring::StreamError::timed_out: return ServerReason::timed_out;
    case ring::StreamError::tls_handshake: return ServerReason::handshake;
    // Servers close without close_notify. Packets tell their own length, so nothing is cut short.
    case ring::StreamError::truncated:
    case ring::StreamError::none: return ServerReason::closed;
    case ring::StreamError::tls_certificate:
      switch (fault) {
        case ring::TlsCertificateFault::untrusted: return ServerReason::untrusted;
        case ring::TlsCertificateFault::expired: return ServerReason::expired;
        case ring::TlsCertificateFault::name: return ServerReason::wrong_name;
        case ring::TlsCertificateFault::none:
        case ring::TlsCertificateFault::other: break;
      }
      return ServerReason::certificate;
    case ring::StreamError::reset:
    case ring::StreamError::no_buffers:
    case ring::StreamError::other: break;
  }
  return has_spoken ? ServerReason::broken : ServerReason::handshake;
}

}  // namespace sallyport::radius_door
