#pragma once
// What the log is told of a server that is reached by UDP: one line when the first shard sees it
// down, and one when no shard does any more. Shared by the shards.

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "engine/radius/server_health.h"
#include "protocol/ip_address.h"

namespace sallyport::radius_door {

class ServerNews {
 public:
  ServerNews(std::string name, const Endpoint& address)
      : name_(std::move(name)), address_(address) {}

  // A shard says so by turns, this one first. The log does not wait.
  void is_down(ServerReason why) noexcept;
  void is_back() noexcept;

 private:
  const std::string name_;
  const Endpoint address_;
  std::atomic<std::uint32_t> down_in_{0};  ///< shards
};

}  // namespace sallyport::radius_door
