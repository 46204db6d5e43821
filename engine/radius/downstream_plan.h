#pragma once
// The downstream side of the configuration, made ready for the packet path: servers with their
// keys, pools, routes. Immutable; shared by the shards.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/config/downstream.h"
#include "engine/radius/downstream_routes.h"
#include "engine/radius/server_health.h"
#include "protocol/ip_address.h"
#include "protocol/radius/hop_key.h"

namespace sallyport::radius_door {

struct ServerTls;

struct ServerEntry {
  std::string name;
  std::shared_ptr<const radius::HopKey> key;
  config::RequireMessageAuthenticator require_message_authenticator =
      config::RequireMessageAuthenticator::automatic;
  /// Stands for it among LearnedAddresses: made of its configured name and port, so that what was
  /// learned outlives a change of its address.
  IpAddress mark;
  std::uint16_t link = 0;  ///< the shards' way to it: index, as Outbox counts them
  std::uint16_t pool = 0;
  std::uint32_t priority = 1;
  std::uint64_t name_hash = 0;  ///< Candidate::name_hash
  config::ServerTransport transport = config::ServerTransport::udp;
  std::shared_ptr<const ServerTls> tls = {};  ///< null: by UDP
};

struct PoolEntry {
  std::string name;
  config::DownstreamPolicy policy = config::DownstreamPolicy::failover;
  config::HashBy hash_by = config::HashBy::user;
  HealthRules health;
  config::StatusServer watchdog = config::StatusServer::automatic;  ///< of connections over TLS
  std::vector<std::uint16_t> servers;                               ///< at least one
  std::uint16_t for_accounting = 0;  ///< the pool that Accounting-Requests go to: itself, mostly
};

struct RouteTarget {
  std::optional<std::uint16_t> pool;  ///< empty: rejected
  std::string reject_message;
  bool strip_realm = false;
};

struct DownstreamPlan {
  DownstreamPlan() = default;
  /// `downstream` is validated. Links are numbered as the servers are.
  explicit DownstreamPlan(const config::Downstream& downstream);

  std::vector<ServerEntry> servers;
  std::vector<PoolEntry> pools;
  DownstreamRoutes routes;
  std::vector<RouteTarget> targets;  ///< by route
  std::string unserved_message;
};

}  // namespace sallyport::radius_door
