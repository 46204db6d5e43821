#include <algorithm>

#include "engine/config/config.h"

namespace sallyport::config {
namespace {

constexpr const char* kOnlyServer = "downstream";
constexpr std::string_view kAccounting = " (accounting)";
constexpr std::uint16_t kUdpPort = 1812;
constexpr std::uint16_t kTlsPort = 2083;
constexpr std::string_view kTlsSecret = "radsec";

/// A pool's accounting has servers of its own when one of them has a port for it. Over TLS there is
/// one port for all.
bool has_accounting(const DownstreamServer& server, const std::vector<DownstreamServer>& all) {
  if (server.accounting_port != 0 || server.transport == ServerTransport::udp)
    return server.accounting_port != 0;
  return std::ranges::any_of(all, [&](const DownstreamServer& other) {
    return other.pool == server.pool && other.accounting_port != 0;
  });
}

}  // namespace

void finish(DownstreamServer& server) {
  const bool tls = server.transport == ServerTransport::tls;
  if (server.port == 0) server.port = tls ? kTlsPort : kUdpPort;
  if (tls && server.secret.empty()) server.secret = Secret(kTlsSecret);
  if (tls && server.tls.server_name.empty()) server.tls.server_name = server.host;
}

std::vector<DownstreamServer> servers_of(const Downstream& downstream) {
  std::vector<DownstreamServer> servers = downstream.servers;
  if (servers.empty()) {
    servers.push_back({.name = kOnlyServer,
                       .pool = kOnlyServer,
                       .host = downstream.host,
                       .port = downstream.port,
                       .accounting_port = downstream.accounting_port,
                       .secret = downstream.secret,
                       .priority = 1,
                       .require_message_authenticator = downstream.require_message_authenticator,
                       .source_address = downstream.source_address});
  }
  const std::size_t for_access = servers.size();
  for (std::size_t i = 0; i < for_access; ++i) {
    if (!has_accounting(servers[i], servers)) continue;
    DownstreamServer accounting = servers[i];
    accounting.hashed_name = accounting.name;
    accounting.name += kAccounting;
    accounting.pool = accounting_pool_of(accounting.pool);
    if (accounting.accounting_port != 0)
      accounting.port = static_cast<std::uint16_t>(accounting.accounting_port);
    servers.push_back(std::move(accounting));
  }
  return servers;
}

std::vector<DownstreamPool> pools_of(const Downstream& downstream) {
  std::vector<DownstreamPool> pools = downstream.pools;
  const auto named = [&](const std::string& name) {
    return std::ranges::find(pools, name, &DownstreamPool::name);
  };
  for (const DownstreamServer& server : servers_of(downstream)) {
    if (named(server.pool) != pools.end()) continue;
    // A pool is there once a server names it: those without settings of their own need no section.
    DownstreamPool pool;
    if (server.pool.ends_with(kAccounting)) {
      const std::string of_access = server.pool.substr(0, server.pool.size() - kAccounting.size());
      pool = *named(of_access);
    }
    pool.name = server.pool;
    pools.push_back(std::move(pool));
  }
  return pools;
}

DownstreamServer accounting_server_of(const Config& config) {
  DownstreamServer server = servers_of(config.downstream).front();
  const Accounting& accounting = config.accounting;
  server.port = accounting.port;
  if (!accounting.host.empty()) {
    server.host = accounting.host;
  } else if (server.accounting_port != 0) {
    server.port = static_cast<std::uint16_t>(server.accounting_port);
  }
  if (!accounting.secret.empty()) server.secret = accounting.secret;
  return server;
}

std::string accounting_pool_of(const std::string& pool) { return pool + std::string(kAccounting); }

}  // namespace sallyport::config
