#include "engine/config/downstream_rules.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "engine/config/checks.h"
#include "engine/config/downstream_tls_rules.h"
#include "engine/limits.h"

namespace sallyport::config {
namespace {

void check_names(const Config& config, const Places& places, Notes& notes) {
  const auto check = [&](Section section, std::string_view what, const auto& elements) {
    std::map<std::string_view, std::size_t> first;
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const std::string& name = elements[i].name;
      if (name.empty() || first.emplace(name, i).second) continue;
      notes.mistake(places.of_element(section, i).of("name"), fmt::format("{}.name", what),
                    {.wrong = fmt::format("\"{}\" is the name of two", name),
                     .mend = "Give each a name of its own."});
    }
  };
  check(Section::downstream_server, "downstream.server", config.downstream.servers);
  check(Section::downstream_pool, "downstream.pool", config.downstream.pools);
}

/// Where its requests go, so that none is sent to ourselves.
void check_addresses(const Config& config, const Places& places, Notes& notes) {
  const auto check = [&](const auto& server, std::string_view what, const auto& place_of) {
    for (const bool accounting : {false, true}) {
      const auto port =
          static_cast<std::uint16_t>(accounting ? server.accounting_port : server.port);
      if (port == 0 || !is_ourselves(config, server.host, port)) continue;
      const std::string_view key = accounting ? "accounting_port" : "address";
      notes.mistake(
          place_of(key), fmt::format("{}.{}", what, key),
          {.wrong = "is the address that we listen on ourselves",
           .mend = "Give the address of the RADIUS server behind, or change radius.listen."});
    }
  };
  const std::vector<DownstreamServer>& servers = config.downstream.servers;
  if (servers.empty()) {
    check(config.downstream, "downstream",
          [&](std::string_view key) { return places.of(fmt::format("downstream.{}", key)); });
  }
  for (std::size_t i = 0; i < servers.size(); ++i) {
    check(servers[i], "downstream.server", [&](std::string_view key) {
      return places.of_element(Section::downstream_server, i).of(key);
    });
  }
}

/// A pool's accounting goes to all of its servers or to none of them: a user's records must not
/// depend on which of them is up.
void check_accounting_ports(const Config& config, const Places& places, Notes& notes) {
  const std::vector<DownstreamServer>& servers = config.downstream.servers;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const auto with_port = [&](const DownstreamServer& other) {
      return other.pool == servers[i].pool && other.accounting_port != 0;
    };
    const auto peer = std::ranges::find_if(servers, with_port);
    const bool own_port =
        servers[i].accounting_port != 0 || servers[i].transport == ServerTransport::tls;
    if (own_port || peer == servers.end()) continue;
    notes.mistake(
        places.of_element(Section::downstream_server, i).of("name"),
        "downstream.server.accounting_port",
        {.wrong = fmt::format("is missing, while \"{}\" of the same pool has one", peer->name),
         .mend = "Give it to all servers of a pool, or to none."});
  }
}

void check_pools(const Config& config, const Places& places, Notes& notes) {
  const Downstream& downstream = config.downstream;
  std::set<std::string> with_servers;
  for (const DownstreamServer& server : servers_of(downstream)) with_servers.insert(server.pool);
  for (std::size_t i = 0; i < downstream.pools.size(); ++i) {
    const std::string& name = downstream.pools[i].name;
    if (name.empty() || with_servers.contains(name)) continue;
    notes.mistake(places.of_element(Section::downstream_pool, i).of("name"), "downstream.pool.name",
                  {.wrong = fmt::format("no server belongs to the pool \"{}\"", name),
                   .mend = fmt::format("Add a [[downstream.server]] with pool = \"{}\".", name)});
  }
  for (std::size_t i = 0; i < downstream.routes.size(); ++i) {
    const DownstreamRoute& route = downstream.routes[i];
    const ElementPlaces at = places.of_element(Section::downstream_route, i);
    if (!route.pool.empty() && !with_servers.contains(route.pool)) {
      notes.mistake(at.of("pool"), "downstream.route.pool",
                    {.wrong = fmt::format("there is no pool \"{}\"", route.pool),
                     .mend = "Name the pool of a [[downstream.server]]."});
    }
    if (!route.pool.empty() && !route.reject_message.empty()) {
      notes.mistake(at.of("reject_message"), "downstream.route.reject_message",
                    {.wrong = "is of no use beside pool",
                     .mend = "Keep one: requests go to a pool or are rejected."});
    }
    for (std::size_t j = 0; j < route.clients.size(); ++j) {
      if (std::ranges::find(config.clients, route.clients[j], &Client::name) !=
          config.clients.end()) {
        continue;
      }
      notes.mistake(at.in_list("clients", j), "downstream.route.clients",
                    {.wrong = fmt::format("there is no client \"{}\"", route.clients[j]),
                     .mend = "Write the name of a [[client]]."});
    }
  }
}

}  // namespace

bool is_ourselves(const Config& config, const std::string& host, std::uint16_t port) {
  const auto address = IpAddress::parse(host);
  return address && std::ranges::any_of(config.radius.listen, [&](const Endpoint& listen) {
           return arrives_at(listen, *address, port);
         });
}

void check_downstream(const Config& config, const Places& places, Notes& notes) {
  const Downstream& downstream = config.downstream;
  if (!downstream.servers.empty()) {
    for (const std::string_view key : {"address", "accounting_port", "secret", "source_address",
                                       "require_message_authenticator"}) {
      const std::string name = fmt::format("downstream.{}", key);
      if (!places.given(name)) continue;
      notes.mistake(places.of(name), name,
                    {.wrong = "is of no use beside [[downstream.server]]",
                     .mend = "Give it to the servers, each its own."});
    }
  }
  if (config.radius.shards > 0 && downstream.max_source_ports < config.radius.shards) {
    notes.mistake(places.of("downstream.max_source_ports"), "downstream.max_source_ports",
                  {.wrong = fmt::format("is less than the {} shards, and each needs a port",
                                        config.radius.shards),
                   .mend = fmt::format("Set it to {} or more.", config.radius.shards)});
  }
  check_names(config, places, notes);
  check_addresses(config, places, notes);
  check_accounting_ports(config, places, notes);
  check_downstream_tls(config, places, notes);
  check_pools(config, places, notes);
}

}  // namespace sallyport::config
