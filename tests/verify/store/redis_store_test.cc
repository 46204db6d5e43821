// What is Redis' own: a server that goes and comes back, is full, or holds what is not ours.

#include "verify/store/redis_store.h"

#include <atomic>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/verify/store/redis_process.h"
#include "verify/clock.h"

namespace sallyport::verify {
namespace {

using testing::HasSubstr;
using testing::Not;

RecordKey key(std::string id, RecordKind kind = RecordKind::grant) {
  return {.kind = kind, .group = "", .id = std::move(id)};
}

std::unique_ptr<RedisStore> store_on(const RedisSettings& settings) {
  return RedisStore::make(settings).value();
}

/// Counts what a watcher is told.
struct Ear {
  std::atomic<int> resyncs{0};
  std::mutex mutex;
  std::vector<std::string> changes;

  StoreWatcher watcher() {
    return {.changed =
                [this](const RecordChange& change) {
                  const std::scoped_lock lock(mutex);
                  changes.push_back(change.key.id + (change.record ? "+" : "-"));
                },
            .resync = [this] { ++resyncs; }};
  }
  bool heard(const std::string& change) {
    const std::scoped_lock lock(mutex);
    return std::ranges::find(changes, change) != changes.end();
  }
};

TEST(RedisStore, AServerThatIsGoneAndBack) {
  RedisProcess process({.sentinel = false,
                        .arguments = {"--appendonly", "yes", "--appendfsync", "always"},
                        .file = {},
                        .login = {}});
  Ear ear;
  const auto store = store_on(settings_for(process));
  store->watch({RecordKind::grant}, ear.watcher());
  ASSERT_TRUE(eventually([&] { return ear.resyncs == 1; }));
  ASSERT_TRUE(store->put(key("kept"), "x", 0).has_value());
  ASSERT_TRUE(eventually([&] { return ear.heard("kept+"); }));

  process.kill();
  EXPECT_EQ(store->put(key("lost"), "x", 0).error(), StoreError::unavailable);
  EXPECT_EQ(store->get(key("kept")).error(), StoreError::unavailable);
  EXPECT_FALSE(store->health().ok);
  EXPECT_THAT(store->health().text, HasSubstr("127.0.0.1:" + std::to_string(process.port())));

  process.start();
  ASSERT_TRUE(eventually([&] { return store->get(key("kept")).has_value(); }));
  EXPECT_EQ(store->get(key("kept")).value().value().value, "x");
  ASSERT_TRUE(eventually([&] { return ear.resyncs == 2; }));
  EXPECT_TRUE(store->health().ok) << store->health().text;
  EXPECT_EQ(store->remove(key("kept")), true);
  EXPECT_TRUE(eventually([&] { return ear.heard("kept-"); }));
}

TEST(RedisStore, AServerThatSaysNothingIsNotWaitedForLonger) {
  RedisProcess process;
  RedisSettings settings = settings_for(process);
  settings.timeout_ms = 100;
  const auto store = store_on(settings);
  ASSERT_TRUE(eventually([&] { return store->put(key("a"), "x", 0).has_value(); }));
  process.freeze();
  EXPECT_EQ(store->put(key("a"), "y", 0).error(), StoreError::unavailable);
  EXPECT_EQ(store->get(key("a")).error(), StoreError::unavailable);
  EXPECT_THAT(store->health().text, HasSubstr("in time"));
  process.thaw();
  EXPECT_TRUE(eventually([&] { return store->put(key("a"), "z", 0).has_value(); }));
}

TEST(RedisStore, MemoryThatIsFullRefusesChangesAndRecovers) {
  const RedisProcess process;
  const auto store = store_on(settings_for(process));
  ASSERT_TRUE(store->put(key("a"), "x", 0).has_value());
  ASSERT_EQ(process.ask({"CONFIG", "SET", "maxmemory", "1"}).text, "OK");
  EXPECT_EQ(store->put(key("a"), "y", 0).error(), StoreError::full);
  EXPECT_EQ(store->get(key("a")).value().value().value, "x");
  EXPECT_THAT(store->health().text, HasSubstr("OOM"));
  ASSERT_EQ(process.ask({"CONFIG", "SET", "maxmemory", "0"}).text, "OK");
  EXPECT_TRUE(store->put(key("a"), "y", 0).has_value());
  EXPECT_TRUE(store->health().ok) << store->health().text;
}

TEST(RedisStore, WhatIsNotOursIsBroken) {
  const RedisProcess process;
  const auto store = store_on(settings_for(process));
  ASSERT_EQ(process.ask({"HSET", "sallyport:{grant:}", "a", "theirs"}).integer, 1);
  EXPECT_EQ(store->get(key("a")).error(), StoreError::broken);
  EXPECT_EQ(store->list(RecordKind::grant, "").error(), StoreError::broken);
  ASSERT_EQ(process.ask({"SET", "sallyport:{otp:}", "theirs"}).text, "OK");
  EXPECT_EQ(store->get(key("a", RecordKind::otp)).error(), StoreError::broken);
  EXPECT_EQ(store->put(key("a", RecordKind::otp), "x", 0).error(), StoreError::broken);
}

TEST(RedisStore, AServerThatHasForgottenTheScriptsIsToldAgain) {
  const RedisProcess process;
  const auto store = store_on(settings_for(process));
  ASSERT_TRUE(store->put(key("a"), "x", 0).has_value());
  ASSERT_EQ(process.ask({"SCRIPT", "FLUSH"}).text, "OK");
  EXPECT_TRUE(store->put(key("a"), "y", 0).has_value());
  EXPECT_EQ(store->take(key("a")).value().value().value, "y");
}

TEST(RedisStore, KeysGoWithTheirLastRecord) {
  const RedisProcess process;
  const auto store = store_on(settings_for(process));
  for (const char* id : {"a", "b"}) {
    ASSERT_TRUE(store->put(key(id, RecordKind::visit), "x", unix_ms() + 50).has_value());
  }
  EXPECT_TRUE(eventually([&] { return process.ask({"DBSIZE"}).integer == 0; }));
}

TEST(RedisStore, WhatHasExpiredGoesWithLaterChanges) {
  const RedisProcess process;
  const auto store = store_on(settings_for(process));
  ASSERT_TRUE(store->put(key("stays"), "x", 0).has_value());
  const std::uint64_t soon = unix_ms() + 20;
  for (int at = 0; at < 40; ++at) {
    ASSERT_TRUE(store->put(key(std::to_string(at)), "x", soon).has_value());
  }
  EXPECT_TRUE(eventually([&] {
    EXPECT_TRUE(store->put(key("stays"), "x", 0).has_value());
    return process.ask({"HLEN", "sallyport:{grant:}"}).integer == 1;
  }));
}

TEST(RedisStore, OneNodeHearsOfAnother) {
  const RedisProcess process;
  Ear ear;
  const auto one = store_on(settings_for(process));
  const auto other = store_on(settings_for(process));
  one->watch({RecordKind::grant}, ear.watcher());
  ASSERT_TRUE(eventually([&] { return ear.resyncs == 1; }));
  ASSERT_TRUE(other->put(key("1"), "x", 0).has_value());
  EXPECT_TRUE(eventually([&] { return ear.heard("1+"); }));
  EXPECT_EQ(other->remove(key("1")), true);
  EXPECT_TRUE(eventually([&] { return ear.heard("1-"); }));
}

TEST(RedisStore, DatabasesAreApart) {
  const RedisProcess process;
  Ear ear;
  RedisSettings settings = settings_for(process);
  const auto zero = store_on(settings);
  settings.database = 3;
  const auto three = store_on(settings);
  three->watch({RecordKind::grant}, ear.watcher());
  ASSERT_TRUE(eventually([&] { return ear.resyncs == 1; }));
  ASSERT_TRUE(zero->put(key("zero"), "x", 0).has_value());
  ASSERT_TRUE(three->put(key("three"), "x", 0).has_value());
  EXPECT_FALSE(three->get(key("zero")).value().has_value());
  EXPECT_TRUE(eventually([&] { return ear.heard("three+"); }));
  EXPECT_FALSE(ear.heard("zero+"));
}

TEST(RedisStore, ManyShareFewConnections) {
  const RedisProcess process;
  RedisSettings settings = settings_for(process);
  settings.connections = 2;
  settings.timeout_ms = 10'000;
  const auto store = store_on(settings);
  std::atomic<int> done{0};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 16; ++thread) {
      threads.emplace_back([&, thread] {
        for (int at = 0; at < 20; ++at) {
          if (store->put(key(std::to_string(thread)), "x", 0)) ++done;
        }
      });
    }
  }
  EXPECT_EQ(done, 16 * 20);
  const std::string clients = process.ask({"CLIENT", "LIST"}).text;
  EXPECT_LE(std::ranges::count(clients, '\n'), 3);  // with the one that asks
}

