#pragma once
// How the shards see the servers of the pools, for whoever is on no shard: /metrics, /status. Each
// shard writes when its view of a server changes, which is rare; who reads adds up.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/http/health.h"

namespace sallyport::http_door {

struct ServerView {
  Health health = Health::up;
  HealthReason reason = {};
  bool drains = false;
};

/// One pool as one shard sees it.
class PoolView {
 public:
  /// `servers`: "10.0.0.1:8080"
  PoolView(std::string pool, std::vector<std::string> servers)
      : pool_(std::move(pool)), servers_(std::move(servers)), cells_(servers_.size()) {}

  [[nodiscard]] const std::string& pool() const noexcept { return pool_; }
  [[nodiscard]] const std::vector<std::string>& servers() const noexcept { return servers_; }
  void write(std::uint32_t server, const ServerView& view) noexcept;  ///< one thread
  [[nodiscard]] ServerView read(std::size_t server) const noexcept;   ///< any thread

 private:
  const std::string pool_;
  const std::vector<std::string> servers_;
  std::vector<std::atomic<std::uint64_t>> cells_;
};

/// One server as all shards see it. The active checks are the same for all; what requests have
/// found is each shard's own.
struct UpstreamState {
  std::string pool;
  std::string server;
  std::array<std::uint32_t, kHealths> shards{};  ///< by Health
  HealthReason reason = {};                      ///< of one that sees it worst
  bool drains = false;

  [[nodiscard]] Health worst() const noexcept;
};

class UpstreamBoard {
 public:
  /// It is on the board as long as it lives. Any thread.
  [[nodiscard]] std::shared_ptr<PoolView> enter(std::string pool, std::vector<std::string> servers);
  /// Pools in the order in which they came. Any thread.
  [[nodiscard]] std::vector<UpstreamState> read() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<PoolView>> views_;
};

}  // namespace sallyport::http_door
