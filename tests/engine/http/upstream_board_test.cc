#include "engine/http/upstream_board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/http/upstream_set.h"

namespace sallyport::http_door {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = HealthReason::Kind;

config::HttpPool two_servers() {
  config::HttpPool pool;
  pool.name = "app";
  for (const std::uint16_t port : {std::uint16_t{8000}, std::uint16_t{8001}}) {
    config::HttpServer server;
    server.host = "10.0.0.1";
    server.port = port;
    pool.servers.push_back(server);
  }
  pool.max_fails = 2;
  pool.fail_timeout_ms = 1'000;
  return pool;
}

/// A pool of two servers on one shard.
struct Shard {
  UpstreamSet set{two_servers()};
  explicit Shard(UpstreamBoard& board) {
    set.show_on(board.enter("app", {set.label(0), set.label(1)}));
  }
  void fail(std::uint32_t server, std::uint64_t now_ms) {
    ServerLease lease = set.acquire(server);
    set.failed(lease, Broken::refused, now_ms);
    set.release(lease);
  }
};

TEST(UpstreamBoard, AddsUpWhatTheShardsSee) {
  UpstreamBoard board;
  EXPECT_THAT(board.read(), IsEmpty());
  Shard first(board);
  const Shard second(board);
  first.fail(0, 0);
  first.fail(0, 0);
  first.fail(1, 0);
  const std::vector<UpstreamState> states = board.read();
  ASSERT_EQ(states.size(), 2u);
  EXPECT_EQ(states[0].pool, "app");
  EXPECT_EQ(states[0].server, "10.0.0.1:8000");
  EXPECT_THAT(states[0].shards, ElementsAre(1, 0, 1));
  EXPECT_EQ(states[0].worst(), Health::down);
  EXPECT_EQ(states[0].reason, (HealthReason{.kind = Kind::connection, .broken = Broken::refused}));
  EXPECT_EQ(states[1].server, "10.0.0.1:8001");
  EXPECT_THAT(states[1].shards, ElementsAre(1, 1, 0));
  EXPECT_EQ(states[1].worst(), Health::suspect);
}

TEST(UpstreamBoard, FollowsEachStepOfAServer) {
  UpstreamBoard board;
  Shard shard(board);
  const auto seen = [&] { return board.read()[0].worst(); };
  shard.fail(0, 0);
  shard.fail(0, 0);
  EXPECT_EQ(seen(), Health::down);
  ServerLease trial = shard.set.acquire(0);
  EXPECT_EQ(seen(), Health::suspect) << "one request may try";
  shard.set.release(trial);
  EXPECT_EQ(seen(), Health::down) << "it said nothing";
  trial = shard.set.acquire(0);
  shard.set.succeeded(trial, 2'000);
  EXPECT_EQ(seen(), Health::up);
  shard.set.release(trial);

  const HealthReason wrong{.kind = Kind::status, .status = 503};
  shard.set.set_active({.server = 0, .health = Health::down, .reason = wrong}, 3'000);
  EXPECT_EQ(seen(), Health::down);
  EXPECT_EQ(board.read()[0].reason.text(), "status 503");
  shard.set.set_active({.server = 0, .health = Health::up, .reason = {.kind = Kind::good}}, 4'000);
  EXPECT_EQ(seen(), Health::up);
  EXPECT_FALSE(board.read()[0].drains);
  shard.set.set_drain(0, true, 5'000);
  EXPECT_TRUE(board.read()[0].drains);
}

TEST(UpstreamBoard, APoolThatWasReplacedIsNotThereAnyMore) {
  UpstreamBoard board;
  Shard shard(board);
  const UpstreamSet next = [&] {
    UpstreamSet made(two_servers());
    made.show_on(board.enter("app", {"10.0.0.1:8000", "10.0.0.1:9000"}));
    return made;
  }();
  EXPECT_EQ(board.read().size(), 3u);
  shard.set.show_on(nullptr);
  const std::vector<UpstreamState> states = board.read();
  ASSERT_EQ(states.size(), 2u);
  EXPECT_EQ(states[1].server, "10.0.0.1:9000");
  EXPECT_THAT(states[0].shards, ElementsAre(1, 0, 0));
}

TEST(UpstreamBoard, AViewKeepsEveryReason) {
  PoolView view("app", {"a"});
  for (const Kind kind : {Kind::none, Kind::good, Kind::connection, Kind::status, Kind::body}) {
    for (const unsigned status : {0u, 200u, 65'535u}) {
      const ServerView written{.health = Health::suspect,
                               .reason = {.kind = kind,
                                          .broken = Broken::gone,
                                          .status = static_cast<std::uint16_t>(status)},
                               .drains = kind == Kind::good};
      view.write(0, written);
      const ServerView read = view.read(0);
      EXPECT_EQ(read.health, written.health);
      EXPECT_EQ(read.reason, written.reason);
      EXPECT_EQ(read.drains, written.drains);
    }
  }
}

}  // namespace
}  // namespace sallyport::http_door
