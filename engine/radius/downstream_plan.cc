#include "engine/radius/downstream_plan.h"

#include <algorithm>

#include <openssl/sha.h>
#include <openssl/siphash.h>

#include "protocol/check.h"

namespace sallyport::radius_door {
namespace {

IpAddress mark_of(const config::DownstreamServer& server) noexcept {
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, &server.port, sizeof(server.port));
  SHA256_Update(&context, server.host.data(), server.host.size());
  std::uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256_Final(digest, &context);
  IpAddress mark;
  std::copy_n(digest, mark.octets.size(), mark.octets.begin());
  return mark;
}

/// Equal on every node and after every start: so is the server that a user has.
std::uint64_t hash_of(const std::string& name, std::uint32_t seed) noexcept {
  const std::uint64_t key[2] = {seed, 0};
  return SIPHASH_24(key, reinterpret_cast<const std::uint8_t*>(name.data()), name.size());
}

}  // namespace

DownstreamPlan::DownstreamPlan(const config::Downstream& downstream)
    : routes(downstream.routes), unserved_message(downstream.unserved_message) {
  const std::vector<config::DownstreamPool> configured = pools_of(downstream);
  for (const config::DownstreamPool& pool : configured) {
    pools.push_back({.name = pool.name,
                     .policy = pool.policy,
                     .hash_by = pool.hash_by,
                     .health = {.status_server = pool.status_server,
                                .probe_interval_ms = pool.probe_interval_ms,
                                .retry_ms = pool.retry_ms,
                                .slow_start_ms = pool.slow_start_ms},
                     .watchdog = pool.status_server,
                     .servers = {},
                     .for_accounting = 0});
  }
  const auto pool_named = [&](const std::string& name) {
    const auto found = std::ranges::find(pools, name, &PoolEntry::name);
    CHECK(found != pools.end());
    return static_cast<std::uint16_t>(found - pools.begin());
  };
  for (const config::DownstreamServer& server : servers_of(downstream)) {
    const auto index = static_cast<std::uint16_t>(servers.size());
    const std::uint16_t pool = pool_named(server.pool);
    pools[pool].servers.push_back(index);
    servers.push_back(
        {.name = server.name,
         .key = std::make_shared<const radius::HopKey>(server.secret),
         // CVE-2024-3596 is one of UDP; TLS proves every reply.
         .require_message_authenticator = server.transport == config::ServerTransport::tls
                                              ? config::RequireMessageAuthenticator::no
                                              : server.require_message_authenticator,
         .mark = mark_of(server),
         .link = index,
         .pool = pool,
         .priority = server.priority,
         .name_hash = hash_of(server.hashed_name.empty() ? server.name : server.hashed_name,
                              configured[pool].hash_seed),
         .transport = server.transport});
  }
  for (std::size_t i = 0; i < pools.size(); ++i) {
    const auto found =
        std::ranges::find(pools, config::accounting_pool_of(pools[i].name), &PoolEntry::name);
    pools[i].for_accounting = found == pools.end()
                                  ? static_cast<std::uint16_t>(i)
                                  : static_cast<std::uint16_t>(found - pools.begin());
  }
  // Whether the only server answers changes nothing of what is sent there.
  for (PoolEntry& pool : pools)
    if (pool.servers.size() == 1 && pool.health.status_server == config::StatusServer::automatic)
      pool.health.status_server = config::StatusServer::no;
  for (const config::DownstreamRoute& route : downstream.routes) {
    RouteTarget& target = targets.emplace_back();
    if (!route.pool.empty()) target.pool = pool_named(route.pool);
    target.reject_message = route.reject_message;
    target.strip_realm = route.strip_realm;
  }
}

}  // namespace sallyport::radius_door
