#include "engine/admin/problems.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

namespace sallyport::admin {
namespace {

using radius_door::DownstreamState;

constexpr std::string_view kLookAtServers =
    "Does the RADIUS server run, does a firewall stand between, does the server know this machine "
    "as its client, with the same secret or, over TLS, by our certificate? The log says since "
    "when.";

}  // namespace

std::vector<Problem> problems_of(std::span<const DownstreamState> servers) {
  std::vector<Problem> problems;
  for (auto each = servers.begin(); each != servers.end(); ++each) {
    if (!each->pool_is_out) continue;
    const auto same_pool = [&](const DownstreamState& other) { return other.pool == each->pool; };
    if (std::any_of(servers.begin(), each, same_pool)) continue;
    std::string text = fmt::format("no RADIUS server of pool \"{}\" answers:", each->pool);
    for (const DownstreamState& other : servers) {
      if (!same_pool(other)) continue;
      fmt::format_to(std::back_inserter(text), "{} {} {} ({})", text.ends_with(':') ? "" : ",",
                     other.server, other.address, to_text(other.reason));
    }
    problems.push_back({.text = std::move(text), .look_at = std::string(kLookAtServers)});
  }
  return problems;
}

}  // namespace sallyport::admin
