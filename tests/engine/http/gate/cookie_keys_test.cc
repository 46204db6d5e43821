#include "engine/http/gate/cookie_keys.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "verify/store/sqlite_store.h"

namespace sallyport::http_door {
namespace {

constexpr std::uint64_t kNow = 1'800'000'000'000;

class CookieKeys : public testing::Test {
 protected:
  [[nodiscard]] std::vector<Secret> read(std::uint64_t now_ms) {
    const auto keys = read_cookie_keys(*store_, sealer_, random_, now_ms);
    EXPECT_TRUE(keys.has_value());
    return keys.value_or(std::vector<Secret>());
  }

  std::unique_ptr<verify::Store> store_ =
      verify::SqliteStore::open({.path = ":memory:", .timeout_ms = 5'000}).value();
  verify::Sealer sealer_ = verify::Sealer::from_text(std::string(64, 'a')).value();
  SystemRandom random_;
};

TEST_F(CookieKeys, AreMadeOnceAndTheSameForAll) {
  const auto first = read(kNow);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].size(), kCookieKeyOctets);
  EXPECT_EQ(read(kNow + kCookieKeyMs - 1), first) << "another node, or after a restart";
}

TEST_F(CookieKeys, AreSealedInTheStore) {
  const auto keys = read(kNow);
  const auto record =
      store_->get({.kind = verify::RecordKind::key, .group = {}, .id = "access-cookie"});
  ASSERT_TRUE(record.has_value() && record->has_value());
  EXPECT_FALSE((*record)->value.contains(as_text(keys[0].reveal())));
}

TEST_F(CookieKeys, GetANewOneEachWeekAndKeepSomeOld) {
  auto before = read(kNow);
  for (std::size_t week = 1; week < 2 * kCookieKeys; ++week) {
    auto after = read(kNow + week * kCookieKeyMs);
    ASSERT_EQ(after.size(), std::min(week + 1, kCookieKeys));
    EXPECT_NE(after[0], before[0]);
    EXPECT_EQ(after[1], before[0]) << "cookies of last week are good";
    before = std::move(after);
  }
}

TEST_F(CookieKeys, AreNotWrittenOverByWhoCannotReadThem) {
  const auto keys = read(kNow);
  const auto other = verify::Sealer::from_text(std::string(64, 'b')).value();
  EXPECT_EQ(read_cookie_keys(*store_, other, random_, kNow + 2 * kCookieKeyMs),
            std::unexpected(verify::StoreError::broken));
  EXPECT_EQ(read(kNow), keys);
}

}  // namespace
}  // namespace sallyport::http_door
