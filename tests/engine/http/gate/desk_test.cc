#include "engine/http/gate/desk.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sallyport::http_door {
namespace {

using Kind = verify::GateReply::Kind;

/// Long enough for any machine: what has not happened then, never will.
constexpr std::chrono::seconds kPatience{20};

/// For what tells nobody when it happens.
template <typename Condition>
void wait_until(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) {
      ADD_FAILURE() << "it does not happen";
      return;
    }
    std::this_thread::yield();
  }
}

/// The gate and the shard's mailbox, played by a test.
class Lab {
 public:
  ~Lab() {
    open_all();
    desk_.reset();
    for (GateErrand* const errand : delivered_) delete errand;
  }

  Desk& open(const DeskPlan& plan) {
    desk_ = std::make_unique<Desk>(plan);
    desk_->start({.answer = [this](GateErrand& errand) { answer(errand); },
                  .finish = [](GateErrand& errand) { errand.answer.head.status = 299; },
                  .deliver =
                      [this](GateErrand* errand) {
                        const std::scoped_lock lock(mutex_);
                        if (full_) return false;
                        delivered_.push_back(errand);
                        changed_.notify_all();
                        return true;
                      }});
    return *desk_;
  }

  /// Asks about `path` in the name of exchange `number`.
  [[nodiscard]] bool ask(std::uint32_t number, std::string_view path = "/visit",
                         std::string_view visit = {}) {
    auto errand = std::make_unique<GateErrand>();
    errand->ticket = {.exchange = number, .generation = 1, .shard = 0};
    errand->request.path = path;
    errand->request.visit_cookie = visit;
    const bool taken = desk_->ask(errand);
    EXPECT_EQ(errand == nullptr, taken);
    return taken;
  }

  /// Those that were delivered, once there are `count` of them.
  std::vector<std::uint32_t> wait_delivered(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return delivered_.size() >= count; }));
    std::vector<std::uint32_t> numbers;
    for (const GateErrand* const errand : delivered_) numbers.push_back(errand->ticket.exchange);
    return numbers;
  }
  void wait_asked(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return asked_ >= count; }));
  }
  void wait_held(std::size_t count) {
    wait_until([&] { return desk_->counts().held == count; });
  }

  void hold(bool on) {
    const std::scoped_lock lock(mutex_);
    holding_ = on;
  }
  void block() {
    const std::scoped_lock lock(mutex_);
    blocked_ = true;
  }
  void open_all() {
    const std::scoped_lock lock(mutex_);
    blocked_ = false;
    full_ = false;
    changed_.notify_all();
  }
  void fill_mailbox() {
    const std::scoped_lock lock(mutex_);
    full_ = true;
  }
  [[nodiscard]] std::size_t asked() {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }
  /// Runs while the gate answers a question, before it says hold.
  std::function<void()> meanwhile;
  std::uint32_t hold_ms = 60'000;

 private:
  void answer(GateErrand& errand) {
    std::unique_lock lock(mutex_);
    ++asked_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !blocked_; });
    if (!holding_) return;
    lock.unlock();
    if (meanwhile) std::exchange(meanwhile, nullptr)();
    errand.reply.kind = Kind::hold;
    errand.reply.held_visit = errand.request.visit_cookie;
    errand.reply.hold_ms = hold_ms;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t asked_ = 0;
  bool holding_ = false;
  bool blocked_ = false;
  bool full_ = false;
  std::vector<GateErrand*> delivered_;
  std::unique_ptr<Desk> desk_;
};

TEST(Desk, BringsTheAnswerBack) {
  Lab lab;
  Desk& desk = lab.open({.threads = 2});
  ASSERT_TRUE(lab.ask(7, "/start"));
  EXPECT_EQ(lab.wait_delivered(1), std::vector<std::uint32_t>{7});
  const auto path = find_gate_path("/start");
  EXPECT_EQ(desk.counts().answers[*path][static_cast<std::size_t>(GateOutcome::page)], 1u);
  EXPECT_EQ(desk.counts().waiting, 0u);
}

TEST(Desk, RefusesWhatItHasNoRoomFor) {
  Lab lab;
  Desk& desk = lab.open({.threads = 1, .questions = 2});
  lab.block();
  ASSERT_TRUE(lab.ask(0));
  lab.wait_asked(1);  // the thread has it
  EXPECT_TRUE(lab.ask(1));
  EXPECT_TRUE(lab.ask(2));
  EXPECT_FALSE(lab.ask(3));
  EXPECT_EQ(desk.counts().refused, 1u);
  lab.open_all();
  EXPECT_EQ(lab.wait_delivered(3), (std::vector<std::uint32_t>{0, 1, 2}));
}

TEST(Desk, AsksAgainWhenTheVisitChanges) {
  Lab lab;
  lab.hold(true);
  Desk& desk = lab.open({.threads = 2});
  ASSERT_TRUE(lab.ask(1, "/wait", "mine"));
  ASSERT_TRUE(lab.ask(2, "/wait", "another"));
  lab.wait_held(2);
  lab.hold(false);
  desk.notify("mine");
  EXPECT_EQ(lab.wait_delivered(1), std::vector<std::uint32_t>{1});
  EXPECT_EQ(desk.counts().held, 1u) << "the other visit has not changed";
}

