#pragma once
// All pools of one shard, and the probes of their servers (active health checks), which one shard
// sends for all. One thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/http/door_settings.h"
#include "engine/http/probes.h"
#include "engine/http/upstream_pool.h"

namespace sallyport::http_door {

class Door;

class Upstreams {
 public:
  /// `probes`: this shard asks the servers how they are.
  Upstreams(Door& door, bool probes);

  /// The settings' pools in place of those before. What has not changed keeps its connections.
  void take_over(const std::shared_ptr<const DoorSettings>& settings);
  /// By index of the current settings.
  [[nodiscard]] const std::shared_ptr<UpstreamPool>& pool(std::uint32_t index) const noexcept {
    return pools_[index];
  }
  /// Kept connections are closed, and no server is probed.
  void retire();
  void probe_timer();

 private:
  Door& door_;
  std::unique_ptr<Probes> probes_;  ///< null on the other shards
  std::vector<std::shared_ptr<UpstreamPool>> pools_;
};

}  // namespace sallyport::http_door
