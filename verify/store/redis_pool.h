#pragma once
// A few connections to each server, lent to those who ask. A server that cannot be reached is tried
// again after a pause that doubles, by one caller; the others hear at once that it is away. Any
// thread.

#include <condition_variable>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "verify/store/redis_connection.h"

namespace sallyport::verify {

/// A pause of `base_ms` · 2^`failures`, at most `most_ms`, of which half is chance: those who lost
/// a server together do not come back together.
[[nodiscard]] std::uint64_t back_off_ms(std::uint32_t failures, std::uint64_t base_ms,
                                        std::uint64_t most_ms);

class RedisPool {
 public:
  RedisPool(RedisDialer& dialer, RedisServer server, RedisPeer peer)
      : dialer_(dialer), server_(std::move(server)), peer_(peer) {}

  /// A connection for one thread; comes back when it goes. Does not outlive the pool.
  class Loan {
   public:
    Loan(Loan&& other) noexcept = default;
    Loan& operator=(Loan&&) = delete;
    ~Loan() {
      if (pool_) pool_->give_back(std::move(connection_));
    }
    [[nodiscard]] RedisConnection& operator*() const noexcept { return *connection_; }
    [[nodiscard]] RedisConnection* operator->() const noexcept { return connection_.get(); }
    /// It has failed, or holds an answer that nobody waits for.
    void spoil() noexcept { connection_.reset(); }

   private:
    friend class RedisPool;
    struct Nothing {
      void operator()(RedisPool* /*pool*/) const noexcept {}
    };
    Loan(RedisPool* pool, std::unique_ptr<RedisConnection> connection)
        : pool_(pool), connection_(std::move(connection)) {}
    std::unique_ptr<RedisPool, Nothing> pool_;  ///< empty once moved from
    std::unique_ptr<RedisConnection> connection_;
  };

  /// Waits until `until_ms` (monotonic) at most. The error says why, for people.
  [[nodiscard]] std::expected<Loan, std::string> borrow(std::uint64_t until_ms);
  [[nodiscard]] const RedisServer& server() const noexcept { return server_; }

 private:
  void give_back(std::unique_ptr<RedisConnection> connection);
  [[nodiscard]] std::expected<Loan, std::string> dial(std::uint64_t until_ms);

  RedisDialer& dialer_;
  const RedisServer server_;
  const RedisPeer peer_;

  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<RedisConnection>> idle_;
  std::uint32_t lent_ = 0;
  std::uint32_t failures_ = 0;      ///< one after the other
  std::uint64_t try_again_ms_ = 0;  ///< monotonic
  bool trying_ = false;             ///< somebody finds out whether it is back
  std::string last_error_;
};

/// The pools of all servers that have been asked. They stay: servers are few.
class RedisPools {
 public:
  RedisPools(RedisDialer& dialer, RedisPeer peer) : dialer_(dialer), peer_(peer) {}
  [[nodiscard]] RedisPool& of(const RedisServer& server);

 private:
  RedisDialer& dialer_;
  const RedisPeer peer_;
  std::mutex mutex_;
  std::map<std::pair<std::string, std::uint16_t>, std::unique_ptr<RedisPool>> pools_;
};

}  // namespace sallyport::verify
