#include "engine/http/make_settings.h"

#include <algorithm>

#include <netdb.h>
#include <sys/socket.h>

namespace sallyport::http_door {
namespace {

std::expected<Endpoint, std::string> resolve(const config::HttpPool& pool,
                                             const config::HttpServer& server) {
  if (!server.unix_path.empty()) return Endpoint{};
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int result = ::getaddrinfo(server.host.c_str(), nullptr, &wanted, &found);
  if (result != 0) {
    return std::unexpected("cannot resolve the server \"" + server.host + "\" of the pool " +
                           pool.name + ": " + ::gai_strerror(result) +
                           ": correct its name, or the resolver");
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  return Endpoint{.address = Endpoint::from(found->ai_addr).address, .port = server.port};
}

std::expected<PoolSettings, std::string> make_pool(const config::HttpPool& config) {
  PoolSettings pool{.config = config, .addresses = {}, .tls = {}};
  for (const config::HttpServer& server : config.servers) {
    const auto address = resolve(config, server);
    if (!address) return std::unexpected(address.error());
    pool.addresses.push_back(*address);
  }
  if (!config.tls) return pool;
  auto tls = ring::TlsClientContext::load(
      {.ca_file = config.ca_file, .http2 = config.protocol == config::UpstreamProtocol::h2});
  if (!tls) return std::unexpected(tls.error());
  pool.tls = std::move(*tls);
  return pool;
}

ring::TlsServerPlan tls_plan(const config::Http& config, bool http2) {
  ring::TlsServerPlan plan{
      .certificates = {}, .http2 = http2, .acme_challenge_folder = config.acme_challenge_folder};
  for (const config::HttpCertificate& certificate : config.certificates) {
    plan.certificates.push_back({.certificate_file = certificate.certificate_file,
                                 .key_file = certificate.key_file,
                                 .ocsp_file = certificate.ocsp_file});
  }
  return plan;
}

}  // namespace

std::expected<MadeSettings, std::string> make_settings(const config::Http& config,
                                                       const SettingsBase& base,
                                                       std::int64_t now_unix_s) {
  auto router = Router::make(config);
  if (!router) return std::unexpected(router.error());
  auto settings = std::make_shared<DoorSettings>(
      DoorSettings{.config = config,
                   .router = std::move(*router),
                   .routes = {},
                   .pools = {},
                   .trusted_proxies = AddressSet(config.trusted_proxies),
                   .whitelist = base.whitelist,
                   .binding = base.binding,
                   .tls = {},
                   .gate = base.gate,
                   .limits = {.max_head_octets = config.max_header_octets,
                              .max_fields = config.max_headers,
                              .max_target_octets = config.max_target_octets},
                   .cookie_key = base.cookie_key});
  for (const config::HttpPool& pool : config.pools) {
    auto made = make_pool(pool);
    if (!made) return std::unexpected(made.error());
    settings->pools.push_back(std::move(*made));
  }
  for (const config::HttpRoute& route : config.routes) {
    RouteSettings& made = settings->routes.emplace_back(route);
    made.access = {
        .policy = route.policy,
        .need = {.factors = factor_set(route.factors), .access_ms = route.access_duration_ms},
        .bind = base.binding->bind};
    if (route.pool.empty()) continue;
    const auto pool = std::ranges::find(config.pools, route.pool, &config::HttpPool::name);
    if (pool == config.pools.end()) {
      return std::unexpected("the route " + route.name +
                             " names a pool that does not exist: " + route.pool);
    }
    made.pool = static_cast<std::uint32_t>(pool - config.pools.begin());
  }
  MadeSettings result;
  for (const config::HttpListener& listener : config.listeners) {
    if (!listener.tls) {
      settings->tls.emplace_back();
      continue;
    }
    auto tls =
        ring::TlsServerContext::load(tls_plan(config, listener.http2), base.tickets, now_unix_s);
    if (!tls) return std::unexpected(tls.error());
    settings->tls.push_back(std::move(tls->context));
    for (std::string& warning : tls->warnings) {
      if (std::ranges::find(result.warnings, warning) == result.warnings.end()) {
        result.warnings.push_back(std::move(warning));
      }
    }
  }
  result.settings = std::move(settings);
  return result;
}

std::vector<std::string> watched_files(const config::Http& config) {
  return ring::files_of(tls_plan(config, true));
}

}  // namespace sallyport::http_door
