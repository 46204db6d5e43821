// More than one Redis server: a master under a sentinel, and a cluster of three nodes.

#include <array>
#include <atomic>
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/verify/store/redis_process.h"
#include "verify/store/redis_records.h"
#include "verify/store/redis_slot.h"
#include "verify/store/redis_store.h"

namespace sallyport::verify {
namespace {

RecordKey key(std::string id, std::string group = {}) {
  return {.kind = RecordKind::session, .group = std::move(group), .id = std::move(id)};
}

struct Ear {
  std::atomic<int> resyncs{0};
  std::atomic<int> changes{0};
  StoreWatcher watcher() {
    return {.changed = [this](const RecordChange&) { ++changes; }, .resync = [this] { ++resyncs; }};
  }
};

RedisProcess::Options with(std::vector<std::string> arguments) {
  return {.sentinel = false, .arguments = std::move(arguments), .file = {}, .login = {}};
}

TEST(RedisSentinel, FollowsAFailover) {
  RedisProcess master(with({"--repl-diskless-sync-delay", "0"}));
  RedisProcess replica(with({"--replicaof", "127.0.0.1 " + std::to_string(master.port())}));
  ASSERT_TRUE(eventually([&] { return master.ask({"WAIT", "1", "100"}).integer == 1; }));
  const ScratchFolder folder;
  const std::string file = folder.file("sentinel.conf");
  std::ofstream(file) << "sentinel monitor gate 127.0.0.1 " << master.port() << " 1\n"
                      << "sentinel down-after-milliseconds gate 300\n"
                      << "sentinel failover-timeout gate 2000\n";
  const RedisProcess sentinel({.sentinel = true, .arguments = {}, .file = file, .login = {}});
  // It has heard of the replica, and can make it the master.
  ASSERT_TRUE(
      eventually([&] { return !sentinel.ask({"SENTINEL", "replicas", "gate"}).elements.empty(); }));

  RedisSettings settings;
  settings.mode = RedisMode::sentinel;
  settings.sentinel_master = "gate";
  settings.servers = {{.host = "127.0.0.1", .port = 1}, sentinel.server()};  // the first is away
  Ear ear;
  const auto store = RedisStore::make(settings).value();
  store->watch({RecordKind::session}, ear.watcher());
  ASSERT_TRUE(eventually([&] { return ear.resyncs == 1; }));
  ASSERT_TRUE(store->put(key("before"), "x", 0).has_value()) << store->health().text;
  ASSERT_TRUE(eventually([&] { return replica.ask({"DBSIZE"}).integer == 1; }));

  master.kill();
  EXPECT_EQ(store->put(key("meanwhile"), "x", 0).error(), StoreError::unavailable);
  ASSERT_TRUE(eventually([&] { return store->put(key("after"), "x", 0).has_value(); }));
  EXPECT_EQ(replica.ask({"ROLE"}).elements.at(0).text, "master");
  EXPECT_EQ(store->get(key("before")).value().value().value, "x");
  ASSERT_TRUE(eventually([&] { return ear.resyncs == 2; }));
  const int changes = ear.changes;
  EXPECT_EQ(store->remove(key("before")), true);
  EXPECT_TRUE(eventually([&] { return ear.changes > changes; }));
  EXPECT_TRUE(store->health().ok) << store->health().text;
}

/// Three masters that know each other.
class Cluster {
 public:
  Cluster() {
    constexpr std::array<std::array<const char*, 2>, 3> kRanges{
        {{"0", "5460"}, {"5461", "10922"}, {"10923", "16383"}}};
    for (std::size_t at = 0; at < nodes_.size(); ++at) {
      EXPECT_EQ(node(at).ask({"CLUSTER", "ADDSLOTSRANGE", kRanges[at][0], kRanges[at][1]}).text,
                "OK");
      EXPECT_EQ(node(at).ask({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(at + 1)}).text, "OK");
    }
    for (std::size_t at = 1; at < nodes_.size(); ++at) {
      const std::string port = std::to_string(node(at).port());
      EXPECT_EQ(node(0).ask({"CLUSTER", "MEET", "127.0.0.1", port, buses_[at]}).text, "OK");
    }
    for (const auto& one : nodes_) {
      EXPECT_TRUE(eventually([&] {
        return one->ask({"CLUSTER", "INFO"}).text.find("cluster_state:ok") != std::string::npos &&
               one->ask({"CLUSTER", "SLOTS"}).elements.size() == 3;
      }));
    }
  }
  [[nodiscard]] RedisProcess& node(std::size_t at) const { return *nodes_[at]; }
  [[nodiscard]] std::string id(std::size_t at) const {
    return node(at).ask({"CLUSTER", "MYID"}).text;
  }
  [[nodiscard]] RedisSettings settings() const {
    RedisSettings settings = settings_for(node(0));
    settings.mode = RedisMode::cluster;
    return settings;
  }