TEST(Desk, MissesNoChangeThatComesWhileTheGateLooks) {
  Lab lab;
  lab.hold(true);
  Desk& desk = lab.open({.threads = 1});
  lab.meanwhile = [&] {
    lab.hold(false);
    desk.notify("mine");
  };
  ASSERT_TRUE(lab.ask(1, "/wait", "mine"));
  EXPECT_EQ(lab.wait_delivered(1), std::vector<std::uint32_t>{1});
  EXPECT_EQ(lab.asked(), 2u);
}

TEST(Desk, AsksAgainWhenTheGateSaidAndNoLongerThanPatienceLasts) {
  Lab lab;
  lab.hold(true);
  lab.hold_ms = 1;
  Desk& desk = lab.open({.threads = 1, .patience_ms = 50});
  ASSERT_TRUE(lab.ask(1, "/wait", "mine"));
  EXPECT_EQ(lab.wait_delivered(1), std::vector<std::uint32_t>{1});
  EXPECT_GT(lab.asked(), 2u);
  const auto path = find_gate_path("/wait");
  EXPECT_EQ(desk.counts().answers[*path][static_cast<std::size_t>(GateOutcome::held)], 1u);
}

TEST(Desk, ForgetsWhoHasGone) {
  Lab lab;
  lab.hold(true);
  Desk& desk = lab.open({.threads = 1});
  ASSERT_TRUE(lab.ask(1, "/wait", "mine"));
  ASSERT_TRUE(lab.ask(2, "/wait", "mine"));
  lab.wait_held(2);
  desk.release({.exchange = 1, .generation = 2, .shard = 0});  // another request in that slot
  desk.release({.exchange = 2, .generation = 1, .shard = 0});
  lab.wait_held(1);
  lab.hold(false);
  desk.notify("mine");
  EXPECT_EQ(lab.wait_delivered(1), std::vector<std::uint32_t>{1});
}

TEST(Desk, HoldsSoManyOfAVisitAndSoManyInAll) {
  Lab lab;
  lab.hold(true);
  lab.open({.threads = 1, .held = 3, .held_of_visit = 2});
  for (const std::uint32_t number : {1u, 2u, 3u}) ASSERT_TRUE(lab.ask(number, "/wait", "mine"));
  EXPECT_EQ(lab.wait_delivered(1), std::vector<std::uint32_t>{1}) << "the oldest";
  ASSERT_TRUE(lab.ask(4, "/wait", "another"));
  ASSERT_TRUE(lab.ask(5, "/wait", "third"));
  EXPECT_EQ(lab.wait_delivered(2), (std::vector<std::uint32_t>{1, 5})) << "no room is left";
}

TEST(Desk, LeavesThreadsToVisitorsWhileJobsTakeLong) {
  std::atomic<int> begun{0};
  std::mutex gate;
  Lab lab;
  Desk& desk = lab.open({.threads = 2});
  std::unique_lock shut(gate);
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(desk.later([&] {
      ++begun;
      const std::scoped_lock lock(gate);
    }));
  }
  wait_until([&] { return begun > 0; });
  // Between two answers the other thread looks for work each time.
  for (std::uint32_t number = 1; number <= 20; ++number) {
    ASSERT_TRUE(lab.ask(number));
    ASSERT_EQ(lab.wait_delivered(number).size(), number);
  }
  EXPECT_EQ(begun, 1);
  shut.unlock();
  wait_until([&] { return begun == 8; });
}

TEST(Desk, RefusesJobsWithoutRoom) {
  Lab lab;
  Desk& desk = lab.open({.threads = 1, .jobs = 2});
  lab.block();
  ASSERT_TRUE(lab.ask(0));
  lab.wait_asked(1);
  int done = 0;
  EXPECT_TRUE(desk.later([&done] { ++done; }));
  EXPECT_TRUE(desk.later([&done] { ++done; }));
  EXPECT_FALSE(desk.later([&done] { ++done; }));
  EXPECT_EQ(desk.counts().jobs_refused, 1u);
  lab.open_all();
  wait_until([&] { return desk.counts().waiting == 0; });
  desk.stop();
  EXPECT_EQ(done, 2);
}

TEST(Desk, WaitsForRoomInTheMailbox) {
  Lab lab;
  lab.open({.threads = 1});
  lab.fill_mailbox();
  ASSERT_TRUE(lab.ask(1));
  lab.wait_asked(1);
  lab.open_all();
  EXPECT_EQ(lab.wait_delivered(1), std::vector<std::uint32_t>{1});
}

TEST(Desk, LetsGoOfAllThatItHolds) {
  Lab lab;
  lab.hold(true);
  Desk& desk = lab.open({.threads = 1});
  ASSERT_TRUE(lab.ask(1, "/wait", "mine"));
  lab.wait_held(1);
  desk.let_go();
  EXPECT_EQ(lab.wait_delivered(1), std::vector<std::uint32_t>{1});
  ASSERT_TRUE(lab.ask(2, "/wait", "mine"));
  EXPECT_EQ(lab.wait_delivered(2), (std::vector<std::uint32_t>{1, 2}));
}

}  // namespace
}  // namespace sallyport::http_door
