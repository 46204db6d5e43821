#include "bench/simulators/request_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sallyport::lab {
namespace {

constexpr std::uint64_t kNow = 1'700'000'000'000;

NewRequest request_of(std::string user, std::uint64_t ttl_ms = 60'000) {
  return {.user = std::move(user), .action = "VPN", .description = "Log in?", .ttl_ms = ttl_ms};
}

TEST(RequestStore, FindsWhatItCreated) {
  RequestStore store;
  const AuthRequest& created = store.create(request_of("alice"), kNow);
  EXPECT_EQ(created.expires_unix_ms, kNow + 60'000);
  EXPECT_EQ(store.find(created.uuid.view()), &created);
  EXPECT_EQ(store.find("0c1f4f0e-6a4e-4d55-8a1b-6f0f9f1c2a11"), nullptr);
  EXPECT_EQ(store.pending(), 1U);
}

TEST(RequestStore, RequestIsAnsweredOnce) {
  RequestStore store;
  const std::uint32_t number = store.create(request_of("alice"), kNow).number;
  EXPECT_TRUE(store.answer(number, false, AnsweredBy::phone, kNow + 10));
  EXPECT_FALSE(store.answer(number, true, AnsweredBy::script, kNow + 11));
  EXPECT_EQ(store.at(number)->state, RequestState::denied);
  EXPECT_EQ(store.at(number)->finished_unix_ms, kNow + 10);
  EXPECT_EQ(store.pending(), 0U);
}

TEST(RequestStore, NoAnswerOnceTheTimeIsOver) {
  RequestStore store;
  const std::uint32_t number = store.create(request_of("alice", 1'000), kNow).number;
  EXPECT_FALSE(store.expire(number, kNow + 999));
  EXPECT_FALSE(store.answer(number, true, AnsweredBy::phone, kNow + 1'000));
  EXPECT_TRUE(store.expire(number, kNow + 1'000));
  EXPECT_EQ(store.at(number)->state, RequestState::expired);
}

TEST(RequestStore, AnsweredRequestDoesNotExpire) {
  RequestStore store;
  const std::uint32_t number = store.create(request_of("alice", 1'000), kNow).number;
  ASSERT_TRUE(store.answer(number, true, AnsweredBy::phone, kNow));
  EXPECT_FALSE(store.expire(number, kNow + 5'000));
  EXPECT_EQ(store.at(number)->state, RequestState::approved);
}

TEST(RequestStore, ForgetsTheOldestBeyondItsBound) {
  RequestStore store(3);
  const std::string first(store.create(request_of("u0"), kNow).uuid.view());
  std::uint32_t last = 0;
  for (int i = 1; i < 5; ++i) last = store.create(request_of("u" + std::to_string(i)), kNow).number;
  EXPECT_EQ(store.all().size(), 3U);
  EXPECT_EQ(store.find(first), nullptr);
  EXPECT_EQ(store.at(0), nullptr);
  EXPECT_EQ(store.at(last)->user, "u4");
  EXPECT_EQ(store.pending(), 3U);
  EXPECT_EQ(store.creates_per_user().size(), 5U);
}

TEST(RequestStore, ShowsTheNewestFirst) {
  RequestStore store;
  store.create(request_of("a"), kNow);
  store.create(request_of("b"), kNow);
  store.create(request_of("c"), kNow);
  const auto newest = store.newest_pending(2);
  ASSERT_EQ(newest.size(), 2U);
  EXPECT_EQ(newest[0]->user, "c");
  EXPECT_EQ(newest[1]->user, "b");
}

TEST(RequestStore, HistoryIsBoundedAndNewestFirst) {
  RequestStore store;
  for (std::size_t i = 0; i < RequestStore::kHistory + 5; ++i) {
    const std::uint32_t number = store.create(request_of(std::to_string(i)), kNow).number;
    ASSERT_TRUE(store.answer(number, true, AnsweredBy::script, kNow));
  }
  const auto history = store.history();
  ASSERT_EQ(history.size(), RequestStore::kHistory);
  EXPECT_EQ(history.front()->user, std::to_string(RequestStore::kHistory + 4));
}

TEST(RequestStore, ClearedNumbersAreNotGivenAgain) {
  RequestStore store;
  const std::uint32_t old = store.create(request_of("alice"), kNow).number;
  store.clear();
  EXPECT_EQ(store.at(old), nullptr);
  EXPECT_FALSE(store.answer(old, true, AnsweredBy::script, kNow));
  EXPECT_NE(store.create(request_of("alice"), kNow).number, old);
}

TEST(Uuid, LooksLikeVersionFour) {
  const Uuid uuid = Uuid::random();
  EXPECT_EQ(uuid.view()[8], '-');
  EXPECT_EQ(uuid.view()[14], '4');
  EXPECT_THAT("89ab", testing::HasSubstr(std::string(1, uuid.view()[19])));
  EXPECT_NE(uuid.view(), Uuid::random().view());
}

}  // namespace
}  // namespace sallyport::lab
