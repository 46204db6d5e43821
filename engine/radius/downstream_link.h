#pragma once
// One shard's way to one downstream server: its Identifiers, what the shard knows of its health,
// what it counts. Used by the shard's thread alone; the counters are read by others.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "engine/limits.h"
#include "engine/radius/identifier_pool.h"
#include "engine/radius/link_connections.h"
#include "engine/radius/server_health.h"
#include "engine/radius/waiting_requests.h"
#include "verify/metrics.h"

namespace sallyport::radius_door {

struct LinkMetrics {
  verify::Counter state;        ///< gauge: ServerState
  verify::Counter reason;       ///< gauge: ServerReason
  verify::Counter outstanding;  ///< gauge: requests without a reply
  verify::Counter forwarded;    ///< requests sent there for the first time
  verify::Counter replies;      ///< authentic ones
  verify::Counter timeouts;     ///< requests given up
  verify::Counter failed_over;  ///< requests that went on to another server
  verify::Counter probes;       ///< Status-Server sent
  verify::Counter probe_answers;
  verify::Counter unreachable;  ///< ICMP errors
  verify::Counter connections;  ///< gauge: over TLS, open
  verify::Counter connected;    ///< handshakes that succeeded
  verify::Counter lost;         ///< connections that could not be had, or ended
};

/// What a link over TLS has in the place of source ports.
struct StreamSide {
  explicit StreamSide(std::uint16_t most) : connections(most) {}
  LinkConnections connections;
  WaitingRequests waiting;
};

struct DownstreamLink {
  DownstreamLink(std::uint16_t max_source_ports, std::shared_ptr<LinkMetrics> counters,
                 config::ServerTransport transport = config::ServerTransport::udp)
      : identifiers(max_source_ports), health({}), metrics(std::move(counters)) {
    if (transport == config::ServerTransport::tls)
      streams = std::make_unique<StreamSide>(max_source_ports);
  }

  /// As its health says; one without a connection is asked after those that have one.
  [[nodiscard]] ServerState state() const noexcept {
    const ServerState seen = health.state();
    const bool away = streams != nullptr && !streams->connections.any_open();
    return away && seen == ServerState::up ? ServerState::suspect : seen;
  }

  /// Nothing was sent on it.
  void give_back_unused(Channel channel) noexcept {
    if (!channel.waits()) identifiers.give_back_unused(channel);
  }
  /// Its reply came, or its time is out.
  void give_back(Channel channel) noexcept {
    if (!channel.waits()) identifiers.give_back(channel);
  }
  /// Its exchange is gone, but the reply may still come.
  void reserve(Channel channel, std::uint64_t until_ms) noexcept {
    if (!channel.waits()) identifiers.reserve(channel, until_ms);
  }
  void show_outstanding() const noexcept { metrics->outstanding.set(identifiers.in_flight()); }

  IdentifierPool identifiers;
  ServerHealth health;
  std::shared_ptr<LinkMetrics> metrics;
  std::uint64_t next_port_attempt_ms = 0;  ///< opening one failed: not before
  std::optional<Channel> probe;            ///< the Status-Server that waits for its answer
  radius::Authenticator probe_authenticator;
  bool told_down = false;               ///< what Outbox::server_changed said last
  std::unique_ptr<StreamSide> streams;  ///< null: reached by UDP
};

/// By index; a place is taken again when nobody uses the server in it any more.
using DownstreamLinks = std::array<std::unique_ptr<DownstreamLink>, limits::kMaxDownstreamLinks>;

}  // namespace sallyport::radius_door