 private:
  // The bus' usual port, 10000 more, may be none.
  const std::array<std::string, 3> buses_{std::to_string(free_port()), std::to_string(free_port()),
                                          std::to_string(free_port())};
  std::unique_ptr<RedisProcess> made(const std::string& bus) {
    return std::make_unique<RedisProcess>(
        with({"--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000",
              "--cluster-require-full-coverage", "no"}));
  }
  const std::array<std::unique_ptr<RedisProcess>, 3> nodes_{made(buses_[0]), made(buses_[1]),
                                                            made(buses_[2])};
};

/// A group whose slot is that node's, of the three.
std::string group_on(std::size_t node) {
  for (int at = 0;; ++at) {
    std::string group = "user" + std::to_string(at);
    if (redis_slot(redis_key("sallyport:", RecordKind::session, group)) / 5'462 ==
        static_cast<int>(node))
      return group;
  }
}

TEST(RedisCluster, FindsEachSlotAndFollowsItWhenItMoves) {
  const Cluster cluster;
  Ear ear;
  const auto store = RedisStore::make(cluster.settings()).value();
  store->watch({RecordKind::session}, ear.watcher());
  ASSERT_TRUE(eventually([&] { return ear.resyncs == 1; }));
  for (std::size_t node = 0; node < 3; ++node) {
    const RecordKey at = key("a", group_on(node));
    const auto version = store->put(at, "x", 0);
    ASSERT_TRUE(version.has_value()) << store->health().text;
    EXPECT_EQ(store->replace(at, *version, "y", 0), true);
    EXPECT_EQ(store->get(at).value().value().value, "y");
    EXPECT_EQ(store->list(at.kind, at.group).value().size(), 1U);
    EXPECT_EQ(cluster.node(node).ask({"DBSIZE"}).integer, 1);
  }
  EXPECT_EQ(store->next_number("n"), 1U);
  // Told by whichever node, heard at one.
  EXPECT_TRUE(eventually([&] { return ear.changes == 6; }));

  const std::string group = group_on(0);
  const std::string slot =
      std::to_string(redis_slot(redis_key("sallyport:", RecordKind::session, group)));
  ASSERT_EQ(store->remove(key("a", group)), true);
  ASSERT_EQ(cluster.node(1).ask({"CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.id(0)}).text,
            "OK");
  ASSERT_EQ(cluster.node(0).ask({"CLUSTER", "SETSLOT", slot, "MIGRATING", cluster.id(1)}).text,
            "OK");
  // What is not there any more is asked for where the slot goes.
  EXPECT_TRUE(store->put(key("b", group), "x", 0).has_value()) << store->health().text;
  EXPECT_EQ(store->get(key("b", group)).value().value().value, "x");
  EXPECT_EQ(cluster.node(1).ask({"CLUSTER", "COUNTKEYSINSLOT", slot}).integer, 1);
  for (const std::size_t node : {1, 0, 2}) {
    ASSERT_EQ(cluster.node(node).ask({"CLUSTER", "SETSLOT", slot, "NODE", cluster.id(1)}).text,
              "OK");
  }
  EXPECT_EQ(store->get(key("b", group)).value().value().value, "x");
  EXPECT_TRUE(store->put(key("c", group), "x", 0).has_value());
  EXPECT_EQ(store->list(RecordKind::session, group).value().size(), 2U);
}

TEST(RedisCluster, ANodeThatIsAwayTakesItsSlotsOnly) {
  const Cluster cluster;
  const auto store = RedisStore::make(cluster.settings()).value();
  for (std::size_t node = 0; node < 3; ++node) {
    ASSERT_TRUE(store->put(key("a", group_on(node)), "x", 0).has_value());
  }
  cluster.node(0).kill();  // the one that is named in the settings
  EXPECT_EQ(store->put(key("a", group_on(0)), "y", 0).error(), StoreError::unavailable);
  EXPECT_TRUE(store->put(key("a", group_on(1)), "y", 0).has_value()) << store->health().text;
  EXPECT_TRUE(store->put(key("a", group_on(2)), "y", 0).has_value()) << store->health().text;
}

}  // namespace
}  // namespace sallyport::verify
