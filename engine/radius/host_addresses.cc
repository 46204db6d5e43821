#include "engine/radius/host_addresses.h"

#include <algorithm>
#include <memory>

#include <netdb.h>
#include <sys/socket.h>

#include "protocol/check.h"

namespace sallyport::radius_door {
namespace {

/// In the order in which the system would try them; at least one.
std::expected<std::vector<IpAddress>, std::string> look_up(const HostName& name) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_DGRAM;
  wanted.ai_family = name.family == HostName::Family::any  ? AF_UNSPEC
                     : name.family == HostName::Family::v4 ? AF_INET
                                                           : AF_INET6;
  addrinfo* found = nullptr;
  const int result = ::getaddrinfo(name.host.c_str(), nullptr, &wanted, &found);
  if (result != 0) {
    return std::unexpected("cannot resolve the downstream \"" + name.host + "\": " +
                           ::gai_strerror(result) + ": correct downstream.host, or the resolver");
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  std::vector<IpAddress> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next)
    addresses.push_back(Endpoint::from(each->ai_addr).address);
  return addresses;
}

}  // namespace

HostName HostName::of(const std::string& host, const std::optional<IpAddress>& source) {
  const Family family = !source ? Family::any : source->is_v4() ? Family::v4 : Family::v6;
  return {.host = host, .family = family};
}

std::expected<HostAddresses, std::string> HostAddresses::resolve(const config::Config& config,
                                                                 const HostAddresses& before) {
  HostAddresses now;
  const auto add = [&](const config::DownstreamServer& server) -> std::expected<void, std::string> {
    const HostName name = HostName::of(server.host, server.source_address);
    if (now.addresses_.contains(name)) return {};
    const auto found = look_up(name);
    if (!found) return std::unexpected(found.error());
    const auto known = before.addresses_.find(name);
    const bool stays = known != before.addresses_.end() &&
                       std::ranges::find(*found, known->second) != found->end();
    now.addresses_.emplace(name, stays ? known->second : found->front());
    return {};
  };
  for (const config::DownstreamServer& server : config::servers_of(config.downstream))
    if (const auto added = add(server); !added) return std::unexpected(added.error());
  if (!config.accounting.spool.empty()) {
    if (const auto added = add(config::accounting_server_of(config)); !added)
      return std::unexpected("accounting: " + added.error());
  }
  return now;
}

Endpoint HostAddresses::of(const config::DownstreamServer& server) const {
  const auto found = addresses_.find(HostName::of(server.host, server.source_address));
  CHECK(found != addresses_.end());
  return {.address = found->second, .port = server.port};
}

std::vector<ReachedServer> HostAddresses::reached(const config::Downstream& downstream) const {
  std::vector<ReachedServer> servers;
  for (const config::DownstreamServer& server : config::servers_of(downstream)) {
    servers.push_back({.name = server.name,
                       .address = of(server),
                       .source = server.source_address,
                       .transport = server.transport});
  }
  return servers;
}

std::vector<HostName> HostAddresses::names() const {
  std::vector<HostName> names;
  for (const auto& [name, address] : addresses_)
    if (!IpAddress::parse(name.host)) names.push_back(name);
  return names;
}

std::vector<std::string> HostAddresses::changes_since(const HostAddresses& before) const {
  std::vector<std::string> changes;
  for (const auto& [name, address] : addresses_) {
    const auto old = before.addresses_.find(name);
    if (old == before.addresses_.end() || old->second == address) continue;
    changes.push_back(name.host + " is " + address.text() + " now, it was " + old->second.text());
  }
  return changes;
}

}  // namespace sallyport::radius_door
