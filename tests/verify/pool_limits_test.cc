// Whom the pool asks no more: approved a moment ago, or asked too often.

#include <gtest/gtest.h>

#include "tests/verify/pool_harness.h"

namespace sallyport::verify {
namespace {

class PoolLimitsTest : public PoolTest {
 protected:
  Answer ask(std::uint64_t ticket, std::string_view station, std::uint32_t remember_ms = 0) {
    Question made = question(ticket, static_cast<std::uint8_t>(ticket));
    made.client.assign(std::string_view("vpn"));
    made.calling_station.assign(station);
    made.remember_ms = remember_ms;
    EXPECT_TRUE(pool_->ask(made));
    return sink_.wait(ticket);
  }
  void deny() {
    service_.on_poll = [](const TestRequest&) {
      return TestReply{.body = Service::result(R"("response_type":"DenyRequest")")};
    };
  }
  static constexpr std::uint32_t kDay = 24 * 3'600'000;
};

TEST_F(PoolLimitsTest, AnApprovalIsRememberedWhereItWasGiven) {
  start();
  EXPECT_FALSE(ask(1, "home", kDay).remembered);
  const Answer second = ask(2, "home", kDay);
  EXPECT_EQ(second.verdict, Verdict::approved);
  EXPECT_TRUE(second.remembered);
  EXPECT_FALSE(second.push_out);
  EXPECT_FALSE(ask(3, "hotel", kDay).remembered);
  EXPECT_FALSE(ask(4, "home").remembered);  // asks for no memory
  EXPECT_EQ(server_.count(kCreateV2), 3);
  EXPECT_EQ(sum(&VerifyMetrics::remembered), 1u);
}

TEST_F(PoolLimitsTest, NothingIsRememberedWithoutAStation) {
  start();
  EXPECT_FALSE(ask(1, "", kDay).remembered);
  EXPECT_FALSE(ask(2, "", kDay).remembered);
}

TEST_F(PoolLimitsTest, WhatWasApprovedForOnceIsNotRememberedLater) {
  start();
  EXPECT_FALSE(ask(1, "home").remembered);
  EXPECT_FALSE(ask(2, "home", kDay).remembered);
  EXPECT_TRUE(ask(3, "home", kDay).remembered);
}

TEST_F(PoolLimitsTest, ADenialEndsIt) {
  start();
  EXPECT_FALSE(ask(1, "home", kDay).remembered);
  deny();
  EXPECT_EQ(ask(2, "hotel", kDay).verdict, Verdict::denied);
  EXPECT_EQ(ask(3, "home", kDay).verdict, Verdict::denied);
}

TEST_F(PoolLimitsTest, WhoIsAskedTooOftenIsAskedNoMore) {
  settings_.limits.emplace();
  settings_.limits->pair = {.count = 2, .window_ms = kDay};
  service_.on_poll = [](const TestRequest&) {
    return TestReply{.body = Service::result(R"("response_type":null,"expired":true)")};
  };
  start();
  EXPECT_EQ(ask(1, "bad").verdict, Verdict::expired);
  EXPECT_EQ(ask(2, "bad").verdict, Verdict::expired);
  expect_answer(ask(3, "bad"), Verdict::limited, false, "user asked too often from this place");
  EXPECT_EQ(server_.count(kCreateV2), 2);
  EXPECT_EQ(ask(4, "home").verdict, Verdict::expired);
}

TEST_F(PoolLimitsTest, ADenialIsFollowedByACoolDownFromThere) {
  settings_.limits.emplace();
  settings_.limits->cool_down_ms = kDay;
  deny();
  start();
  EXPECT_EQ(ask(1, "bad").verdict, Verdict::denied);
  expect_answer(ask(2, "bad"), Verdict::limited, false, "user has just denied a login");
  EXPECT_EQ(ask(3, "home").verdict, Verdict::denied);
}

TEST_F(PoolLimitsTest, WhoApprovedBeforeCannotBeLockedOutFromElsewhere) {
  settings_.limits.emplace();
  settings_.limits->user = {.count = 2, .window_ms = kDay};
  start();
  EXPECT_EQ(ask(1, "home").verdict, Verdict::approved);
  EXPECT_EQ(ask(2, "bad").verdict, Verdict::approved);
  EXPECT_EQ(ask(3, "worse").verdict, Verdict::limited);
  EXPECT_EQ(ask(4, "home").verdict, Verdict::approved);
}

}  // namespace
}  // namespace sallyport::verify
