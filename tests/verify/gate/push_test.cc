// The user's phone is asked.

#include <gtest/gtest.h>

#include "tests/verify/gate/gate_harness.h"

namespace sallyport::verify {
namespace {

GateSettings push_settings() {
  GateSettings settings = plain_settings();
  settings.factors = {Factor::push};
  return settings;
}

struct Pushed {
  World world{push_settings()};
  Browser browser{world};
  explicit Pushed(std::string_view user = "alice") {
    browser.start(user);
    world.run_jobs();
  }
  void decide(Verdict verdict) {
    world.phone.asked.back().decided(verdict);
    world.run_jobs();
  }
};

TEST(Push, ApprovedLetsIn) {
  Pushed pushed;
  ASSERT_EQ(pushed.world.phone.asked.size(), 1);
  EXPECT_EQ(pushed.world.phone.asked[0].user, "alice");
  EXPECT_EQ(pushed.world.phone.asked[0].address, pushed.browser.visitor);
  const GateReply held = pushed.browser.wait();
  EXPECT_EQ(held.kind, GateReply::Kind::hold);
  EXPECT_EQ(held.view.number, pushed.world.phone.asked[0].number);
  pushed.decide(Verdict::approved);
  EXPECT_EQ(pushed.world.notified.back(), held.held_visit);
  EXPECT_EQ(pushed.browser.wait().view.page, PageId::done);
  EXPECT_EQ(pushed.world.keeper.all()[0].by, "push");
}

TEST(Push, DeniedSaysSo) {
  Pushed pushed;
  pushed.decide(Verdict::denied);
  EXPECT_EQ(pushed.browser.wait().view.error, GateError::denied);
  EXPECT_TRUE(pushed.world.keeper.all().empty());
}

TEST(Push, WhatOnlyKnownUsersCouldSeeIsNotShown) {
  for (const Verdict verdict : {Verdict::unknown_user, Verdict::unavailable, Verdict::expired}) {
    Pushed pushed;
    pushed.decide(verdict);
    EXPECT_EQ(pushed.browser.wait().kind, GateReply::Kind::hold) << to_text(verdict);
    pushed.world.pass(60'000);
    EXPECT_EQ(pushed.browser.wait().view.error, GateError::expired);
    EXPECT_TRUE(pushed.world.keeper.all().empty());
  }
  Pushed unknown("nobody");
  EXPECT_TRUE(unknown.world.phone.asked.empty());
  EXPECT_EQ(unknown.browser.wait().kind, GateReply::Kind::hold);
  unknown.world.pass(60'000);
  EXPECT_EQ(unknown.browser.wait().view.error, GateError::expired);
}

TEST(Push, AYesThatComesTooLateIsNone) {
  Pushed pushed;
  pushed.world.pass(60'000);
  pushed.decide(Verdict::approved);
  EXPECT_EQ(pushed.browser.wait().view.error, GateError::expired);
  EXPECT_TRUE(pushed.world.keeper.all().empty());
}

TEST(Push, AYesToTheFirstDoesNotAnswerTheSecond) {
  Pushed pushed;
  pushed.browser.submit("/again", {});
  pushed.world.run_jobs();
  ASSERT_EQ(pushed.world.phone.asked.size(), 2);
  pushed.world.phone.asked[0].decided(Verdict::approved);
  pushed.world.run_jobs();
  EXPECT_EQ(pushed.browser.wait().kind, GateReply::Kind::hold);
  pushed.decide(Verdict::approved);
  EXPECT_EQ(pushed.browser.wait().view.page, PageId::done);
}

TEST(Push, AnAnswerAfterTheGateIsGoneHurtsNobody) {
  Pushed pushed;
  pushed.world.gate.reset();
  pushed.decide(Verdict::approved);
  EXPECT_TRUE(pushed.world.has_audited("push_approved"));
}

TEST(Push, ADirectoryThatIsAwayIsSaid) {
  World world(push_settings());
  world.directory.away = true;
  Browser browser(world);
  EXPECT_EQ(browser.start("alice").view.page, PageId::push);
  world.run_jobs();
  const GateReply ended = browser.wait();
  EXPECT_EQ(ended.view.page, PageId::ended);
  EXPECT_EQ(ended.view.error, GateError::unavailable);
}

}  // namespace
}  // namespace sallyport::verify
