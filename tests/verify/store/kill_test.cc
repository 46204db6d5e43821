// kill -9 at random moments under load: what was confirmed is there afterwards, what was revoked is
// not. SALLYPORT_KILL_ROUNDS=100 runs more rounds than the default.

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/check.h"
#include "tests/verify/store/store_world.h"
#include "verify/clock.h"
#include "verify/store/sqlite_store.h"

namespace sallyport::verify {
namespace {

constexpr int kThreads = 4;
constexpr int kDefaultRounds = 15;
constexpr int kOpenForMs = 25;  ///< the longest that a victim lives after its first word

enum class Deed : std::uint8_t { make, revoke, number };
/// Before the call, and again once the store has confirmed it. Fits in one write to a pipe.
struct Report {
  bool confirmed = false;
  Deed deed = Deed::make;
  RecordKind kind = RecordKind::grant;
  std::uint32_t thread = 0;
  std::uint64_t id = 0;  ///< or the number
};

/// What the tester knows of a record.
enum class Known : std::uint8_t { there, gone, either };

RecordKey key_of(const Report& report) {
  return {.kind = report.kind, .group = "", .id = std::to_string(report.id)};
}

/// Grants, registrations and revocations until it is killed.
void be_busy(Store& store, std::uint32_t thread, std::uint64_t first, int out) {
  const auto say = [out](Report report, bool confirmed) {
    report.confirmed = confirmed;
    CHECK(::write(out, &report, sizeof report) == sizeof report);
  };
  for (std::uint64_t id = first;; ++id) {
    Report report{.thread = thread, .id = id};
    for (const RecordKind kind : {RecordKind::grant, RecordKind::otp}) {
      report.kind = kind;
      report.deed = Deed::make;
      say(report, false);
      const RecordKey key = key_of(report);
      const bool made = kind == RecordKind::grant
                            ? store.put(key, key.id, unix_ms() + 3'600'000).has_value()
                            : store.add(key, key.id, 0).value_or(false);
      CHECK(made);
      say(report, true);
    }
    if (id % 2 == 0) {
      report.kind = id % 4 == 0 ? RecordKind::grant : RecordKind::otp;
      report.deed = Deed::revoke;
      say(report, false);
      CHECK(store.remove(key_of(report)).value_or(false));
      say(report, true);
    }
    report.deed = Deed::number;
    report.id = store.next_number("grant").value();
    say(report, true);
  }
}

/// Forks one that works on the store until it is killed; returns its pid.
::pid_t start_victim(const std::string& path, std::uint64_t round, int out) {
  const ::pid_t victim = ::fork();
  CHECK(victim >= 0);
  if (victim > 0) return victim;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto store = SqliteStore::open({.path = path});
  CHECK(store.has_value());
  std::vector<std::thread> threads;
  for (std::uint32_t thread = 0; thread < kThreads; ++thread) {
    const std::uint64_t first = (round * kThreads + thread) * 1'000'000;
    threads.emplace_back([&store, thread, first, out] { be_busy(**store, thread, first, out); });
  }
  for (;;) ::pause();
}

class KillTest : public testing::Test {
 protected:
  using Name = std::pair<RecordKind, std::string>;

  void take_in(const Report& report) {
    ++reports_;
    if (report.deed == Deed::number) {
      EXPECT_TRUE(numbers_.insert(report.id).second) << report.id << " was given twice";
      return;
    }
    const Known after = report.deed == Deed::make ? Known::there : Known::gone;
    known_[{report.kind, std::to_string(report.id)}] = report.confirmed ? after : Known::either;
  }

  void one_round(std::uint64_t round) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
    const ::pid_t victim = start_victim(path_, round, pipe[1]);
    ::close(pipe[1]);
    std::uint64_t kill_at_ms = 0;
    Report report;
    for (;;) {
      ::pollfd watched{.fd = pipe[0], .events = POLLIN, .revents = 0};
      const std::uint64_t now_ms = monotonic_ms();
      if (kill_at_ms != 0 && now_ms >= kill_at_ms) break;
      ::poll(&watched, 1, kill_at_ms == 0 ? 10'000 : static_cast<int>(kill_at_ms - now_ms));
      if (watched.revents == 0) {
        ASSERT_NE(kill_at_ms, 0U) << "the victim does nothing";
        break;
      }
      ASSERT_EQ(::read(pipe[0], &report, sizeof report), static_cast<ssize_t>(sizeof report));
      take_in(report);
      if (kill_at_ms == 0) kill_at_ms = monotonic_ms() + random_() % kOpenForMs;
    }
    ::kill(victim, SIGKILL);
    ::waitpid(victim, nullptr, 0);
    while (::read(pipe[0], &report, sizeof report) == static_cast<ssize_t>(sizeof report)) {
      take_in(report);
    }
    ::close(pipe[0]);
  }

  void look_after() {
    const auto store = SqliteStore::open({.path = path_});
    ASSERT_TRUE(store.has_value()) << store.error();
    std::map<Name, std::string> there;
    for (const RecordKind kind : {RecordKind::grant, RecordKind::otp}) {
      const auto listed = (*store)->list(kind, "");
      ASSERT_TRUE(listed.has_value());
      for (const ListedRecord& one : *listed) there[{kind, one.id}] = one.record.value;
    }
    for (auto& [name, known] : known_) {
      const auto found = there.find(name);
      const bool is_there = found != there.end();
      EXPECT_FALSE(known == Known::there && !is_there) << name.second << " is lost";
      EXPECT_FALSE(known == Known::gone && is_there) << name.second << " is back";
      known = is_there ? Known::there : Known::gone;
      if (!is_there) continue;
      EXPECT_EQ(found->second, name.second);
      there.erase(found);
    }
    EXPECT_TRUE(there.empty()) << there.begin()->first.second << " was never made";
  }

  ScratchFolder folder_;
  const std::string path_ = folder_.file("state.db");
  std::map<Name, Known> known_;
  std::set<std::uint64_t> numbers_;
  std::mt19937 random_{std::random_device{}()};
  std::uint64_t reports_ = 0;
};

TEST_F(KillTest, WhatIsConfirmedOutlivesKill9) {
  const char* const wanted = std::getenv("SALLYPORT_KILL_ROUNDS");
  const int rounds = wanted == nullptr ? kDefaultRounds : std::atoi(wanted);
  ASSERT_GT(rounds, 0);
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    one_round(static_cast<std::uint64_t>(round));
    look_after();
  }
  EXPECT_GT(reports_, static_cast<std::uint64_t>(rounds));
  RecordProperty("rounds", rounds);
  RecordProperty("reports", static_cast<int>(reports_));
}

}  // namespace
}  // namespace sallyport::verify
