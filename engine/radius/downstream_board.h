#pragma once
// How the shards see the downstream servers, for whoever is on no shard: /metrics, /status.

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/radius/downstream_link.h"

namespace sallyport::radius_door {

/// One server as all shards see it.
struct DownstreamState {
  std::string pool;
  std::string server;
  std::string address;                                   ///< "192.0.2.1:1812"
  std::array<std::uint32_t, kServerStates> shards = {};  ///< by ServerState
  ServerReason reason = ServerReason::none;              ///< of a shard that sees it worst
  std::uint64_t outstanding = 0;
  std::uint64_t forwarded = 0;
  std::uint64_t replies = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t failed_over = 0;
  std::uint64_t probes = 0;
  std::uint64_t probe_answers = 0;
  std::uint64_t unreachable = 0;
  std::uint64_t connections = 0;  ///< over TLS
  std::uint64_t connected = 0;
  std::uint64_t lost = 0;

  bool pool_is_out = false;  ///< some shard sees every server of its pool down

  [[nodiscard]] ServerState worst() const noexcept;
};

class DownstreamBoard {
 public:
  struct Entry {
    std::string pool;
    std::string server;
    std::string address;
    std::vector<std::shared_ptr<const LinkMetrics>> shards;
  };
  /// Main thread: what is shown from now on.
  void show(std::vector<Entry> entries);
  [[nodiscard]] std::vector<DownstreamState> read() const;  ///< any thread

 private:
  [[nodiscard]] bool is_out(const std::string& pool) const;

  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace sallyport::radius_door
