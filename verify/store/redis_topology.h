#pragma once
// Which server to ask: the one there is, the master that the sentinels name, or the cluster node
// that has the key's slot. Any thread.

#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "verify/store/redis_pool.h"
#include "verify/store/settings.h"

namespace sallyport::verify {

class RedisTopology {
 public:
  virtual ~RedisTopology() = default;

  /// The master for that slot, as far as is known; asked for if nothing is. The error says why
  /// not, for people.
  [[nodiscard]] virtual std::expected<RedisServer, std::string> find(std::uint16_t slot,
                                                                     std::uint64_t until_ms) = 0;
  /// Asks again: something does not fit what is known, or some time has passed.
  virtual void look_again(std::uint64_t until_ms) = 0;
  /// A node of the cluster says that the slot is that one's.
  virtual void moved(std::uint16_t slot, const RedisServer& server) = 0;
};

/// By settings.mode. What it is given outlives it.
[[nodiscard]] std::unique_ptr<RedisTopology> make_redis_topology(RedisDialer& dialer,
                                                                 RedisPools& pools);

}  // namespace sallyport::verify
