#pragma once
// Commands to Redis, wherever the key is: follows redirections, waits out a failover, and never
// longer than the timeout in all. Any thread.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "verify/store/redis_pool.h"
#include "verify/store/redis_reply.h"
#include "verify/store/redis_topology.h"
#include "verify/store/store.h"

namespace sallyport::verify {

/// A Lua script and the name by which servers know it once they have run it.
class RedisScript {
 public:
  explicit RedisScript(std::string text);
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] const std::string& digest() const noexcept { return digest_; }

 private:
  std::string text_;
  std::string digest_;  ///< SHA-1, hexadecimal
};

class RedisClient {
 public:
  RedisClient(const RedisSettings& settings, std::shared_ptr<const RedisTls> tls);

  /// A command that changes nothing: asked again when a connection breaks.
  [[nodiscard]] StoreResult<RedisReply> read(std::string_view key, const RedisCommand& command);
  /// A command that may have been carried out when a connection breaks: not asked again then.
  [[nodiscard]] StoreResult<RedisReply> write(std::string_view key, const RedisCommand& command);
  /// A script, which may change things.
  [[nodiscard]] StoreResult<RedisReply> run(const RedisScript& script, std::string_view key,
                                            const RedisCommand& arguments);

  /// A connection for hearing of changes, to the master of `slot`, and which server that is.
  struct Listening {
    RedisServer server;
    std::unique_ptr<RedisConnection> connection;
  };
  [[nodiscard]] std::expected<Listening, std::string> listen(std::uint16_t slot, int wake);
  /// The server that is the master of that slot now; asks the sentinels or nodes anew.
  [[nodiscard]] std::expected<RedisServer, std::string> look_again(std::uint16_t slot);

  [[nodiscard]] StoreHealth health() const;
  [[nodiscard]] const RedisSettings& settings() const noexcept { return dialer_.settings(); }

 private:
  enum class Repeat : std::uint8_t { unless_sent, always };
  struct Attempt;

  [[nodiscard]] StoreResult<RedisPool::Loan> borrow(Attempt& attempt);
  [[nodiscard]] bool ask_again(Attempt& attempt, const RedisFault& fault, Repeat repeat);
  [[nodiscard]] StoreResult<RedisReply> ask(std::string_view key, const RedisCommand& command,
                                            Repeat repeat);
  [[nodiscard]] bool go_on(Attempt& attempt, const RedisReply& reply);
  [[nodiscard]] std::unexpected<StoreError> fail(StoreError error, std::string text);
  [[nodiscard]] std::unexpected<StoreError> refuse(const Attempt& attempt, const RedisReply& reply);
  void well(Repeat repeat);

  RedisDialer dialer_;
  RedisPools pools_;
  const std::unique_ptr<RedisTopology> topology_;

  /// A connection broke: where the master is may have changed.
  std::atomic<bool> suspect_{false};
  std::atomic<bool> well_{true};   ///< so that a call that works takes no lock
  std::atomic<bool> full_{false};  ///< that reading works does not say that there is room again
  std::atomic<std::uint64_t> said_broken_ms_{0};  ///< monotonic; in the log
  mutable std::mutex mutex_;
  std::string last_error_;
};

}  // namespace sallyport::verify
