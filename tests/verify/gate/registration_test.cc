// Registering an authenticator app by a mailed link.

#include <gtest/gtest.h>

#include "protocol/otp/totp.h"
#include "tests/verify/gate/gate_harness.h"
#include "verify/gate/records.h"

namespace sallyport::verify {
namespace {

GateSettings otp_settings() {
  GateSettings settings = plain_settings();
  settings.factors = {Factor::otp};
  return settings;
}

std::string secret_of(const View& view) {
  std::string text = view.secret_text;
  std::erase(text, ' ');
  return *otp::from_base32(text);
}

/// Has a link mailed from the gate's page; returns its secret.
std::string mailed(World& world, Browser& browser, std::string_view user) {
  browser.start(user);
  EXPECT_EQ(browser.post("/register", {{"factor", "otp"}}).view.page, PageId::register_sent);
  world.run_jobs();
  return world.messages.link_secret();
}

TEST(RegisterOtp, ByLinkAndFirstCodeThenTheAppLetsIn) {
  World world(otp_settings());
  Browser browser(world);
  const std::string k = mailed(world, browser, "alice");
  EXPECT_EQ(world.messages.posted[0].kind, MessageKind::registration);
  EXPECT_EQ(world.messages.posted[0].to.mail, "alice@example.net");
  EXPECT_EQ(world.messages.value("minutes"), "15");

  Browser anywhere(world, "203.0.113.5");
  const GateReply shown = anywhere.get("/register?k=" + k);
  EXPECT_EQ(shown.view.page, PageId::register_otp);
  EXPECT_TRUE(shown.view.otpauth_url.starts_with("otpauth://totp/Example"));
  EXPECT_FALSE(shown.view.asks_current_code);
  const std::string secret = secret_of(shown.view);
  EXPECT_EQ(secret.size(), otp::kSecretOctets);

  const GateReply wrong =
      anywhere.post("/register", {{"k", k}, {"code", world.app_code(secret, 9)}});
  EXPECT_EQ(wrong.view.page, PageId::register_otp);
  EXPECT_EQ(wrong.view.error, GateError::bad_code);
  const std::string code = world.app_code(secret);
  const GateReply codes = anywhere.post("/register", {{"k", k}, {"code", code}});
  EXPECT_EQ(codes.view.page, PageId::recovery_codes);
  EXPECT_EQ(codes.view.recovery_codes.size(), 10);
  world.run_jobs();
  EXPECT_EQ(world.messages.posted.back().kind, MessageKind::changed);

  // The first code is used; the next lets in, and so does a recovery code.
  EXPECT_EQ(browser.submit("/code", {{"code", code}}).view.error, GateError::bad_code);
  world.pass(30'000);
  EXPECT_EQ(browser.submit("/code", {{"code", world.app_code(secret)}}).view.page, PageId::done);
  Browser second(world, "198.51.100.7");
  second.start("alice");
  EXPECT_EQ(second.submit("/code", {{"code", codes.view.recovery_codes[0]}}).view.page,
            PageId::done);
}

TEST(RegisterOtp, KeepsNothingInClear) {
  World world(otp_settings());
  Browser browser(world);
  const std::string k = mailed(world, browser, "alice");
  const std::string secret = secret_of(browser.get("/register?k=" + k).view);
  const GateReply codes = browser.post("/register", {{"k", k}, {"code", world.app_code(secret)}});
  ASSERT_EQ(codes.view.page, PageId::recovery_codes);
  for (const auto& [name, record] : world.store.all()) {
    EXPECT_EQ(record.value.find(secret), std::string::npos);
    EXPECT_EQ(std::get<2>(name).find(k), std::string::npos);
    for (const std::string& recovery : codes.view.recovery_codes) {
      EXPECT_EQ(record.value.find(recovery), std::string::npos);
    }
  }
}

// doorman 2: the key could be guessed, and the registration taken over without the mail.
TEST(RegisterOtp, Defect2OnlyTheMessagesSecretOpensIt) {
  World world(otp_settings());
  Browser browser(world);
  const std::string k = mailed(world, browser, "alice");
  for (const std::string& seen : browser.seen) EXPECT_EQ(seen.find(k), std::string::npos);
  std::vector<std::string> guesses = {"Example", "alice", "", "alice:Example",
                                      std::string(500, 'k')};
  guesses.insert(guesses.end(), browser.seen.begin(), browser.seen.end());
  for (const auto& [name, record] : world.store.all()) guesses.push_back(std::get<2>(name));
  for (const std::string& guess : guesses) {
    const GateReply shown = browser.get("/register?k=" + guess);
    EXPECT_EQ(shown.view.page, PageId::message);
    EXPECT_EQ(shown.view.error, GateError::no_request);
  }
  EXPECT_EQ(browser.get("/register?k=" + k).view.page, PageId::register_otp);
}

// doorman 2: it wrote over registrations that there were.
TEST(RegisterOtp, Defect2AMailboxAloneReplacesNothing) {
  World world(otp_settings());
  const std::string old = world.give_app("alice");
  Browser attacker(world);
  const std::string k = mailed(world, attacker, "alice");
  const GateReply shown = attacker.get("/register?k=" + k);
  EXPECT_TRUE(shown.view.asks_current_code);
  const std::string secret = secret_of(shown.view);
  for (const char* current : {"", "000000"}) {
    const GateReply refused = attacker.post(
        "/register", {{"k", k}, {"code", world.app_code(secret)}, {"current_code", current}});
    EXPECT_EQ(refused.view.page, PageId::register_otp);
    EXPECT_EQ(refused.view.error, GateError::bad_code);
  }
  Browser alice(world, "198.51.100.7");
  alice.start("alice");
  EXPECT_EQ(alice.submit("/code", {{"code", world.app_code(old)}}).view.page, PageId::done);
}

TEST(RegisterOtp, AnotherAppTakesTheOldOnesCodeOrARecoveryCode) {
  for (const bool recovery : {false, true}) {
    World world(otp_settings());
    std::vector<std::string> codes;
    const std::string old = world.give_app("alice", &codes);
    Browser browser(world);
    const std::string k = mailed(world, browser, "alice");
    const std::string secret = secret_of(browser.get("/register?k=" + k).view);
    const GateReply done =
        browser.post("/register", {{"k", k},
                                   {"code", world.app_code(secret)},
                                   {"current_code", recovery ? codes[0] : world.app_code(old)}});
    EXPECT_EQ(done.view.page, PageId::recovery_codes);
    world.pass(60'000);
    browser.get("/visit");
    EXPECT_EQ(browser.submit("/code", {{"code", world.app_code(old)}}).view.error,
              GateError::bad_code);
    EXPECT_EQ(browser.submit("/code", {{"code", world.app_code(secret)}}).view.page, PageId::done);
  }
}

TEST(RegisterOtp, AnotherAppFromAFreshSessionTakesTheLinkAlone) {
  World world(otp_settings());
  const std::string old = world.give_app("alice");
  Browser browser(world);
  browser.start("alice");
  browser.submit("/code", {{"code", world.app_code(old)}});
  browser.get("/access");
  EXPECT_EQ(browser.post("/register", {{"factor", "otp"}}).view.page, PageId::register_sent);
  world.run_jobs();
  const std::string k = world.messages.link_secret();
  Browser elsewhere(world, "198.51.100.7");
  EXPECT_TRUE(elsewhere.get("/register?k=" + k).view.asks_current_code);
  const GateReply shown = browser.get("/register?k=" + k);
  EXPECT_FALSE(shown.view.asks_current_code);
  EXPECT_EQ(browser.post("/register", {{"k", k}, {"code", world.app_code(secret_of(shown.view))}})
                .view.page,
            PageId::recovery_codes);
}

TEST(RegisterOtp, ASessionByMailIsNoProof) {
  World world(otp_settings());
  world.give_app("alice");
  Browser browser(world);
  browser.factors = {Factor::token};
  browser.start("alice");
  world.run_jobs();
  browser.submit("/code", {{"code", world.messages.value("code")}});
  browser.get("/access");
  browser.post("/register", {{"factor", "otp"}});
  world.run_jobs();
  EXPECT_TRUE(browser.get("/register?k=" + world.messages.link_secret()).view.asks_current_code);
}

TEST(RegisterOtp, ALinkIsGoodOnceAndNotForLong) {
  World world(otp_settings());
  Browser browser(world);
  const std::string k = mailed(world, browser, "alice");
  const std::string secret = secret_of(browser.get("/register?k=" + k).view);
  browser.post("/register", {{"k", k}, {"code", world.app_code(secret)}});
  EXPECT_EQ(browser.get("/register?k=" + k).view.error, GateError::no_request);
  Browser late(world, "198.51.100.7");
  const std::string other = mailed(world, late, "bob");
  world.pass(900'000);
  EXPECT_EQ(late.get("/register?k=" + other).view.error, GateError::no_request);
}

TEST(RegisterOtp, OfTwoLinksOfAUserWithoutAppOneIsTaken) {
  bool more = true;
  for (std::uint64_t n = 1; more; ++n) {
    World world(otp_settings());
    Browser first(world);
    Browser second(world, "198.51.100.7");
    const std::string k1 = mailed(world, first, "alice");
    const std::string k2 = mailed(world, second, "alice");
    const std::string secret1 = secret_of(first.get("/register?k=" + k1).view);
    const std::string secret2 = secret_of(second.get("/register?k=" + k2).view);
    GateReply inner;
    world.store.interrupt_at(n, [&] {
      inner = second.post("/register", {{"k", k2}, {"code", world.app_code(secret2)}});
    });
    const GateReply outer = first.post("/register", {{"k", k1}, {"code", world.app_code(secret1)}});
    more = !world.store.forget_interrupt();
    if (!more) break;
    EXPECT_NE(inner.view.page == PageId::recovery_codes, outer.view.page == PageId::recovery_codes)
        << "at call " << n;
  }
}

TEST(RegisterOtp, UnknownUsersSeeTheSameAndGetNothing) {
  World world(otp_settings());
  Browser browser(world);
  EXPECT_EQ(mailed(world, browser, "nobody"), "");
  EXPECT_TRUE(world.messages.posted.empty());
}

TEST(RegisterOtp, IsOfferedOnlyWhereItIsOn) {
  GateSettings settings = otp_settings();
  settings.otp_registration = false;
  World world(settings);
  Browser browser(world);
  EXPECT_FALSE(browser.start("alice").view.can_register_otp);
  EXPECT_EQ(browser.post("/register", {{"factor", "otp"}}).view.error, GateError::not_found);
}

TEST(RegisterOtp, IsNotSentFromAVisitThatHasNotReachedIt) {
  GateSettings settings = otp_settings();
  settings.captcha = CaptchaMode::math;
  World world(settings);
  Browser browser(world);
  browser.start("alice");
  EXPECT_EQ(browser.post("/register", {{"factor", "otp"}}).location, "/visit");
  EXPECT_TRUE(world.jobs.empty());
  Browser nobody(world);
  EXPECT_EQ(nobody.post("/register", {{"factor", "otp"}}).view.error, GateError::no_visit);
}

TEST(RegisterOtp, TheCaptchaBuysSoManyMessages) {
  World world(otp_settings());
  Browser browser(world);
  browser.start("alice");
  for (int i = 0; i < 6; ++i) browser.post("/register", {{"factor", "otp"}});
  world.run_jobs();
  EXPECT_EQ(world.messages.posted.size(), 3);
}

}  // namespace
}  // namespace sallyport::verify
