// Who shares a verification, and what happens when somebody leaves it.

#include <gtest/gtest.h>

#include "tests/verify/pool_harness.h"
#include "verify/pool.h"
#include "verify/verification_table.h"

namespace sallyport::verify {
namespace {

/// Polls say "pending" until the test lets them approve.
class HeldPoolTest : public PoolTest {
 protected:
  HeldPoolTest() {
    service_.on_poll = [this](const TestRequest&) {
      return TestReply{.body = Service::result(approve_ ? R"("response_type":"ApproveRequest")"
                                                        : R"("response_type":null)")};
    };
  }
  std::atomic<bool> approve_{false};
};

TEST_F(HeldPoolTest, EqualKeysShareOnePush) {
  start();
  ASSERT_TRUE(pool_->ask(question(1)));
  ASSERT_TRUE(pool_->ask(question(2)));
  ASSERT_TRUE(eventually([&] { return sum(&VerifyMetrics::questions) == 2; }));
  approve_ = true;
  const Answer first = sink_.wait(1);
  const Answer second = sink_.wait(2);
  expect_answer(first, Verdict::approved, true);
  expect_answer(second, Verdict::approved, true);
  EXPECT_FALSE(first.joined);
  EXPECT_TRUE(second.joined);
  EXPECT_EQ(server_.count(kCreateV2), 1);
}

TEST_F(HeldPoolTest, OtherKeyOfTheSameUserIsAnotherPush) {
  start();
  ASSERT_TRUE(pool_->ask(question(1, 1)));
  ASSERT_TRUE(pool_->ask(question(2, 2)));
  ASSERT_TRUE(eventually([&] { return server_.count(kCreateV2) == 2; }));
  approve_ = true;
  EXPECT_FALSE(sink_.wait(1).joined);
  EXPECT_FALSE(sink_.wait(2).joined);
}

TEST_F(HeldPoolTest, ReleasedVerificationIsJoinedWithinItsGrace) {
  start();
  ASSERT_TRUE(pool_->ask(question(1)));
  ASSERT_TRUE(eventually([&] { return server_.count(kPollV2) >= 1; }));
  pool_->release({1}, question(1).join_key, 42);
  ASSERT_TRUE(eventually([&] { return sum(&VerifyMetrics::released) == 1; }));
  ASSERT_TRUE(pool_->ask(question(2)));
  ASSERT_TRUE(eventually([&] { return sum(&VerifyMetrics::joined) == 1; }));
  approve_ = true;
  const Answer answer = sink_.wait(2);
  expect_answer(answer, Verdict::approved, true);
  EXPECT_TRUE(answer.joined);
  EXPECT_EQ(server_.count(kCreateV2), 1);
  EXPECT_EQ(sink_.answers(1), 0u);
}

TEST_F(HeldPoolTest, VerdictReachedInTheGraceIsKeptForTheRetry) {
  start();
  ASSERT_TRUE(pool_->ask(question(1)));
  pool_->release({1}, question(1).join_key, 42);
  approve_ = true;
  ASSERT_TRUE(eventually([&] { return pool_->metrics()[0]->verdicts[0].value() == 1; }));
  ASSERT_TRUE(pool_->ask(question(2)));
  const Answer answer = sink_.wait(2);
  expect_answer(answer, Verdict::approved, true);
  EXPECT_TRUE(answer.joined);
  EXPECT_EQ(server_.count(kCreateV2), 1);
}

TEST_F(HeldPoolTest, AfterTheGraceItIsForgotten) {
  tuning_.release_grace_ms = 20;
  start();
  ASSERT_TRUE(pool_->ask(question(1)));
  ASSERT_TRUE(eventually([&] { return sum(&VerifyMetrics::pending) == 1; }));
  pool_->release({1}, question(1).join_key, 42);
  ASSERT_TRUE(eventually([&] { return sum(&VerifyMetrics::pending) == 0; }));
  approve_ = true;
  ASSERT_TRUE(pool_->ask(question(2)));
  EXPECT_FALSE(sink_.wait(2).joined);
  EXPECT_EQ(server_.count(kCreateV2), 2);
  EXPECT_EQ(sink_.answers(1), 0u);
}

TEST_F(HeldPoolTest, OneOfTwoLeavingReleasesNothing) {
  start();
  ASSERT_TRUE(pool_->ask(question(1)));
  ASSERT_TRUE(pool_->ask(question(2)));
  pool_->release({1}, question(1).join_key, 42);
  ASSERT_TRUE(pool_->ask(question(3, 3)));  // in order: once it is taken, so is the release
  ASSERT_TRUE(eventually([&] { return sum(&VerifyMetrics::questions) == 3; }));
  approve_ = true;
  expect_answer(sink_.wait(2), Verdict::approved, true);
  EXPECT_EQ(sum(&VerifyMetrics::released), 0u);
  EXPECT_EQ(sink_.answers(1), 0u);
}

TEST_F(HeldPoolTest, BeyondTheBoundThereIsNoPush) {
  settings_.max_pending = 1;
  start();
  ASSERT_TRUE(pool_->ask(question(1, 1)));
  ASSERT_TRUE(pool_->ask(question(2, 2)));
  expect_answer(sink_.wait(2), Verdict::unavailable, false, "too many pending verifications");
  approve_ = true;
  expect_answer(sink_.wait(1), Verdict::approved, true);
  ASSERT_TRUE(pool_->ask(question(3, 3)));  // there is room again
  expect_answer(sink_.wait(3), Verdict::approved, true);
  EXPECT_EQ(server_.count(kCreateV2), 2);
}

TEST_F(HeldPoolTest, BeyondThoseThatMayJoinAQuestionNobodyIsUnasked) {
  std::atomic<bool> create{false};
  service_.on_create = [&](const TestRequest&) {
    while (!create) std::this_thread::yield();
    return TestReply{.status = 201, .body = R"({"uuid":"u-1","username":"jdoe"})"};
  };
  start();
  const std::uint64_t joined = VerificationTable::kMaxWaiters;
  for (std::uint64_t ticket = 1; ticket <= joined + 1; ++ticket)
    ASSERT_TRUE(eventually([&] { return pool_->ask(question(ticket)); }));
  // The create has not been answered, but the phone may ring any time.
  expect_answer(sink_.wait(joined + 1), Verdict::unavailable, true,
                "too many pending verifications");
  create = approve_ = true;
  expect_answer(sink_.wait(joined), Verdict::approved, true);
}

TEST_F(HeldPoolTest, StopsWithVerificationsPending) {
  settings_.threads = 2;
  start();
  for (std::uint64_t i = 1; i <= 50; ++i) {
    Question made = question(i, static_cast<std::uint8_t>(i));
    made.user_hash = i;
    ASSERT_TRUE(pool_->ask(made));
  }
  ASSERT_TRUE(eventually([&] { return server_.count(kPollV2) >= 50; }));
  pool_->stop();
  EXPECT_EQ(sum(&VerifyMetrics::pending), 0u);
}

}  // namespace
}  // namespace sallyport::verify
