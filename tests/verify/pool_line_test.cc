// Calls that stand in line, and calls spread over several of libcurl's multi handles.

#include <future>

#include <gtest/gtest.h>

#include "tests/verify/pool_harness.h"

namespace sallyport::verify {
namespace {

class PoolLineTest : public PoolTest {
 protected:
  /// Each user gets an approved request of its own.
  void serve_many() {
    service_.on_create = [](const TestRequest& request) {
      const std::string_view path = request.path;
      const auto at = path.find("application_user/") + 17;
      const std::string user(path.substr(at, path.find('/', at) - at));
      return TestReply{.status = 201, .body = fmt::format(R"({{"uuid":"{}"}})", user)};
    };
    service_.on_poll = [](const TestRequest& request) {
      const std::string user = request.path.substr(request.path.rfind('/') + 1);
      return TestReply{
          .body = fmt::format(
              R"({{"uuid":"{0}","username":"{0}","response_type":"ApproveRequest"}})", user)};
    };
  }
  Question question_of(std::uint64_t number) {
    Question made = question(number, static_cast<std::uint8_t>(number));
    made.user.assign(fmt::format("user{}", number));
    return made;
  }
  void ask_many(std::uint64_t count) {
    for (std::uint64_t i = 1; i <= count; ++i) ASSERT_TRUE(pool_->ask(question_of(i)));
  }
};

TEST_F(PoolLineTest, OneCreateAtATimeServesEverybody) {
  tuning_.max_creates = 1;
  serve_many();
  start();
  ask_many(50);
  for (std::uint64_t i = 1; i <= 50; ++i) expect_answer(sink_.wait(i), Verdict::approved, true);
  EXPECT_EQ(server_.count("POST"), 50);
}

TEST_F(PoolLineTest, LanesOfTwoCallsServeEverybody) {
  tuning_.calls_per_lane = 2;
  serve_many();
  start();
  ask_many(50);
  for (std::uint64_t i = 1; i <= 50; ++i) expect_answer(sink_.wait(i), Verdict::approved, true);
}

TEST_F(PoolLineTest, WhoStoodInLineForHalfTheTimeIsNeverAsked) {
  tuning_.max_creates = 1;
  settings_.notakey.ttl_ms = 4'000;
  settings_.notakey.timeout_ms = 2'400;
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  service_.on_create = [&](const TestRequest&) {
    released.wait();
    return TestReply{.status = 500};
  };
  start();
  ask_many(3);
  const Answer first = sink_.wait(1);
  const Answer second = sink_.wait(2);
  const Answer third = sink_.wait(3);
  release.set_value();
  expect_answer(first, Verdict::unavailable, true, "timed out");
  expect_answer(second, Verdict::unavailable, false, "timed out");
  expect_answer(third, Verdict::unavailable, false, "timed out");
  EXPECT_EQ(server_.count("POST"), 1);
}

TEST_F(PoolLineTest, WhoLeavesTheLineIsNeverAsked) {
  tuning_.max_creates = 1;
  tuning_.release_grace_ms = 0;
  serve_many();
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  service_.on_create = [create = service_.on_create, released](const TestRequest& request) {
    released.wait();
    return create(request);
  };
  start();
  ask_many(3);
  ASSERT_TRUE(eventually([&] { return sum(&VerifyMetrics::questions) == 3; }));
  pool_->release({2}, question_of(2).join_key, question_of(2).user_hash);
  ASSERT_TRUE(pool_->ask(question_of(4)));  // a release wakes nobody
  ASSERT_TRUE(eventually(
      [&] { return sum(&VerifyMetrics::questions) == 4 && sum(&VerifyMetrics::pending) == 3; }));
  release.set_value();
  for (const std::uint64_t i : {1, 3, 4}) expect_answer(sink_.wait(i), Verdict::approved, true);
  EXPECT_EQ(sum(&VerifyMetrics::pushes), 3u);
  EXPECT_EQ(sink_.answers(2), 0u);
}

}  // namespace
}  // namespace sallyport::verify
