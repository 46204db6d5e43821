#include "verify/store/redis_topology.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "protocol/check.h"
#include "verify/clock.h"
#include "verify/store/redis_slot.h"

namespace sallyport::verify {
namespace {

/// Those who ask at once are answered by one look; it waits no longer than its asker.
constexpr std::uint64_t kLookAgainMs = 20;

/// One of several may swallow everything: the others are to have their turn.
std::uint64_t share_of(std::uint64_t until_ms, std::size_t askable) {
  const std::uint64_t now_ms = monotonic_ms();
  const std::uint64_t left_ms = until_ms > now_ms ? until_ms - now_ms : 0;
  return now_ms + left_ms / std::max<std::size_t>(askable, 1);
}

/// One thread at a time looks; the others wait no longer than they want to. (std::timed_mutex would
/// do, if GCC 12's ThreadSanitizer knew it.)
class Turn {
 public:
  /// False: it was not ours by then. Else leave() follows.
  [[nodiscard]] bool enter(std::uint64_t until_ms) {
    std::unique_lock lock(mutex_);
    const std::uint64_t now_ms = monotonic_ms();
    const std::chrono::milliseconds left(until_ms > now_ms ? until_ms - now_ms : 0);
    if (!free_.wait_for(lock, left, [this] { return !taken_; })) return false;
    taken_ = true;
    return true;
  }
  void leave() {
    const std::scoped_lock lock(mutex_);
    taken_ = false;
    free_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable free_;
  bool taken_ = false;
};

std::optional<RedisServer> server_from(const RedisReply& host, const RedisReply& port) {
  std::int64_t number = port.integer;
  if (port.type == RedisReply::Type::text) {
    const char* const end = port.text.data() + port.text.size();
    if (std::from_chars(port.text.data(), end, number).ptr != end) return std::nullopt;
  }
  if (number < 1 || number > 65'535) return std::nullopt;
  return RedisServer{.host = host.text, .port = static_cast<std::uint16_t>(number)};
}

/// Asks one server of a pool; nothing: it did not answer, `why` says so.
std::optional<RedisReply> ask(RedisPool& pool, const RedisCommand& command, std::uint64_t until_ms,
                              std::string& why) {
  auto loan = pool.borrow(until_ms);
  if (!loan) {
    why = loan.error();
    return std::nullopt;
  }
  auto reply = (*loan)->ask(to_wire(command), until_ms);
  if (!reply) loan->spoil();
  const std::string name = pool.server().host + ":" + std::to_string(pool.server().port) + ": ";
  if (!reply) {
    why = name + reply.error().text;
    return std::nullopt;
  }
  if (reply->is_error()) {
    why = name + std::string(reply->error_word());
    return std::nullopt;
  }
  return std::move(*reply);
}

class SingleServer final : public RedisTopology {
 public:
  explicit SingleServer(RedisServer server) : server_(std::move(server)) {}
  std::expected<RedisServer, std::string> find(std::uint16_t /*slot*/,
                                               std::uint64_t /*until_ms*/) override {
    return server_;
  }
  void look_again(std::uint64_t /*until_ms*/) override {}
  void moved(std::uint16_t /*slot*/, const RedisServer& /*server*/) override {}

 private:
  const RedisServer server_;
};

class SentinelMaster final : public RedisTopology {
 public:
  explicit SentinelMaster(RedisDialer& dialer)
      : settings_(dialer.settings()),
        sentinels_(settings_.servers),
        pools_(dialer, RedisPeer::sentinel) {}

  std::expected<RedisServer, std::string> find(std::uint16_t /*slot*/,
                                               std::uint64_t until_ms) override {
    {
      const std::scoped_lock lock(mutex_);
      if (master_) return *master_;
    }
    look_again(until_ms);
    const std::scoped_lock lock(mutex_);
    if (master_) return *master_;
    return std::unexpected(last_error_);
  }

  void look_again(std::uint64_t until_ms) override {
    if (!turn_.enter(until_ms)) return;
    if (looked_ms_ == 0 || monotonic_ms() - looked_ms_ >= kLookAgainMs) look(until_ms);
    turn_.leave();
  }

  void moved(std::uint16_t /*slot*/, const RedisServer& /*server*/) override {}

 private:
  /// In its turn.
  void look(std::uint64_t until_ms) {
    std::string why;
    for (std::size_t at = 0; at < sentinels_.size(); ++at) {
      const std::uint64_t share_ms = share_of(until_ms, sentinels_.size() - at);
      const auto reply =
          ask(pools_.of(sentinels_[at]),
              {"SENTINEL", "get-master-addr-by-name", settings_.sentinel_master}, share_ms, why);
      if (!reply) continue;
      if (reply->elements.size() == 2) {
        if (const auto master = server_from(reply->elements[0], reply->elements[1])) {
          std::swap(sentinels_[0], sentinels_[at]);  // who has answered is asked first
          const std::scoped_lock lock(mutex_);
          master_ = *master;
          looked_ms_ = monotonic_ms();
          return;
        }
      }
      why = "the sentinel " + sentinels_[at].host + ":" + std::to_string(sentinels_[at].port) +
            " does not know the master " + settings_.sentinel_master;
    }
    const std::scoped_lock lock(mutex_);
    last_error_ = why;
    looked_ms_ = monotonic_ms();
  }

  const RedisSettings& settings_;
  Turn turn_;  ///< of who asks the sentinels; guards the next three
  std::vector<RedisServer> sentinels_;
  RedisPools pools_;
  std::uint64_t looked_ms_ = 0;  ///< monotonic

  std::mutex mutex_;
  std::optional<RedisServer> master_;
  std::string last_error_;
};

class ClusterNodes final : public RedisTopology {
 public:
  ClusterNodes(RedisDialer& dialer, RedisPools& pools)
      : settings_(dialer.settings()), pools_(pools) {}

  std::expected<RedisServer, std::string> find(std::uint16_t slot,
                                               std::uint64_t until_ms) override {
    if (const auto known = node_of(slot)) return *known;
    look_again(until_ms);
    if (const auto known = node_of(slot)) return *known;
    const std::scoped_lock lock(mutex_);
    if (!last_error_.empty()) return std::unexpected(last_error_);
    return std::unexpected("no node of the cluster has the slot " + std::to_string(slot));
  }

  void look_again(std::uint64_t until_ms) override {
    if (!turn_.enter(until_ms)) return;
    if (looked_ms_ == 0 || monotonic_ms() - looked_ms_ >= kLookAgainMs) look(until_ms);
    turn_.leave();
  }

  void moved(std::uint16_t slot, const RedisServer& server) override {
    const std::scoped_lock lock(mutex_);
    if (slot < kRedisSlots) slots_[slot] = number_of(server);
  }

 private:
  /// In its turn.
  void look(std::uint64_t until_ms) {
    std::vector<RedisServer> askable = settings_.servers;
    {
      const std::scoped_lock lock(mutex_);
      for (const RedisServer& node : nodes_) {
        if (std::ranges::find(askable, node) == askable.end()) askable.push_back(node);
      }
    }
    std::string why = "no node of the cluster knows its slots";
    for (std::size_t at = 0; at < askable.size(); ++at) {
      const std::uint64_t share_ms = share_of(until_ms, askable.size() - at);
      const auto reply = ask(pools_.of(askable[at]), {"CLUSTER", "SLOTS"}, share_ms, why);
      if (reply && !reply->elements.empty()) {
        take(*reply, askable[at].host);
        looked_ms_ = monotonic_ms();
        return;
      }
    }
    const std::scoped_lock lock(mutex_);
    last_error_ = why;
    looked_ms_ = monotonic_ms();
  }

  std::optional<RedisServer> node_of(std::uint16_t slot) {
    const std::scoped_lock lock(mutex_);
    const std::uint16_t number = slots_[slot % kRedisSlots];
    if (number == 0) return std::nullopt;
    return nodes_[number - 1];
  }

  /// One more than its place in nodes_. mutex_ is held.
  std::uint16_t number_of(const RedisServer& server) {
    auto at = std::ranges::find(nodes_, server);
    if (at == nodes_.end()) {
      CHECK(nodes_.size() < kRedisSlots);  // a node without a slot is not named
      at = nodes_.insert(nodes_.end(), server);
    }
    return static_cast<std::uint16_t>(at - nodes_.begin() + 1);
  }

  /// Replies of CLUSTER SLOTS: first and last slot, the master, its replicas. A node that does not
  /// know its own address means the one that we have asked.
  void take(const RedisReply& reply, const std::string& asked_host) {
    const std::scoped_lock lock(mutex_);
    nodes_.clear();
    slots_.fill(0);
    last_error_.clear();
    for (const RedisReply& range : reply.elements) {
      if (range.elements.size() < 3 || range.elements[2].elements.size() < 2) continue;
      auto node = server_from(range.elements[2].elements[0], range.elements[2].elements[1]);
      const std::int64_t first = range.elements[0].integer;
      const std::int64_t last = range.elements[1].integer;
      if (!node || first < 0 || last >= kRedisSlots || first > last) continue;
      if (node->host.empty() || node->host == "?") node->host = asked_host;
      const std::uint16_t number = number_of(*node);
      std::fill(slots_.begin() + first, slots_.begin() + last + 1, number);
    }
  }

  const RedisSettings& settings_;
  RedisPools& pools_;
  Turn turn_;                    ///< of who asks the nodes
  std::uint64_t looked_ms_ = 0;  ///< monotonic; guarded by turn_

  std::mutex mutex_;
  std::vector<RedisServer> nodes_;
  std::array<std::uint16_t, kRedisSlots> slots_{};  ///< number of the node; 0: not known
  std::string last_error_;
};

}  // namespace

std::unique_ptr<RedisTopology> make_redis_topology(RedisDialer& dialer, RedisPools& pools) {
  switch (dialer.settings().mode) {
    case RedisMode::single:
      return std::make_unique<SingleServer>(dialer.settings().servers.front());
    case RedisMode::sentinel: return std::make_unique<SentinelMaster>(dialer);
    case RedisMode::cluster: return std::make_unique<ClusterNodes>(dialer, pools);
  }
  CHECK(false);
}

}  // namespace sallyport::verify
