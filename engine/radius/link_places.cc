#include "engine/radius/link_places.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/radius/source_ports.h"

namespace sallyport::radius_door {

void LinkPlaces::reserve(std::size_t count, std::uint32_t source_ports_each, std::size_t shards) {
  places_.resize(count);
  source_ports_each_ = source_ports_each;
  shards_ = shards;
}

std::expected<LinkPlaces::Laid, std::string> LinkPlaces::lay(
    const std::vector<ReachedServer>& servers,
    const std::vector<std::shared_ptr<const DoorSettings>>& held) const {
  Laid laid;
  laid.places = places_;
  laid.fresh.resize(shards_);
  std::vector<bool> taken(places_.size());
  for (const auto& settings : held)
    for (const ServerEntry& server : settings->plan.servers) taken[server.link] = true;
  for (const ReachedServer& server : servers) {
    const auto known = std::ranges::find_if(places_, [&](const Place& place) {
      return !place.metrics.empty() && place.server == server;
    });
    if (known != places_.end()) {
      const auto index = static_cast<std::size_t>(known - places_.begin());
      taken[index] = true;
      laid.links.push_back(static_cast<std::uint16_t>(index));
      continue;
    }
    const auto free = std::ranges::find(taken, false);
    if (free == taken.end())
      return std::unexpected(
          fmt::format("there is room for {} downstream servers, those counted that still have "
                      "requests of an earlier configuration: try again in a minute, or restart",
                      places_.size()));
    const auto index = static_cast<std::uint16_t>(free - taken.begin());
    taken[index] = true;
    laid.links.push_back(index);
    Place& place = laid.places[index];
    place.server = server;
    place.metrics.clear();
    const bool tls = server.transport == config::ServerTransport::tls;
    const auto target =
        tls ? std::make_shared<const ServerTarget>(server.name, server.address, server.source)
            : nullptr;
    const auto news = tls ? nullptr : std::make_shared<ServerNews>(server.name, server.address);
    for (std::size_t shard = 0; shard < shards_; ++shard) {
      place.metrics.push_back(std::make_shared<LinkMetrics>());
      NewLink& fresh = laid.fresh[shard].emplace_back();
      fresh.index = index;
      fresh.link = std::make_unique<DownstreamLink>(static_cast<std::uint16_t>(source_ports_each_),
                                                    place.metrics.back(), server.transport);
      fresh.target = target;
      fresh.news = news;
      if (tls) continue;
      auto ports = open_source_ports(server.address, server.source, source_ports_each_);
      if (!ports) return std::unexpected(ports.error());
      fresh.source_ports = std::move(*ports);
    }
  }
  return laid;
}

void LinkPlaces::take(std::vector<Place> places, const std::vector<std::uint16_t>& links,
                      const config::Downstream& downstream) {
  places_ = std::move(places);
  std::vector<DownstreamBoard::Entry> entries;
  const auto servers = config::servers_of(downstream);
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const Place& place = places_[links[i]];
    entries.push_back({.pool = servers[i].pool,
                       .server = servers[i].name,
                       .address = place.server.address.text(),
                       .shards = {place.metrics.begin(), place.metrics.end()}});
  }
  board_.show(std::move(entries));
}

}  // namespace sallyport::radius_door
