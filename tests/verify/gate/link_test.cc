// Approval by a link.

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/verify/gate/gate_harness.h"

namespace sallyport::verify {
namespace {

GateSettings link_settings() {
  GateSettings settings = plain_settings();
  settings.factors = {Factor::link};
  return settings;
}

struct Asked {
  World world{link_settings()};
  Browser browser{world};
  Browser phone{world, "203.0.113.5"};
  std::string secret;

  Asked() {
    browser.start("alice", "https://app.example.net/");
    world.run_jobs();
    secret = world.messages.link_secret();
  }
  GateReply page() { return phone.get("/approve?k=" + secret); }
  GateReply say(const std::string& answer) {
    page();
    return phone.post("/approve", {{"k", secret}, {"answer", answer}});
  }
};

TEST(Link, YesLetsInTheWaitingBrowserFromAnotherNetwork) {
  Asked asked;
  const GateReply held = asked.browser.wait();
  EXPECT_EQ(held.kind, GateReply::Kind::hold);
  EXPECT_EQ(held.hold_ms, 60'000);
  const GateReply shown = asked.page();
  EXPECT_EQ(shown.view.page, PageId::approve);
  EXPECT_EQ(shown.view.user, "alice");
  EXPECT_EQ(shown.view.address, "192.0.2.1");
  EXPECT_EQ(shown.view.device, "Firefox on Linux");
  EXPECT_EQ(shown.view.at_ms, asked.world.now_ms);
  EXPECT_EQ(shown.view.number, held.view.number);
  EXPECT_EQ(shown.view.number.size(), 2);

  EXPECT_EQ(asked.say("yes").view.page, PageId::approved);
  EXPECT_EQ(asked.world.notified.back(), held.held_visit);
  const GateReply done = asked.browser.wait();
  EXPECT_EQ(done.view.page, PageId::done);
  EXPECT_EQ(done.view.return_url, "https://app.example.net/");
  EXPECT_TRUE(is_open(asked.world, "192.0.2.1"));
  EXPECT_FALSE(is_open(asked.world, "203.0.113.5")) << "who approves is not let in by it";
  EXPECT_EQ(asked.world.keeper.all()[0].by, "link");
  EXPECT_EQ(asked.phone.session_cookie, "");
}

TEST(Link, WorksWithoutAScript) {
  Asked asked;
  EXPECT_EQ(asked.browser.get("/visit").view.page, PageId::link);
  asked.say("yes");
  EXPECT_EQ(asked.browser.get("/visit").view.page, PageId::done);
  EXPECT_EQ(asked.browser.get("/visit").view.page, PageId::done) << "and again";
  EXPECT_EQ(asked.world.keeper.all().size(), 1);
}

// doorman 1: the secret of the mailed link was told to who asked.
TEST(Link, Defect1NobodyApprovesHimself) {
  Asked asked;
  asked.browser.wait();
  asked.browser.get("/visit");
  ASSERT_NE(asked.secret, "");
  for (const std::string& seen : asked.browser.seen) {
    EXPECT_EQ(seen.find(asked.secret), std::string::npos);
  }
  // All that he has been told, tried as the secret of the approval.
  Browser attacker = asked.browser;
  for (const std::string& seen : asked.browser.seen) {
    const GateReply reply = attacker.post("/approve", {{"k", seen}, {"answer", "yes"}});
    EXPECT_EQ(reply.view.page, PageId::message);
  }
  EXPECT_EQ(asked.browser.wait().kind, GateReply::Kind::hold);
  EXPECT_FALSE(is_open(asked.world, "192.0.2.1"));
}

// doorman 11: approval by GET.
TEST(Link, Defect11GetChangesNothing) {
  Asked asked;
  const auto before = asked.world.store.all();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(asked.page().view.page, PageId::approve);
    EXPECT_EQ(asked.phone.get("/approve?k=" + asked.secret + "&answer=yes").view.page,
              PageId::message);
  }
  const auto after = asked.world.store.all();
  EXPECT_EQ(before.size(), after.size());
  EXPECT_TRUE(std::ranges::equal(before, after, [](const auto& a, const auto& b) {
    return a.first == b.first && a.second.version == b.second.version;
  }));
  EXPECT_EQ(asked.browser.wait().kind, GateReply::Kind::hold);
}

// doorman 11: no token against forged forms, and forms from anywhere.
TEST(Link, Defect11FormsOfOthersAreNotTaken) {
  Asked asked;
  asked.page();
  const GateReply forged = asked.phone.post(
      "/approve", {{"k", asked.secret}, {"answer", "yes"}, {"form_token", "guessed"}});
  EXPECT_EQ(forged.view.error, GateError::not_same_origin);
  asked.phone.same_origin = false;
  EXPECT_EQ(asked.phone.post("/approve", {{"k", asked.secret}, {"answer", "yes"}}).status, 403);
  EXPECT_EQ(asked.browser.wait().kind, GateReply::Kind::hold);
}

// doorman 18: every answer but yes said "accepted", and nobody was told.
TEST(Link, Defect18NoIsNoAndWakesWhoWaits) {
  Asked asked;
  const std::string held = asked.browser.wait().held_visit;
  const auto notified = asked.world.notified.size();
  EXPECT_EQ(asked.say("no").view.page, PageId::refused);
  ASSERT_GT(asked.world.notified.size(), notified);
  EXPECT_EQ(asked.world.notified.back(), held);
  const GateReply ended = asked.browser.wait();
  EXPECT_EQ(ended.kind, GateReply::Kind::page);
  EXPECT_EQ(ended.view.page, PageId::ended);
  EXPECT_EQ(ended.view.error, GateError::denied);
  EXPECT_TRUE(asked.world.keeper.all().empty());
}

TEST(Link, Defect18WhatIsNeitherYesNorNoDecidesNothing) {
  Asked asked;
  for (const char* answer : {"", "YES", "yes ", "true", "1", "maybe"}) {
    const GateReply reply = asked.say(answer);
    EXPECT_EQ(reply.view.page, PageId::approve);
    EXPECT_EQ(reply.view.error, GateError::bad_form);
  }
  EXPECT_EQ(asked.browser.wait().kind, GateReply::Kind::hold);
}

// doorman 16: a click before the browser waited found no request.
TEST(Link, Defect16AFastClickFindsItsRequest) {
  Asked asked;  // the browser has not asked /wait yet
  EXPECT_EQ(asked.say("yes").view.page, PageId::approved);
  EXPECT_EQ(asked.browser.wait().view.page, PageId::done);
}

TEST(Link, IsAnsweredOnce) {
  Asked asked;
  EXPECT_EQ(asked.say("no").view.page, PageId::refused);
  const GateReply second = asked.say("yes");
  EXPECT_EQ(second.view.error, GateError::no_request);
  EXPECT_EQ(second.status, 404);
  EXPECT_EQ(asked.browser.wait().view.error, GateError::denied);
}

TEST(Link, OfTwoAnswersAtOnceOneDecides) {
  bool more = true;
  for (std::uint64_t n = 1; more; ++n) {
    Asked asked;
    Browser other(asked.world, "203.0.113.9");
    other.get("/approve?k=" + asked.secret);
    asked.page();
    GateReply inner;
    asked.world.store.interrupt_at(
        n, [&] { inner = other.post("/approve", {{"k", asked.secret}, {"answer", "no"}}); });
    const GateReply outer = asked.phone.post("/approve", {{"k", asked.secret}, {"answer", "yes"}});
    more = !asked.world.store.forget_interrupt();
    if (!more) break;
    const bool denied = inner.view.page == PageId::refused;
    const bool approved = outer.view.page == PageId::approved;
    EXPECT_NE(denied, approved) << "at call " << n;
    EXPECT_EQ(denied ? outer.view.error : inner.view.error, GateError::no_request);
    asked.browser.wait();
    EXPECT_EQ(is_open(asked.world, "192.0.2.1"), approved);
  }
}

TEST(Link, IsDeadAfterItsTime) {
  Asked asked;
  asked.page();
  asked.world.pass(60'000);
  EXPECT_EQ(asked.phone.post("/approve", {{"k", asked.secret}, {"answer", "yes"}}).view.error,
            GateError::no_request);
  const GateReply ended = asked.browser.wait();
  EXPECT_EQ(ended.view.page, PageId::ended);
  EXPECT_EQ(ended.view.error, GateError::expired);
  EXPECT_TRUE(asked.world.keeper.all().empty());
}

TEST(Link, AskedAgainTheFirstMessageIsDead) {
  Asked asked;
  asked.browser.submit("/again", {});
  asked.world.run_jobs();
  const std::string second = asked.world.messages.link_secret();
  EXPECT_NE(second, asked.secret);
  EXPECT_EQ(asked.page().view.error, GateError::no_request);
  asked.secret = second;
  EXPECT_EQ(asked.say("yes").view.page, PageId::approved);
}

TEST(Link, WhoKnewTheVisitFromBeforeIsNotLetIn) {
  World world(link_settings());
  world.settings.factors = {Factor::link, Factor::token};
  world.gate = world.another_gate();
  Browser attacker(world, "198.51.100.66");
  attacker.start("alice");
  Browser victim(world);
  victim.visit_cookie = attacker.visit_cookie;  // planted
  victim.get("/visit");
  victim.submit("/factor", {{"factor", "link"}});
  world.run_jobs();
  const std::string secret = world.messages.link_secret();
  Browser phone(world, "203.0.113.5");
  phone.get("/approve?k=" + secret);
  phone.post("/approve", {{"k", secret}, {"answer", "yes"}});
  EXPECT_EQ(attacker.wait().view.error, GateError::no_visit);
  EXPECT_EQ(attacker.session_cookie, "");
  EXPECT_EQ(victim.wait().view.page, PageId::done);
  EXPECT_FALSE(is_open(world, "198.51.100.66"));
}

TEST(Link, LetsInTheAddressThatWasShown) {
  Asked asked;
  asked.say("yes");
  asked.browser.visitor = *IpAddress::parse("198.51.100.7");
  asked.browser.wait();
  EXPECT_TRUE(is_open(asked.world, "192.0.2.1"));
  EXPECT_FALSE(is_open(asked.world, "198.51.100.7"));
}

TEST(Link, TwoTabsOfOneVisitAreOneGrantAndOneSession) {
  bool more = true;
  for (std::uint64_t n = 1; more; ++n) {
    Asked asked;
    Browser tab = asked.browser;
    asked.say("yes");
    GateReply inner;
    asked.world.store.interrupt_at(n, [&] { inner = tab.wait(); });
    const GateReply outer = asked.browser.wait();
    more = !asked.world.store.forget_interrupt();
    if (!more) break;
    EXPECT_TRUE(inner.view.page == PageId::done || inner.view.reload) << "at call " << n;
    EXPECT_TRUE(outer.view.page == PageId::done || outer.view.reload) << "at call " << n;
    EXPECT_EQ(asked.world.keeper.all().size(), 1);
    std::size_t sessions = 0;
    for (const auto& [name, record] : asked.world.store.all()) {
      if (std::get<0>(name) == RecordKind::session) ++sessions;
    }
    EXPECT_EQ(sessions, 1);
    // Whichever answer came last, the browser's cookies are good.
    Browser after = outer.view.page == PageId::done ? asked.browser : tab;
    EXPECT_EQ(after.get("/visit").view.page, PageId::done);
    EXPECT_EQ(after.get("/access").view.page, PageId::access);
  }
}

}  // namespace
}  // namespace sallyport::verify
