#include "verify/store/make_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/verify/store/redis_process.h"

namespace sallyport::verify {
namespace {

using testing::StartsWith;

const RecordKey kKey{.kind = RecordKind::key, .group = "", .id = "a"};

TEST(MakeStore, MakesTheOneThatIsConfigured) {
  StoreSettings settings;
  EXPECT_FALSE(make_store(settings).has_value());
  settings.kind = StoreSettings::Kind::sqlite;
  settings.sqlite.path = ":memory:";
  const auto sqlite = make_store(settings).value();
  EXPECT_TRUE(sqlite->put(kKey, "x", 0).has_value());
  EXPECT_THAT(sqlite->health().text, StartsWith("SQLite"));

  const RedisProcess process;
  settings.kind = StoreSettings::Kind::redis;
  settings.redis = settings_for(process);
  const auto redis = make_store(settings).value();
  EXPECT_FALSE(redis->get(kKey).value().has_value());
  EXPECT_THAT(redis->health().text, StartsWith("Redis"));
}

TEST(MakeStore, ARedisThatIsAwayIsNoError) {
  StoreSettings settings;
  settings.kind = StoreSettings::Kind::redis;
  settings.redis.servers = {{.host = "127.0.0.1", .port = 1}};
  const auto redis = make_store(settings).value();
  EXPECT_EQ(redis->get(kKey).error(), StoreError::unavailable);
}

}  // namespace
}  // namespace sallyport::verify
