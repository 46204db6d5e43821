// Wrong answers: who is locked out by them, and who is not.

#include "verify/gate/lockout.h"

#include <gtest/gtest.h>

#include "tests/verify/gate/gate_harness.h"

namespace sallyport::verify {
namespace {

GateSettings strict_settings() {
  GateSettings settings = plain_settings();
  settings.factors = {Factor::otp};
  settings.tries = 3;
  settings.lock_after = 3;
  settings.guard_after = 0;
  return settings;
}

struct Locked {
  World world;
  std::string secret;
  explicit Locked(const GateSettings& settings = strict_settings()) : world(settings) {
    secret = world.give_app("alice");
  }
  GateReply answer(Browser& browser, const std::string& user, const std::string& code) {
    browser.start(user);
    return browser.submit("/code", {{"code", code}});
  }
  /// As many wrong answers as are taken from there; returns how many.
  int fail_from(const std::string& address, const std::string& user = "alice", int most = 3) {
    int taken = 0;
    for (int i = 0; i < most; ++i) {
      Browser browser(world, address);
      if (answer(browser, user, "000000").view.error != GateError::locked) ++taken;
    }
    return taken;
  }
};

// doorman 4: nothing kept anybody from trying all codes.
TEST(Lockout, Defect4TheRightCodeIsRefusedWhileLocked) {
  Locked locked;
  EXPECT_EQ(locked.fail_from("192.0.2.1", "alice", 5), 3);
  Browser browser(locked.world);
  const GateReply refused = locked.answer(browser, "alice", locked.world.app_code(locked.secret));
  EXPECT_EQ(refused.view.error, GateError::locked);
  EXPECT_EQ(refused.status, 429);
  EXPECT_GT(refused.retry_after_s, 0);
  EXPECT_TRUE(locked.world.keeper.all().empty());
  locked.world.pass(locked.world.settings.lock_ms);
  EXPECT_EQ(browser.submit("/code", {{"code", locked.world.app_code(locked.secret)}}).view.page,
            PageId::done);
}

TEST(Lockout, OthersAreNotAffected) {
  Locked locked;
  const std::string secret = locked.world.give_app("bob");
  locked.fail_from("192.0.2.1");
  Browser bob(locked.world);
  EXPECT_EQ(locked.answer(bob, "bob", locked.world.app_code(secret)).view.page, PageId::done);
}

TEST(Lockout, CannotBeAimedAtAVictimElsewhere) {
  Locked locked;
  for (const char* address : {"198.51.100.1", "198.51.100.2", "198.51.100.3"}) {
    locked.fail_from(address, "alice", 5);
  }
  Browser alice(locked.world);
  EXPECT_EQ(locked.answer(alice, "alice", locked.world.app_code(locked.secret)).view.page,
            PageId::done);
}

TEST(Lockout, CannotBeAimedAtASignedInBrowserBehindTheSameAddress) {
  Locked locked;
  Browser alice(locked.world);
  locked.answer(alice, "alice", locked.world.app_code(locked.secret));
  locked.fail_from("192.0.2.1", "alice", 5);
  locked.world.pass(30'000);
  EXPECT_EQ(locked.answer(alice, "alice", locked.world.app_code(locked.secret)).view.page,
            PageId::done);
}

TEST(Lockout, HoldsForSpellingsThatOnlyTheDirectoryKnows) {
  GateSettings settings = strict_settings();
  settings.factors = {Factor::token};
  World world(settings);
  const auto fail_as = [&world](const std::string& spelling) {
    world.directory.users.emplace(spelling, world.directory.users.at("alice"));
    Browser browser(world);
    browser.start(spelling);
    world.run_jobs();
    return browser.submit("/code", {{"code", "none"}}).view.error;
  };
  for (const char* const spelling : {"a lice", "al ice", "ali ce"}) {
    EXPECT_EQ(fail_as(spelling), GateError::bad_code) << spelling;
  }
  EXPECT_EQ(fail_as("alic e"), GateError::locked);
}

TEST(Lockout, HoldsForTheWholePrefixAndEverySpelling) {
  Locked locked;
  locked.fail_from("2001:db8::1", "alice", 1);
  locked.fail_from("2001:db8::2", "ALICE", 1);
  locked.fail_from("2001:db8::3", "Alice", 1);
  EXPECT_EQ(locked.fail_from("2001:db8::ffff:1", "alice", 1), 0);
  EXPECT_EQ(locked.fail_from("2001:db8:0:1::1", "alice", 1), 1) << "the next prefix";
}

TEST(Lockout, OutlivesTheProcessAndHoldsOnAllNodes) {
  Locked locked;
  locked.fail_from("192.0.2.1");
  locked.world.gate = locked.world.another_gate();
  EXPECT_EQ(locked.fail_from("192.0.2.1", "alice", 1), 0);
}

TEST(Lockout, ARightAnswerForgetsTheWrongOnes) {
  Locked locked;
  EXPECT_EQ(locked.fail_from("192.0.2.1", "alice", 2), 2);
  Browser browser(locked.world);
  EXPECT_EQ(locked.answer(browser, "alice", locked.world.app_code(locked.secret)).view.page,
            PageId::done);
  EXPECT_EQ(locked.fail_from("192.0.2.1", "alice", 5), 3);
}

TEST(Lockout, LocksForUsersWhoAreNot) {
  Locked locked;
  EXPECT_EQ(locked.fail_from("192.0.2.1", "nobody", 5), 3);
}

GateSettings guarded_settings() {
  GateSettings settings = strict_settings();
  settings.guard_after = 4;
  return settings;
}

TEST(Guard, AfterManyWrongAnswersOnlyKnownPlacesMayTry) {
  Locked locked(guarded_settings());
  Browser home(locked.world, "192.0.2.1");
  locked.answer(home, "alice", locked.world.app_code(locked.secret));
  locked.world.pass(30'000);
  locked.fail_from("198.51.100.1", "alice", 2);
  locked.fail_from("198.51.100.2", "alice", 2);
  EXPECT_EQ(locked.fail_from("198.51.100.3", "alice", 1), 0) << "an attacker's next address";
  EXPECT_TRUE(locked.world.has_audited("guarded"));
  // From home, even with a browser that has no cookie of before.
  Browser other(locked.world, "192.0.2.1");
  EXPECT_EQ(locked.answer(other, "alice", locked.world.app_code(locked.secret)).view.page,
            PageId::done);
  // On the way, with the browser that is signed in.
  locked.world.pass(30'000);
  home.visitor = *IpAddress::parse("203.0.113.77");
  EXPECT_EQ(locked.answer(home, "alice", locked.world.app_code(locked.secret)).view.page,
            PageId::done);
}

TEST(Guard, EndsAfterAnHour) {
  Locked locked(guarded_settings());
  locked.fail_from("198.51.100.1", "alice", 2);
  locked.fail_from("198.51.100.2", "alice", 2);
  EXPECT_EQ(locked.fail_from("198.51.100.3", "alice", 1), 0);
  locked.world.pass(3'600'000);
  EXPECT_EQ(locked.fail_from("198.51.100.3", "alice", 1), 1);
}

TEST(Lockout, NoMoreAreLookedAtHoweverManyAskAtOnce) {
  // Two visits from one address, the second between the calls of the first: never are more answers
  // looked at than there are.
  bool more = true;
  for (std::uint64_t n = 1; more; ++n) {
    GateSettings settings = strict_settings();
    settings.lock_after = 1;
    Locked locked(settings);
    Browser first(locked.world);
    Browser second(locked.world);
    first.start("alice");
    second.start("alice");
    GateReply inner;
    locked.world.store.interrupt_at(n, [&] { inner = second.post("/code", {{"code", "000000"}}); });
    const GateReply outer = first.post("/code", {{"code", "000000"}});
    more = !locked.world.store.forget_interrupt();
    if (!more) break;
    const int looked_at = (inner.view.error == GateError::bad_code ? 1 : 0) +
                          (outer.view.error == GateError::bad_code ? 1 : 0);
    EXPECT_EQ(looked_at, 1) << "at call " << n;
  }
}

TEST(Operators, SeeAndUnlockAndReset) {
  Locked locked;
  World& world = locked.world;
  Browser browser(world);
  locked.answer(browser, "alice", world.app_code(locked.secret));
  locked.fail_from("198.51.100.1");
  const std::string shown = world.gate->show_user("alice");
  for (const char* line :
       {"user: alice\n", "directory: knows him, Alice\n", "grant: ", "app: registered ",
        "recovery codes left: 10\n", "session: ", "wrong answers: 3 from 198.51.100.1"}) {
    EXPECT_NE(shown.find(line), std::string::npos) << line << " in\n" << shown;
  }
  EXPECT_EQ(world.gate->unlock_user("alice"), true);
  EXPECT_EQ(locked.fail_from("198.51.100.1", "alice", 1), 1);
  EXPECT_EQ(world.gate->reset_otp("alice"), true);
  EXPECT_NE(world.gate->show_user("alice").find("app: none\n"), std::string::npos);
  EXPECT_EQ(world.gate->reset_otp("alice"), false);
  EXPECT_EQ(world.gate->reset_passkeys("alice"), false);
  EXPECT_EQ(world.gate->unlock_user("nobody"), false);
  world.store.be_away(true);
  EXPECT_FALSE(world.gate->unlock_user("alice"));
  EXPECT_FALSE(world.gate->reset_otp("alice"));
  EXPECT_FALSE(world.gate->reset_passkeys("alice"));
  EXPECT_NE(world.gate->show_user("alice").find("the store cannot be asked"), std::string::npos);
}

}  // namespace
}  // namespace sallyport::verify
