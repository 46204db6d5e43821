#pragma once
// Downstream servers for doors under test.

#include <memory>
#include <vector>

#include "engine/radius/door.h"

namespace sallyport::radius_door::testing {

/// Servers that all have this secret; `downstream.servers` empty: one.
inline DownstreamPlan plan_of(config::Downstream downstream, const radius::HopKey& key) {
  downstream.host = "radius.example";
  downstream.secret = Secret(key.secret());
  for (config::DownstreamServer& server : downstream.servers) server.secret = downstream.secret;
  return DownstreamPlan(downstream);
}

/// With counters that nobody reads.
inline DownstreamLinks links_to(const DownstreamPlan& plan, std::uint16_t max_source_ports) {
  DownstreamLinks links;
  for (const ServerEntry& server : plan.servers)
    links[server.link] =
        std::make_unique<DownstreamLink>(max_source_ports, std::make_shared<LinkMetrics>());
  return links;
}

}  // namespace sallyport::radius_door::testing
