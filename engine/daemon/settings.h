#pragma once
// What the configuration means to the parts that do not know it, and what of it cannot change while
// the daemon runs.

#include <string>
#include <vector>

#include "engine/config/config.h"
#include "verify/pool.h"

namespace sallyport::daemon {

[[nodiscard]] verify::PoolSettings pool_settings(const config::Config& config);

/// Keys that differ and that only a restart can take over, as they stand in the file:
/// "notakey.host"; "radius" when the RADIUS door comes or goes. Of the RADIUS door's own keys, and
/// of the shards where there is one, RadiusServer::reload says so.
[[nodiscard]] std::vector<std::string> restart_needed_for(const config::Config& running,
                                                          const config::Config& wanted);

}  // namespace sallyport::daemon
