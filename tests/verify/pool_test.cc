// The whole pool against a small HTTP server: threads, libcurl, joining, releasing, delivering. The
// inner times are shortened; nothing here depends on how long anything takes.

#include "verify/pool.h"

#include <condition_variable>
#include <map>
#include <mutex>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/verify/test_server.h"
#include "verify/clock.h"
#include "verify/pool_tuning.h"

namespace sallyport::verify {
namespace {

constexpr auto kPatience = std::chrono::seconds(30);

/// Keeps answers, and refuses them while it is told to.
class Sink final : public VerdictSink {
 public:
  bool deliver(const Answer& answer) noexcept override {
    const std::lock_guard lock(mutex_);
    ++offers_;
    changed_.notify_all();
    if (full_) return false;
    answers_.emplace(answer.ticket.value, answer);
    return true;
  }
  /// Waits for the answer to this ticket.
  Answer wait(std::uint64_t ticket) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, kPatience, [&] { return answers_.contains(ticket); });
    EXPECT_TRUE(came) << "no answer to ticket " << ticket;
    return came ? answers_.find(ticket)->second : Answer{};
  }
  void wait_for_offers(int offers) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return offers_ >= offers; }));
  }
  void set_full(bool full) {
    const std::lock_guard lock(mutex_);
    full_ = full;
  }
  std::size_t answers(std::uint64_t ticket) {
    const std::lock_guard lock(mutex_);
    return answers_.count(ticket);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<std::uint64_t, Answer> answers_;
  int offers_ = 0;
  bool full_ = false;
};

/// A Notakey service: what it answers is set by each test. Called under the server's lock.
class Service {
 public:
  TestReply operator()(const TestRequest& request) {
    if (request.path == "/api/token") return on_token(request);
    if (request.method == "POST") return on_create(request);
    if (request.path.find("/auth") != std::string::npos) return on_poll(request);
    return {.body = R"({"id":"svc","display_name":"VPN"})"};
  }

  std::function<TestReply(const TestRequest&)> on_token = [](const TestRequest&) {
    return TestReply{.body = R"({"access_token":"good","expires_in":7200})"};
  };
  std::function<TestReply(const TestRequest&)> on_create = [](const TestRequest&) {
    return TestReply{.status = 201, .body = R"({"uuid":"u-1","username":"jdoe"})"};
  };
  std::function<TestReply(const TestRequest&)> on_poll = [](const TestRequest&) {
    return TestReply{.body = result(R"("response_type":"ApproveRequest")")};
  };

  static std::string result(const std::string& fields) {
    return R"({"uuid":"u-1","username":"jdoe",)" + fields + "}";
  }
};

class PoolTest : public testing::Test {
 protected:
  PoolTest() {
    settings_.notakey.access_id = "svc";
    settings_.notakey.action = "VPN";
    settings_.notakey.description = "Log in as {user}?";
    tuning_.poll.interval_ms = 10;
    tuning_.poll.max_interval_ms = 20;
    tuning_.redeliver_ms = 1;
  }
  void use_v3() {
    settings_.notakey.v3 = true;
    settings_.notakey.client_id = "id";
    settings_.notakey.client_secret = Secret(std::string_view{"secret"});
  }
  void start() {
    settings_.notakey.host = server_.origin();
    pool_.emplace(settings_, sink_, tuning_);
    pool_->start();
  }
  Question question(std::uint64_t ticket, std::uint8_t key = 1) {
    Question made;
    made.ticket = {ticket};
    made.join_key.octets[0] = key;
    made.user_hash = 42;
    made.asked_ns = monotonic_ns();
    made.user.assign(std::string_view{"jdoe"});
    return made;
  }
  Answer ask_one() {
    EXPECT_TRUE(pool_->ask(question(1)));
    return sink_.wait(1);
  }
  std::uint64_t sum(Counter VerifyMetrics::* counter) const {
    std::uint64_t total = 0;
    for (const VerifyMetrics* metrics : pool_->metrics()) total += (metrics->*counter).value();
    return total;
  }
  /// Until the condition holds; false when patience ends.
  template <typename Condition>
  static bool eventually(Condition&& condition) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  PoolSettings settings_;
  PoolTuning tuning_;
  Sink sink_;
  Service service_;
  TestServer server_{[this](const TestRequest& request) { return service_(request); }};
  std::optional<Pool> pool_;
};

void expect_answer(const Answer& answer, Verdict verdict, bool push_out, const char* detail = "") {
  EXPECT_EQ(to_text(answer.verdict), std::string(to_text(verdict)));
  EXPECT_EQ(answer.push_out, push_out);
  EXPECT_EQ(answer.detail.view(), detail);
}

constexpr const char* kCreateV2 = "POST /api/v2/application/svc/application_user/jdoe/auth_request";
constexpr const char* kPollV2 = "GET /api/v2/application/svc/auth_request/u-1";

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
  settings_.notakey.ttl_ms = 200;
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
  Question bad = question(1);
  bad.user.assign(std::string_view{"a\xff"});
  ASSERT_TRUE(pool_->ask(bad));
  expect_answer(sink_.wait(1), Verdict::unavailable, false, "user name or host not usable");
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
