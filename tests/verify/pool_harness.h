#pragma once
// The whole pool against a small HTTP server: threads, libcurl, joining, releasing, delivering. The
// inner times are shortened; nothing here depends on how long anything takes.

#include <condition_variable>
#include <map>
#include <mutex>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/verify/test_server.h"
#include "verify/clock.h"
#include "verify/pool.h"
#include "verify/pool_tuning.h"

namespace sallyport::verify {

inline constexpr auto kPatience = std::chrono::seconds(30);

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

inline void expect_answer(const Answer& answer, Verdict verdict, bool push_out,
                          const char* detail = "") {
  EXPECT_EQ(to_text(answer.verdict), std::string(to_text(verdict)));
  EXPECT_EQ(answer.push_out, push_out);
  EXPECT_EQ(answer.detail.view(), detail);
}

inline constexpr const char* kCreateV2 =
    "POST /api/v2/application/svc/application_user/jdoe/auth_request";
inline constexpr const char* kPollV2 = "GET /api/v2/application/svc/auth_request/u-1";

}  // namespace sallyport::verify
