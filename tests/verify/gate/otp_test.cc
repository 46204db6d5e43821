// Codes of an authenticator app, and recovery codes.

#include <thread>

#include <gtest/gtest.h>

#include "tests/verify/gate/gate_harness.h"

namespace sallyport::verify {
namespace {

GateSettings otp_settings() {
  GateSettings settings = plain_settings();
  settings.factors = {Factor::otp};
  return settings;
}

TEST(Otp, LetsInWhoHasTheApp) {
  World world(otp_settings());
  const std::string secret = world.give_app("alice");
  Browser browser(world);
  EXPECT_EQ(browser.start("alice").view.page, PageId::otp);
  EXPECT_EQ(browser.submit("/code", {{"code", world.app_code(secret)}}).view.page, PageId::done);
  ASSERT_EQ(world.keeper.all().size(), 1);
  EXPECT_EQ(world.keeper.all()[0].by, "otp");
}

TEST(Otp, WrongCodesEndTheVisit) {
  World world(otp_settings());
  const std::string secret = world.give_app("alice");
  Browser browser(world);
  browser.start("alice");
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(browser.submit("/code", {{"code", world.app_code(secret, 7)}}).view.error,
              GateError::bad_code);
  }
  EXPECT_EQ(browser.submit("/code", {{"code", world.app_code(secret, 7)}}).view.page,
            PageId::ended);
  EXPECT_EQ(browser.submit("/code", {{"code", world.app_code(secret)}}).view.page, PageId::ended);
  EXPECT_TRUE(world.keeper.all().empty());
}

// doorman 4: no protection against replay.
TEST(Otp, Defect4AStepIsNotTakenTwice) {
  World world(otp_settings());
  const std::string secret = world.give_app("alice");
  Browser first(world);
  Browser second(world, "198.51.100.7");
  first.start("alice");
  second.start("alice");
  const std::string code = world.app_code(secret);
  EXPECT_EQ(first.submit("/code", {{"code", code}}).view.page, PageId::done);
  EXPECT_EQ(second.submit("/code", {{"code", code}}).view.error, GateError::bad_code);
  EXPECT_EQ(second.submit("/code", {{"code", world.app_code(secret, -1)}}).view.error,
            GateError::bad_code)
      << "nor one before it";
  EXPECT_FALSE(is_open(world, "198.51.100.7"));
  world.pass(30'000);
  EXPECT_EQ(second.submit("/code", {{"code", world.app_code(secret)}}).view.page, PageId::done);
}

TEST(Otp, OfTwoNodesAskedAtOnceOneTakesTheStep) {
  // The second node goes all its way before the n-th call of the first: wherever it comes in, one
  // of them takes the step.
  bool more = true;
  for (std::uint64_t n = 1; more; ++n) {
    World world(otp_settings());
    const std::string secret = world.give_app("alice");
    const auto node = world.another_gate();
    Browser first(world);
    Browser second(world, "198.51.100.7");
    second.gate = node.get();
    first.start("alice");
    second.start("alice");
    const Form form = {{"code", world.app_code(secret)}};
    GateReply inner;
    world.store.interrupt_at(n, [&] { inner = second.submit("/code", form); });
    const GateReply outer = first.post("/code", form);
    more = !world.store.forget_interrupt();
    if (!more) break;
    const bool outer_in = is_open(world, "192.0.2.1");
    const bool inner_in = is_open(world, "198.51.100.7");
    EXPECT_NE(outer_in, inner_in) << "at call " << n;
    EXPECT_EQ(world.keeper.all().size(), 1);
    EXPECT_EQ(inner_in ? outer.view.error : inner.view.error, GateError::bad_code);
  }
}

TEST(Otp, OfManyThreadsWithOneCodeOneIsLetIn) {
  World world(otp_settings());
  const std::string secret = world.give_app("alice");
  const Form form = {{"code", world.app_code(secret)}};
  std::vector<Browser> browsers;
  for (int i = 1; i <= 6; ++i) {
    browsers.emplace_back(world, "198.51.100." + std::to_string(i)).start("alice");
  }
  {
    std::vector<std::jthread> threads;
    for (Browser& browser : browsers) threads.emplace_back([&] { browser.post("/code", form); });
  }
  EXPECT_EQ(world.keeper.all().size(), 1);
}

TEST(Otp, WhoKnewTheVisitFromBeforeIsNeverFasterThanWhoHasTheCode) {
  bool more = true;
  for (std::uint64_t n = 1; more; ++n) {
    World world(otp_settings());
    const std::string secret = world.give_app("alice");
    Browser browser(world);
    browser.start("alice");
    Browser planted = browser;
    planted.visitor = *IpAddress::parse("198.51.100.66");
    world.store.interrupt_at(n, [&] { planted.wait(); });
    browser.submit("/code", {{"code", world.app_code(secret)}});
    more = !world.store.forget_interrupt();
    EXPECT_EQ(planted.session_cookie, "") << "at call " << n;
    EXPECT_NE(browser.session_cookie, "") << "at call " << n;
  }
}

TEST(Otp, ARecoveryCodeIsGoodOnce) {
  World world(otp_settings());
  std::vector<std::string> recovery;
  world.give_app("alice", &recovery);
  Browser first(world);
  first.start("alice");
  EXPECT_EQ(first.submit("/code", {{"code", recovery[3]}}).view.page, PageId::done);
  EXPECT_TRUE(world.has_audited("recovery_code_used"));
  Browser second(world, "198.51.100.7");
  second.start("alice");
  EXPECT_EQ(second.submit("/code", {{"code", recovery[3]}}).view.error, GateError::bad_code);
  EXPECT_EQ(second.submit("/code", {{"code", recovery[4]}}).view.page, PageId::done);
  EXPECT_EQ(first.get("/access").view.recovery_left, 8);
}

TEST(Otp, UsersWithoutAppOrNameSeeTheSame) {
  World world(otp_settings());
  for (const char* user : {"bob", "nobody"}) {
    Browser browser(world);
    const GateReply asked = browser.start(user);
    EXPECT_EQ(asked.view.page, PageId::otp);
    EXPECT_TRUE(asked.view.can_register_otp);
    const GateReply wrong = browser.submit("/code", {{"code", "123456"}});
    EXPECT_EQ(wrong.view.error, GateError::bad_code);
    EXPECT_EQ(wrong.status, 403);
  }
}

TEST(Otp, NobodyCanUseTheAppOfAnother) {
  World world(otp_settings());
  const std::string secret = world.give_app("alice");
  Browser browser(world);
  browser.start("bob");
  EXPECT_EQ(browser.submit("/code", {{"code", world.app_code(secret)}}).view.error,
            GateError::bad_code);
  EXPECT_TRUE(world.keeper.all().empty());
}

TEST(Otp, ADirectoryThatIsAwayIsSaid) {
  World world(otp_settings());
  const std::string secret = world.give_app("alice");
  Browser browser(world);
  browser.start("alice");
  world.directory.away = true;
  const GateReply reply = browser.submit("/code", {{"code", world.app_code(secret)}});
  EXPECT_EQ(reply.view.error, GateError::unavailable);
  EXPECT_EQ(reply.status, 503);
  EXPECT_GT(reply.retry_after_s, 0);
  world.directory.away = false;
  EXPECT_EQ(browser.submit("/code", {{"code", world.app_code(secret)}}).view.page, PageId::done);
}

}  // namespace
}  // namespace sallyport::verify
