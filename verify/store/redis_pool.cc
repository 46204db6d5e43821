#include "verify/store/redis_pool.h"

#include <algorithm>
#include <chrono>

#include <openssl/rand.h>

#include "verify/clock.h"

namespace sallyport::verify {
namespace {

constexpr std::uint64_t kFirstPauseMs = 20;
constexpr std::uint64_t kLongestPauseMs = 1'000;

std::string named(const RedisServer& server, const std::string& what) {
  return server.host + ":" + std::to_string(server.port) + ": " + what;
}

}  // namespace

std::uint64_t back_off_ms(std::uint32_t failures, std::uint64_t base_ms, std::uint64_t most_ms) {
  const std::uint64_t full = std::min(base_ms << std::min(failures, 16U), most_ms);
  std::uint32_t chance = 0;
  RAND_bytes(reinterpret_cast<std::uint8_t*>(&chance), sizeof chance);
  return full / 2 + chance % (full / 2 + 1);
}

std::expected<RedisPool::Loan, std::string> RedisPool::borrow(std::uint64_t until_ms) {
  {
    std::unique_lock lock(mutex_);
    const std::uint64_t now_ms = monotonic_ms();
    const std::chrono::milliseconds left(until_ms > now_ms ? until_ms - now_ms : 0);
    const std::uint32_t most = std::max(dialer_.settings().connections, 1U);
    if (!returned_.wait_for(lock, left, [&] { return lent_ < most; })) {
      return std::unexpected(named(server_, "all connections are in use"));
    }
    while (!idle_.empty()) {
      std::unique_ptr<RedisConnection> connection = std::move(idle_.back());
      idle_.pop_back();
      if (connection->stale()) continue;
      ++lent_;
      return Loan(this, std::move(connection));
    }
    if (failures_ > 0 && (trying_ || monotonic_ms() < try_again_ms_)) {
      return std::unexpected(last_error_);
    }
    trying_ = failures_ > 0;
    ++lent_;
  }
  return dial(until_ms);
}

std::expected<RedisPool::Loan, std::string> RedisPool::dial(std::uint64_t until_ms) {
  auto made = dialer_.dial(server_, peer_, until_ms);
  std::unique_lock lock(mutex_);
  trying_ = false;
  if (made) {
    failures_ = 0;
    return Loan(this, std::move(*made));
  }
  --lent_;
  returned_.notify_one();
  last_error_ = named(server_, made.error().text);
  try_again_ms_ = monotonic_ms() + back_off_ms(failures_++, kFirstPauseMs, kLongestPauseMs);
  return std::unexpected(last_error_);
}

void RedisPool::give_back(std::unique_ptr<RedisConnection> connection) {
  const std::scoped_lock lock(mutex_);
  --lent_;
  if (connection) idle_.push_back(std::move(connection));
  returned_.notify_one();
}

RedisPool& RedisPools::of(const RedisServer& server) {
  const std::scoped_lock lock(mutex_);
  std::unique_ptr<RedisPool>& pool = pools_[{server.host, server.port}];
  if (!pool) pool = std::make_unique<RedisPool>(dialer_, server, peer_);
  return *pool;
}

}  // namespace sallyport::verify