TEST(RedisStore, ConnectionsThatTheServerHasClosedAreReplaced) {
  const RedisProcess process;
  const auto store = store_on(settings_for(process));
  ASSERT_TRUE(store->put(key("a"), "x", 0).has_value());
  ASSERT_GE(process.ask({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}).integer, 1);
  EXPECT_TRUE(store->put(key("a"), "y", 0).has_value());
}

TEST(RedisStore, NoErrorTellsThePassword) {
  const RedisProcess process;
  ASSERT_EQ(process.ask({"CONFIG", "SET", "requirepass", "the-right-one"}).text, "OK");
  RedisSettings settings = settings_for(process);
  settings.password = Secret("sesame-secret");
  const auto wrong = store_on(settings);
  EXPECT_EQ(wrong->get(key("a")).error(), StoreError::unavailable);
  EXPECT_THAT(wrong->health().text, HasSubstr("refuses our login"));
  EXPECT_THAT(wrong->health().text, Not(HasSubstr("sesame")));
  settings.password = Secret("the-right-one");
  EXPECT_TRUE(store_on(settings)->get(key("a")).has_value());
  settings.password = {};
  EXPECT_EQ(store_on(settings)->get(key("a")).error(), StoreError::unavailable);
}

TEST(RedisStore, IsNotMadeOfHalfTheSettings) {
  RedisSettings settings;
  EXPECT_FALSE(RedisStore::make(settings).has_value());
  settings.servers = {{.host = "127.0.0.1", .port = 1}};
  settings.mode = RedisMode::sentinel;
  EXPECT_FALSE(RedisStore::make(settings).has_value());
  settings.mode = RedisMode::single;
  settings.tls = true;
  settings.ca_file = "/no/such/file";
  EXPECT_THAT(RedisStore::make(settings).error(), HasSubstr("/no/such/file"));
}

TEST(RedisStore, AHostWithoutAnAddressIsUnavailable) {
  RedisSettings settings;
  settings.servers = {{.host = "redis.invalid", .port = 6379}};
  settings.timeout_ms = 500;
  const auto store = store_on(settings);
  EXPECT_EQ(store->get(key("a")).error(), StoreError::unavailable);
  settings.servers = {{.host = "localhost", .port = 1}};
  EXPECT_EQ(store_on(settings)->get(key("a")).error(), StoreError::unavailable);
}

}  // namespace
}  // namespace sallyport::verify
