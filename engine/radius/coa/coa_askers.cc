#include "engine/radius/coa/coa_askers.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace sallyport::radius_door {
namespace {

/// Every downstream server's address as one who may ask. A [[coa.client]] of that very address
/// takes its place.
std::expected<void, std::string> add_downstreams(const config::Config& config,
                                                 const HostAddresses& addresses,
                                                 std::vector<config::Client>& askers) {
  for (const config::DownstreamServer& server : config::servers_of(config.downstream)) {
    // By UDP nothing would prove it: its secret is one that everybody knows.
    if (server.transport == config::ServerTransport::tls) continue;
    const Prefix host{.address = addresses.of(server).address, .length = 128};
    const auto same = std::ranges::find_if(askers, [&](const config::Client& asker) {
      return std::ranges::find(asker.addresses, host) != asker.addresses.end();
    });
    if (same == askers.end()) {
      askers.push_back({.name = server.name, .addresses = {host}, .secret = server.secret});
      continue;
    }
    const bool named = std::ranges::any_of(
        config.coa.clients, [&](const config::CoaClient& each) { return each.name == same->name; });
    if (named || same->secret == server.secret) continue;
    return std::unexpected(fmt::format(
        "coa.from_downstream: the servers \"{}\" and \"{}\" have one address, {}, and two secrets: "
        "give that address a [[coa.client]]",
        same->name, server.name, host.address.text()));
  }
  return {};
}

}  // namespace

std::expected<std::shared_ptr<const ClientTable>, std::string> make_askers(
    const config::Config& config, const HostAddresses& addresses) {
  std::vector<config::Client> askers;
  for (const config::CoaClient& asker : config.coa.clients) {
    askers.push_back({.name = asker.name, .addresses = asker.addresses, .secret = asker.secret});
  }
  if (config.coa.from_downstream) {
    if (auto added = add_downstreams(config, addresses, askers); !added)
      return std::unexpected(std::move(added.error()));
  }
  return std::make_shared<const ClientTable>(askers);
}

}  // namespace sallyport::radius_door
