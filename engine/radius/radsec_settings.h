#pragma once
// What the connections of RADIUS over TLS go by: certificates, timeouts, clients. Immutable, part
// of DoorSettings: a reload brings other ones, and connections that are there stay.

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/config/radsec.h"
#include "engine/radius/radsec_clients.h"
#include "engine/ring/tls_server.h"

namespace sallyport::radius_door {

struct RadsecSettings {
  struct Listener {
    std::shared_ptr<ring::TlsServerContext> tls;
    std::vector<Prefix> proxy_protocol_from;
  };
  std::vector<Listener> listeners;  ///< as in config::Radsec
  RadsecClients clients;
  std::uint32_t handshake_timeout_ms;
  std::uint32_t idle_timeout_ms;
};

/// Reads the certificates; null where there is no listener. An error is one line: the file, what is
/// wrong, what to do. Each warning is logged. Off the packet path.
[[nodiscard]] std::expected<std::shared_ptr<const RadsecSettings>, std::string>
make_radsec_settings(const config::Radsec& config, std::span<const config::Messages> translations);

}  // namespace sallyport::radius_door
