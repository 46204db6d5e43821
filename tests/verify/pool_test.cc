// One question at a time: every way in which it can end.

#include "verify/pool.h"

#include <gtest/gtest.h>

#include "tests/verify/pool_harness.h"

namespace sallyport::verify {
namespace {

TEST_F(PoolTest, ApprovedInV2) {
  start();
  expect_answer(ask_one(), Verdict::approved, true);
  EXPECT_EQ(server_.count(kCreateV2), 1);
  EXPECT_EQ(server_.count(kPollV2), 1);
  EXPECT_EQ(sum(&VerifyMetrics::pushes), 1u);
  EXPECT_EQ(sum(&VerifyMetrics::pending), 0u);
  for (const TestRequest& request : server_.requests()) {
    EXPECT_FALSE(request.headers.contains("Authorization"));
    if (request.method == "POST") {
      EXPECT_EQ(request.body,
                R"({"action":"VPN","description":"Log in as jdoe?","ttl_seconds":60})");
    }
  }
}

TEST_F(PoolTest, ApprovedInV3WithOneTokenForAll) {
  use_v3();
  start();
  expect_answer(ask_one(), Verdict::approved, true);
  ASSERT_TRUE(pool_->ask(question(2, 2)));
  expect_answer(sink_.wait(2), Verdict::approved, true);
  EXPECT_EQ(server_.count("POST /api/token"), 1);
  EXPECT_EQ(server_.count("POST /api/v3/services/svc/auth"), 2);
  for (const TestRequest& request : server_.requests()) {
    if (request.path == "/api/token") continue;
    EXPECT_TRUE(request.headers.contains("Authorization: Bearer good\r\n")) << request.headers;
  }
}

TEST_F(PoolTest, PendingIsPolledUntilTheAnswer) {
  int polls = 0;
  service_.on_poll = [&](const TestRequest&) {
    return TestReply{.body = Service::result(++polls < 4 ? R"("response_type":null,"expired":false)"
                                                         : R"("response_type":"DenyRequest")")};
  };
  start();
  expect_answer(ask_one(), Verdict::denied, true);
  EXPECT_EQ(polls, 4);
}

TEST_F(PoolTest, ExpiredByTheService) {
  service_.on_poll = [](const TestRequest&) {
    return TestReply{.body = Service::result(R"("expired":true)")};
  };
  start();
  expect_answer(ask_one(), Verdict::expired, true);
}

TEST_F(PoolTest, ExpiredByOurDeadline) {
  settings_.notakey.ttl_ms = 2'000;  // long enough for the push to get out on a slow machine
  service_.on_poll = [](const TestRequest&) {
    return TestReply{.body = Service::result(R"("expired":false)")};
  };
  start();
  expect_answer(ask_one(), Verdict::expired, true);
}

TEST_F(PoolTest, UnknownUserInBothVersions) {
  service_.on_create = [](const TestRequest&) {
    return TestReply{.status = 404, .body = R"({"errors":[]})"};
  };
  use_v3();
  start();
  expect_answer(ask_one(), Verdict::unknown_user, false, "http 404");
}

TEST_F(PoolTest, NameThatIsNobodysIsNeverSent) {
  start();
  std::uint8_t number = 0;
  for (const std::string_view name :
       {std::string_view("a\xff"), std::string_view("jdoe\0", 5), std::string_view("jdoe\x01"),
        std::string_view("."), std::string_view("..")}) {
    ++number;
    Question bad = question(number, number);
    bad.user.assign(name);
    ASSERT_TRUE(pool_->ask(bad));
    expect_answer(sink_.wait(number), Verdict::unknown_user, false, "user name or host not usable");
  }
  EXPECT_EQ(server_.count("POST"), 0);
}

TEST_F(PoolTest, ServerErrorLeavesNoPushOut) {
  service_.on_create = [](const TestRequest&) { return TestReply{.status = 500, .body = "oops"}; };
  start();
  expect_answer(ask_one(), Verdict::unavailable, false, "http 500");
}

TEST_F(PoolTest, NobodyListening) {
  settings_.notakey.host = "http://127.0.0.1:1";
  pool_.emplace(settings_, sink_, tuning_);
  pool_->start();
  expect_answer(ask_one(), Verdict::unavailable, false, "connection refused");
}

TEST_F(PoolTest, RetryAfterIsObeyed) {
  int creates = 0;
  service_.on_create = [&](const TestRequest&) {
    if (++creates == 1) return TestReply{.status = 429, .headers = "Retry-After: 1\r\n"};
    return TestReply{.status = 201, .body = R"({"uuid":"u-1"})"};
  };
  start();
  const Answer answer = ask_one();
  expect_answer(answer, Verdict::approved, true);
  EXPECT_EQ(creates, 2);
  EXPECT_GE(answer.waited_ms, 1'000u);
  EXPECT_EQ(sum(&VerifyMetrics::throttled), 1u);
}

TEST_F(PoolTest, CutCreateMayBeAPushAndIsNotRepeated) {
  start();
  expect_answer(ask_one(), Verdict::approved, true);  // a connection is open now and gets reused
  service_.on_create = [](const TestRequest&) { return TestReply{.cut = true}; };
  ASSERT_TRUE(pool_->ask(question(2, 2)));
  expect_answer(sink_.wait(2), Verdict::unavailable, true, "connection cut");
  EXPECT_EQ(server_.count(kCreateV2), 2);
}

TEST_F(PoolTest, GarbageAfterCreateIsAPush) {
  service_.on_create = [](const TestRequest&) { return TestReply{.body = "<html>"}; };
  start();
  expect_answer(ask_one(), Verdict::unavailable, true, "malformed answer");
}

TEST_F(PoolTest, AnswerLongerThanTheBoundIsMalformed) {
  service_.on_create = [](const TestRequest&) {
    return TestReply{.body = R"({"uuid":"u-1","x":")" + std::string(70'000, 'x') + "\"}"};
  };
  start();
  expect_answer(ask_one(), Verdict::unavailable, true, "malformed answer");
}

TEST_F(PoolTest, PollsThatFailAreRepeated) {
  int polls = 0;
  service_.on_poll = [&](const TestRequest&) -> TestReply {
    switch (++polls) {
      case 1: return {.status = 500};
      case 2: return {.body = "garbage"};
      case 3: return {.cut = true};
      default: return {.body = Service::result(R"("response_type":"ApproveRequest")")};
    }
  };
  start();
  expect_answer(ask_one(), Verdict::approved, true);
}

TEST_F(PoolTest, ApprovalOfAnotherUserIsNone) {
  service_.on_poll = [](const TestRequest&) {
    return TestReply{.body =
                         R"({"uuid":"u-1","username":"mallory","response_type":"ApproveRequest"})"};
  };
  start();
  expect_answer(ask_one(), Verdict::unavailable, true, "answer is for another user or request");
}

TEST_F(PoolTest, RefusedTokenIsRenewedOnce) {
  use_v3();
  int tokens = 0;
  service_.on_token = [&](const TestRequest&) {
    return TestReply{.body =
                         fmt::format(R"({{"access_token":"t{}","expires_in":7200}})", ++tokens)};
  };
  service_.on_create = [](const TestRequest& request) {
    if (request.headers.contains("Bearer t1")) return TestReply{.status = 403};
    return TestReply{.status = 201, .body = R"({"uuid":"u-1"})"};
  };
  start();
  expect_answer(ask_one(), Verdict::approved, true);
  EXPECT_EQ(tokens, 2);
}

TEST_F(PoolTest, RefusedTwiceIsUnavailable) {
  use_v3();
  service_.on_create = [](const TestRequest&) { return TestReply{.status = 401}; };
  start();
  expect_answer(ask_one(), Verdict::unavailable, false, "http 401");
  EXPECT_EQ(server_.count("POST /api/v3/services/svc/auth"), 2);
}

TEST_F(PoolTest, NoTokenNoPush) {
  use_v3();
  service_.on_token = [](const TestRequest&) { return TestReply{.status = 401}; };
  start();
  expect_answer(ask_one(), Verdict::unavailable, false, "token: http 401");
  EXPECT_EQ(server_.count("POST /api/v3"), 0);
}

TEST_F(PoolTest, AnswerThatFindsTheSinkFullComesLaterOnce) {
  sink_.set_full(true);
  start();
  ASSERT_TRUE(pool_->ask(question(1)));
  sink_.wait_for_offers(3);
  EXPECT_EQ(sum(&VerifyMetrics::undeliverable), 1u);
  sink_.set_full(false);
  expect_answer(sink_.wait(1), Verdict::approved, true);
  EXPECT_EQ(sink_.answers(1), 1u);
}

TEST_F(PoolTest, ManyUsersOverThreeThreadsEachGetTheirOwnVerdict) {
  settings_.threads = 3;
  service_.on_create = [](const TestRequest& request) {
    const std::string_view path = request.path;
    const auto at = path.find("application_user/") + 17;
    const std::string user(path.substr(at, path.find('/', at) - at));
    return TestReply{.status = 201, .body = fmt::format(R"({{"uuid":"{}"}})", user)};
  };
  service_.on_poll = [](const TestRequest& request) {
    const std::string user = request.path.substr(request.path.rfind('/') + 1);
    const bool even = (user.back() - '0') % 2 == 0;
    return TestReply{.body =
                         fmt::format(R"({{"uuid":"{0}","username":"{0}","response_type":"{1}"}})",
                                     user, even ? "ApproveRequest" : "DenyRequest")};
  };
  start();
  for (std::uint64_t i = 1; i <= 300; ++i) {
    Question made = question(i);
    made.user_hash = i * 0x9e37'79b9'7f4a'7c15;
    made.join_key.octets[1] = static_cast<std::uint8_t>(i);
    made.join_key.octets[2] = static_cast<std::uint8_t>(i >> 8);
    made.user.assign(fmt::format("user{}", i));
    ASSERT_TRUE(pool_->ask(made));
  }
  for (std::uint64_t i = 1; i <= 300; ++i)
    expect_answer(sink_.wait(i), i % 2 == 0 ? Verdict::approved : Verdict::denied, true);
  EXPECT_EQ(sum(&VerifyMetrics::pushes), 300u);
}

TEST_F(PoolTest, HealthIsCheckedAtStartAndSeesChange) {
  tuning_.health_ms = 20;
  tuning_.max_health_ms = 40;
  std::atomic<bool> broken{false};
  service_.on_poll = nullptr;
  TestServer server([&](const TestRequest&) {
    return broken ? TestReply{.status = 503}
                  : TestReply{.body = R"({"id":"svc","display_name":"V"})"};
  });
  settings_.notakey.host = server.origin();
  pool_.emplace(settings_, sink_, tuning_);
  EXPECT_EQ(pool_->health().state, HealthState::not_running);
  pool_->start();
  ASSERT_TRUE(eventually([&] { return pool_->health().state == HealthState::ok; }));
  broken = true;
  ASSERT_TRUE(eventually([&] { return pool_->health().state == HealthState::other_error; }));
  EXPECT_EQ(pool_->health().text, "HTTP 503 from " + server.origin());
  broken = false;
  ASSERT_TRUE(eventually([&] { return pool_->health().state == HealthState::ok; }));
  pool_->stop();
  ASSERT_TRUE(eventually([&] { return pool_->health().state == HealthState::not_running; }));
}

TEST_F(PoolTest, HealthNamesARefusedClient) {
  use_v3();
  service_.on_token = [](const TestRequest&) { return TestReply{.status = 401}; };
  start();
  ASSERT_TRUE(eventually([&] { return pool_->health().state == HealthState::other_error; }));
  EXPECT_TRUE(pool_->health().text.contains("notakey.client_secret"));
  EXPECT_FALSE(pool_->health().text.contains("\"secret\""));
}

}  // namespace
}  // namespace sallyport::verify
