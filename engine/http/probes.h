#pragma once
// Active health checks: asks each server of the pools with a health_path, and tells all shards what
// has come of it (Door::tell_health). One shard does it for all. A probe goes the way of a
// visitor's request (UpstreamPool::open), over a connection of its own where that is HTTP/1. One
// thread.

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/http/health.h"
#include "engine/http/upstream_pool.h"

namespace sallyport::http_door {

class Door;

class Probes {
 public:
  explicit Probes(Door& door);
  ~Probes();  ///< servers that are being asked are told nothing

  /// These pools in place of those before. What is known of a server stays known.
  void take_over(const std::vector<std::shared_ptr<UpstreamPool>>& pools);
  /// Asks whoever is due, and gives up what took too long.
  void timer();
  /// Nobody is asked any more.
  void stop();

 private:
  class Probe;
  struct Pool;

  void ended(Pool& pool, std::uint32_t server, const ProbeResult& result);
  void schedule();
  [[nodiscard]] std::uint64_t draw();

  Door& door_;
  std::vector<std::unique_ptr<Pool>> pools_;  ///< those with a health_path
};

}  // namespace sallyport::http_door
