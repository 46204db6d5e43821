// The store fails at each of its calls, before or after it has done what it was asked: never is
// anybody let in without a factor, and always there is a page that says what is the case.

#include <functional>

#include <gtest/gtest.h>

#include "tests/verify/gate/gate_harness.h"

namespace sallyport::verify {
namespace {

using Failure = MemoryStore::Failure;

bool is_clear(const GateReply& reply) {
  if (reply.kind == GateReply::Kind::redirect) return !reply.location.empty();
  if (reply.kind == GateReply::Kind::hold) return true;
  if (reply.view.error == GateError::unavailable) {
    return reply.status == 503 && reply.retry_after_s > 0;
  }
  return reply.status != 503;
}

/// Runs `flow` with a failure at each call in turn, until none is left to fail.
void fail_everywhere(const std::function<void(World&)>& flow, const GateSettings& settings) {
  for (const Failure how : {Failure::before, Failure::after}) {
    for (std::uint64_t n = 1;; ++n) {
      SCOPED_TRACE("call " + std::to_string(n) +
                   (how == Failure::before ? " fails" : " fails after it was done"));
      World world(settings);
      world.give_app("alice");
      const std::uint64_t before = world.store.calls();
      world.store.fail_at(n, how);
      flow(world);
      if (world.store.calls() - before < n) break;
      ASSERT_LT(n, 200U);
    }
  }
}

TEST(StoreFailure, NobodyIsLetInWithoutAFactor) {
  GateSettings settings = plain_settings();
  settings.factors = {Factor::token, Factor::otp, Factor::link, Factor::push};
  settings.renew_silently = true;
  fail_everywhere(
      [](World& world) {
        Browser browser(world);
        EXPECT_TRUE(is_clear(browser.start("alice")));
        for (const char* factor : {"token", "otp", "link", "push"}) {
          EXPECT_TRUE(is_clear(browser.submit("/factor", {{"factor", factor}})));
          world.run_jobs();
          EXPECT_TRUE(is_clear(browser.submit("/code", {{"code", "00000x"}})));
          EXPECT_TRUE(is_clear(browser.wait()));
        }
        EXPECT_TRUE(is_clear(browser.post("/approve", {{"k", "x"}, {"answer", "yes"}})));
        EXPECT_TRUE(is_clear(browser.post("/register", {{"factor", "otp"}})));
        EXPECT_TRUE(is_clear(browser.get("/access")));
        EXPECT_TRUE(is_clear(browser.post("/pair", {{"t", "x"}})));
        EXPECT_TRUE(world.keeper.all().empty());
      },
      settings);
}

/// He has the factor: he is let in, or told that it does not go now. With a session or without.
void expect_in_or_told(World& world, Browser& browser, const GateReply& last) {
  EXPECT_TRUE(is_clear(last));
  if (last.view.page == PageId::done) {
    EXPECT_EQ(world.keeper.all().size(), 1);
    EXPECT_NE(browser.session_cookie, "");
    return;
  }
  // Told; a second look, with the store back, finds a page that says where he stands.
  world.store.fail_at(0, Failure::before);
  const GateReply again = browser.get("/visit");
  EXPECT_TRUE(is_clear(again));
  EXPECT_LE(world.keeper.all().size(), 1);
  if (again.view.page == PageId::done) {
    EXPECT_TRUE(is_open(world, "192.0.2.1"));
  }
}

TEST(StoreFailure, ATokenLetsInOrIsToldThatItDoesNotGoNow) {
  fail_everywhere(
      [](World& world) {
        Browser browser(world);
        browser.start("alice");
        world.run_jobs();
        const std::string code = world.messages.value("code");
        const GateReply last = browser.submit("/code", {{"code", code.empty() ? "1" : code}});
        expect_in_or_told(world, browser, last);
      },
      plain_settings());
}

TEST(StoreFailure, AnAppLetsInOrIsToldThatItDoesNotGoNow) {
  GateSettings settings = plain_settings();
  settings.factors = {Factor::otp};
  fail_everywhere(
      [](World& world) {
        const std::string secret(20, '\x42');
        Browser browser(world);
        browser.start("alice");
        const GateReply last = browser.submit("/code", {{"code", world.app_code(secret)}});
        expect_in_or_told(world, browser, last);
      },
      settings);
}

TEST(StoreFailure, ALinkLetsInOrIsToldThatItDoesNotGoNow) {
  GateSettings settings = plain_settings();
  settings.factors = {Factor::link};
  fail_everywhere(
      [](World& world) {
        Browser browser(world);
        Browser phone(world, "203.0.113.5");
        browser.start("alice");
        world.run_jobs();
        const std::string secret = world.messages.link_secret();
        EXPECT_TRUE(is_clear(phone.get("/approve?k=" + secret)));
        EXPECT_TRUE(is_clear(phone.post("/approve", {{"k", secret}, {"answer", "yes"}})));
        expect_in_or_told(world, browser, browser.wait());
      },
      settings);
}

TEST(StoreFailure, ADenialIsNeverAnApproval) {
  GateSettings settings = plain_settings();
  settings.factors = {Factor::link};
  fail_everywhere(
      [](World& world) {
        Browser browser(world);
        Browser phone(world, "203.0.113.5");
        browser.start("alice");
        world.run_jobs();
        const std::string secret = world.messages.link_secret();
        phone.get("/approve?k=" + secret);
        phone.post("/approve", {{"k", secret}, {"answer", "no"}});
        EXPECT_TRUE(is_clear(browser.wait()));
        EXPECT_TRUE(world.keeper.all().empty());
      },
      settings);
}

TEST(StoreFailure, ARegistrationIsWholeOrNone) {
  GateSettings settings = plain_settings();
  settings.factors = {Factor::otp};
  fail_everywhere(
      [](World& world) {
        Browser browser(world);
        browser.start("bob");
        browser.post("/register", {{"factor", "otp"}});
        world.run_jobs();
        const std::string k = world.messages.link_secret();
        const GateReply shown = browser.get("/register?k=" + k);
        EXPECT_TRUE(is_clear(shown));
        EXPECT_TRUE(is_clear(browser.post("/register", {{"k", k}, {"code", "000000"}})));
        EXPECT_TRUE(world.keeper.all().empty());
      },
      settings);
}

TEST(StoreFailure, AwayAltogetherIsSaidOnEveryPage) {
  World world;
  Browser browser(world);
  browser.start("alice");
  browser.session_cookie = "secret.YWxpY2U";
  world.store.be_away(true);
  const GateReply replies[] = {
      browser.post("/start", {{"user", "alice"}}),
      browser.get("/visit"),
      browser.wait(),
      browser.post("/code", {{"code", "123456"}}),
      browser.post("/factor", {{"factor", "token"}}),
      browser.post("/again", {}),
      browser.get("/captcha.png"),
      browser.post("/captcha", {{"answer", "1"}}),
      browser.post("/passkey", {}),
      browser.get("/approve?k=x"),
      browser.post("/approve", {{"k", "x"}}),
      browser.get("/register?k=x"),
      browser.post("/register", {{"factor", "otp"}}),
      browser.get("/access"),
      browser.post("/access", {{"action", "end-all"}}),
  };
  for (const GateReply& reply : replies) {
    EXPECT_EQ(reply.view.error, GateError::unavailable) << static_cast<int>(reply.view.page);
    EXPECT_EQ(reply.status, 503);
    EXPECT_GT(reply.retry_after_s, 0);
  }
  EXPECT_TRUE(world.has_audited("store_failed"));
}

}  // namespace
}  // namespace sallyport::verify
