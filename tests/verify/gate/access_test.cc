// "My access", and the device's other address.

#include <gtest/gtest.h>

#include "tests/verify/gate/gate_harness.h"

namespace sallyport::verify {
namespace {

struct SignedInWorld {
  World world;
  std::string secret;
  Browser browser;

  explicit SignedInWorld(GateSettings settings = plain_settings())
      : world(with_both(std::move(settings))), secret(world.give_app("alice")), browser(world) {
    sign_in(browser);
  }
  static GateSettings with_both(GateSettings settings) {
    settings.pair_v4_url = "https://v4.example.net/.sallyport";
    settings.pair_v6_url = "https://v6.example.net/.sallyport";
    return settings;
  }
  void sign_in(Browser& with) {
    with.factors = {Factor::otp};
    with.start("alice");
    with.submit("/code", {{"code", world.app_code(secret)}});
    world.pass(30'000);
  }
  GateReply act(const std::string& action, const std::string& id = "") {
    browser.get("/access");
    return browser.submit("/access", {{"action", action}, {"id", id}});
  }
};

TEST(Access, ShowsWhatIsOnesOwn) {
  SignedInWorld signed_in;
  Browser bob(signed_in.world, "203.0.113.9");
  bob.start("bob");
  signed_in.world.run_jobs();
  bob.submit("/code", {{"code", signed_in.world.messages.value("code")}});

  const GateReply shown = signed_in.browser.get("/access");
  EXPECT_EQ(shown.view.page, PageId::access);
  EXPECT_EQ(shown.view.user, "alice");
  ASSERT_EQ(shown.view.grants.size(), 1);
  EXPECT_EQ(shown.view.grants[0].address, "192.0.2.1");
  EXPECT_EQ(shown.view.grants[0].by, "otp");
  EXPECT_TRUE(shown.view.grants[0].this_one);
  ASSERT_EQ(shown.view.sessions.size(), 1);
  EXPECT_EQ(shown.view.sessions[0].device, "Firefox on Linux");
  EXPECT_TRUE(shown.view.sessions[0].this_one);
  EXPECT_TRUE(shown.view.has_otp);
  EXPECT_EQ(shown.view.recovery_left, 10);
}

TEST(Access, TakesASession) {
  World world;
  Browser browser(world);
  EXPECT_EQ(browser.get("/access").location, "/");
  browser.session_cookie = "forged.YWxpY2U";
  const GateReply reply = browser.get("/access");
  EXPECT_EQ(reply.location, "/");
  EXPECT_EQ(browser.session_cookie, "") << "and the browser forgets it";
  EXPECT_EQ(browser.post("/access", {{"action", "end-all"}}).location, "/");
}

// doorman 19: nothing could be revoked.
TEST(Access, Defect19AGrantEnds) {
  SignedInWorld signed_in;
  const std::string id = signed_in.browser.get("/access").view.grants[0].id;
  const GateReply after = signed_in.act("end-grant", id);
  EXPECT_EQ(after.view.page, PageId::access);
  EXPECT_TRUE(after.view.grants.empty());
  EXPECT_FALSE(is_open(signed_in.world, "192.0.2.1"));
}

TEST(Access, NobodyEndsWhatIsAnothers) {
  SignedInWorld signed_in;
  World& world = signed_in.world;
  Browser bob(world, "203.0.113.9");
  bob.start("bob");
  world.run_jobs();
  bob.submit("/code", {{"code", world.messages.value("code")}});
  const View of_bob = bob.get("/access").view;
  signed_in.act("end-grant", of_bob.grants[0].id);
  signed_in.act("end-session", of_bob.sessions[0].id);
  EXPECT_TRUE(is_open(world, "203.0.113.9"));
  EXPECT_EQ(bob.get("/access").view.page, PageId::access);
  EXPECT_EQ(signed_in.act("end-grant", "no number").view.error, GateError::bad_form);
  EXPECT_EQ(signed_in.act("nothing").view.error, GateError::bad_form);
}

TEST(Access, FormsOfOthersAreNotTaken) {
  SignedInWorld signed_in;
  signed_in.browser.get("/access");
  const GateReply forged =
      signed_in.browser.post("/access", {{"action", "end-all"}, {"form_token", "guessed"}});
  EXPECT_EQ(forged.view.error, GateError::not_same_origin);
  signed_in.browser.same_origin = false;
  EXPECT_EQ(signed_in.browser.post("/access", {{"action", "end-all"}}).status, 403);
  EXPECT_TRUE(is_open(signed_in.world, "192.0.2.1"));
}

TEST(Access, AnotherBrowserIsSignedOutWithWhatItOpened) {
  SignedInWorld signed_in;
  Browser other(signed_in.world, "198.51.100.7");
  signed_in.sign_in(other);
  const View shown = signed_in.browser.get("/access").view;
  ASSERT_EQ(shown.sessions.size(), 2);
  for (const AccessLine& line : shown.sessions) {
    if (!line.this_one) signed_in.act("end-session", line.id);
  }
  EXPECT_FALSE(is_open(signed_in.world, "198.51.100.7"));
  EXPECT_TRUE(is_open(signed_in.world, "192.0.2.1"));
  EXPECT_EQ(other.get("/access").location, "/");
}

TEST(Access, SigningOutEndsWhatThisBrowserOpened) {
  SignedInWorld signed_in;
  Browser other(signed_in.world, "198.51.100.7");
  signed_in.sign_in(other);
  signed_in.browser.get("/access");
  EXPECT_EQ(signed_in.browser.post("/access", {{"action", "sign-out"}}).location, "/");
  EXPECT_EQ(signed_in.browser.session_cookie, "");
  EXPECT_FALSE(is_open(signed_in.world, "192.0.2.1"));
  EXPECT_TRUE(is_open(signed_in.world, "198.51.100.7"));
}

TEST(Access, EndAllEndsAll) {
  SignedInWorld signed_in;
  Browser other(signed_in.world, "198.51.100.7");
  signed_in.sign_in(other);
  signed_in.browser.get("/access");
  signed_in.browser.post("/access", {{"action", "end-all"}});
  EXPECT_TRUE(signed_in.world.keeper.all().empty());
  EXPECT_EQ(other.get("/access").location, "/");
  EXPECT_EQ(signed_in.browser.get("/access").location, "/");
}

TEST(Access, AFreshFactorRemovesTheApp) {
  SignedInWorld signed_in;
  EXPECT_FALSE(signed_in.browser.get("/access").view.asks_current_code);
  EXPECT_FALSE(signed_in.act("remove-otp").view.has_otp);
  signed_in.world.run_jobs();
  EXPECT_EQ(signed_in.world.messages.posted.back().kind, MessageKind::changed);
}

TEST(Access, AnOldSessionOrOneByMailNeedsACodeToRemoveTheApp) {
  SignedInWorld signed_in;
  signed_in.world.pass(900'000);
  EXPECT_TRUE(signed_in.browser.get("/access").view.asks_current_code);
  const GateReply refused = signed_in.act("remove-otp");
  EXPECT_EQ(refused.view.error, GateError::bad_code);
  EXPECT_TRUE(refused.view.has_otp);
  const std::string code = signed_in.world.app_code(signed_in.secret);
  const GateReply removed =
      signed_in.browser.submit("/access", {{"action", "remove-otp"}, {"current_code", code}});
  EXPECT_FALSE(removed.view.has_otp);

  World& world = signed_in.world;
  world.give_app("bob");
  Browser bob(world, "203.0.113.9");
  bob.start("bob");
  world.run_jobs();
  bob.submit("/code", {{"code", world.messages.value("code")}});
  bob.get("/access");
  EXPECT_TRUE(bob.submit("/access", {{"action", "remove-otp"}}).view.has_otp);
}

TEST(Access, SigningInAgainTakesTheOldSessionsPlace) {
  SignedInWorld signed_in;
  const std::string before = signed_in.browser.session_cookie;
  signed_in.browser.visitor = *IpAddress::parse("198.51.100.7");
  signed_in.sign_in(signed_in.browser);
  EXPECT_NE(signed_in.browser.session_cookie, before);
  EXPECT_EQ(signed_in.browser.get("/access").view.sessions.size(), 1);
  EXPECT_FALSE(is_open(signed_in.world, "192.0.2.1"));
  EXPECT_TRUE(is_open(signed_in.world, "198.51.100.7"));
}

std::string token_in(const std::string& url) { return url.substr(url.find("?t=") + 3); }

TEST(Pair, OpensTheOtherAddressOnce) {
  SignedInWorld signed_in;
  World& world = signed_in.world;
  const std::string url = signed_in.browser.get("/access").view.pair_url;
  ASSERT_TRUE(url.starts_with("https://v6.example.net/.sallyport/pair?t="));
  const std::string token = token_in(url);
  Browser other(world, "2001:db8::1");  // no cookies there, and no page of this name sent it
  other.same_origin = false;
  const auto before = world.store.all().size();
  const GateReply shown = other.get("/pair?t=" + token);
  EXPECT_EQ(shown.view.page, PageId::pair);
  EXPECT_EQ(shown.view.address, "2001:db8::1");
  EXPECT_EQ(world.store.all().size(), before) << "looking changes nothing";
  EXPECT_FALSE(is_open(world, "2001:db8::1"));
  EXPECT_EQ(other.post("/pair", {{"t", token}}).view.page, PageId::done);
  EXPECT_TRUE(is_open(world, "2001:db8::1"));
  EXPECT_TRUE(is_open(world, "192.0.2.1"));
  const std::vector<Grant> grants = world.keeper.all();
  EXPECT_EQ(grants[0].until_ms, grants[1].until_ms) << "not longer than the first";
  EXPECT_EQ(grants[0].session, grants[1].session);

  Browser thief(world, "2001:db8:0:2::1");
  EXPECT_EQ(thief.post("/pair", {{"t", token}}).view.error, GateError::no_request);
  EXPECT_FALSE(is_open(world, "2001:db8:0:2::1"));
  // Both end with the session.
  signed_in.browser.get("/access");
  signed_in.browser.post("/access", {{"action", "sign-out"}});
  EXPECT_TRUE(world.keeper.all().empty());
}

TEST(Pair, OfTwoWhoUseATokenAtOnceOneJoins) {
  bool more = true;
  for (std::uint64_t n = 1; more; ++n) {
    SignedInWorld signed_in;
    const Form form = {{"t", token_in(signed_in.browser.get("/access").view.pair_url)}};
    Browser first(signed_in.world, "2001:db8::1");
    Browser second(signed_in.world, "2001:db8:0:2::1");
    signed_in.world.store.interrupt_at(n, [&] { second.post("/pair", form); });
    first.post("/pair", form);
    more = !signed_in.world.store.forget_interrupt();
    EXPECT_EQ(signed_in.world.keeper.all().size(), 2) << "at call " << n;
  }
}

TEST(Pair, IsRefusedWhenItIsNotGood) {
  SignedInWorld signed_in;
  World& world = signed_in.world;
  const std::string token = token_in(signed_in.browser.get("/access").view.pair_url);
  Browser same_family(world, "198.51.100.7");
  EXPECT_EQ(same_family.post("/pair", {{"t", token}}).view.error, GateError::no_request);
  Browser other(world, "2001:db8::1");
  for (const std::string& bad :
       {std::string("x"), std::string(), token.substr(1), token + "A", std::string(5'000, 'A')}) {
    EXPECT_EQ(other.post("/pair", {{"t", bad}}).view.error, GateError::no_request);
  }
  world.pass(300'000);
  EXPECT_EQ(other.post("/pair", {{"t", token}}).view.error, GateError::no_request) << "too late";
  const std::string fresh = token_in(signed_in.browser.get("/access").view.pair_url);
  signed_in.act("end-all");
  EXPECT_EQ(other.post("/pair", {{"t", fresh}}).view.error, GateError::no_request) << "signed out";
  EXPECT_TRUE(world.keeper.all().empty());
}

}  // namespace
}  // namespace sallyport::verify
