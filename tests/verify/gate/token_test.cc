// A code by mail or SMS.

#include <gtest/gtest.h>

#include "tests/verify/gate/gate_harness.h"

namespace sallyport::verify {
namespace {

std::string other_code(const std::string& code) { return code == "000000" ? "000001" : "000000"; }

TEST(Token, LetsInWhoHasTheCode) {
  World world;
  Browser browser(world);
  const GateReply asked = browser.start("alice", "https://app.example.net/a?b=c");
  EXPECT_EQ(asked.view.page, PageId::token);
  EXPECT_EQ(asked.view.error, GateError::none);
  EXPECT_EQ(asked.view.until_ms, world.now_ms + 60'000);
  EXPECT_FALSE(is_open(world, "192.0.2.1"));
  world.run_jobs();
  ASSERT_EQ(world.messages.posted.size(), 1);
  EXPECT_EQ(world.messages.posted[0].kind, MessageKind::token);
  EXPECT_EQ(world.messages.posted[0].to.id, "alice");
  EXPECT_EQ(world.messages.posted[0].language, "de");

  const GateReply done = browser.submit("/code", {{"code", world.messages.value("code")}});
  EXPECT_EQ(done.view.page, PageId::done);
  EXPECT_EQ(done.view.return_url, "https://app.example.net/a?b=c");
  ASSERT_EQ(world.keeper.all().size(), 1);
  const Grant grant = world.keeper.all()[0];
  EXPECT_EQ(grant.user, "alice");
  EXPECT_EQ(grant.by, "token");
  EXPECT_EQ(grant.address, browser.visitor);
  EXPECT_EQ(grant.until_ms, world.now_ms + 36'000'000);
  EXPECT_NE(browser.session_cookie, "");
  EXPECT_EQ(browser.access_cookie, "") << "not asked for";
}

TEST(Token, SpacesTheDigitsOfShortMessages) {
  World world;
  Browser(world).start("alice");
  world.run_jobs();
  const std::string code = world.messages.value("code");
  std::string spaced;
  for (const char digit : code) spaced += (spaced.empty() ? "" : "-") + std::string(1, digit);
  EXPECT_EQ(world.messages.value("spaced_code"), spaced);
  EXPECT_EQ(world.messages.value("minutes"), "1");
}

TEST(Token, IsNotSentMoreOftenToAnotherSpelling) {
  GateSettings settings = plain_settings();
  settings.limits[static_cast<std::size_t>(Limited::send)].user = {.count = 2,
                                                                   .window_ms = 3'600'000};
  World world(settings);
  for (const char* const spelling : {"alice", "a lice", "al ice", "ali ce"}) {
    world.directory.users.emplace(spelling, world.directory.users.at("alice"));
    Browser(world).start(spelling);
    world.run_jobs();
  }
  EXPECT_EQ(world.messages.posted.size(), 2);
  EXPECT_TRUE(world.has_audited("limited"));
}

TEST(Token, IsTakenAsPeopleTypeIt) {
  World world;
  Browser browser(world);
  browser.start("alice");
  world.run_jobs();
  const GateReply done = browser.submit("/code", {{"code", world.messages.value("spaced_code")}});
  EXPECT_EQ(done.view.page, PageId::done);
}

TEST(Token, WrongOnesEndTheVisitAfterSoManyTries) {
  World world;
  Browser browser(world);
  browser.start("alice");
  world.run_jobs();
  const std::string code = world.messages.value("code");
  for (int i = 0; i < 4; ++i) {
    const GateReply wrong = browser.submit("/code", {{"code", other_code(code)}});
    EXPECT_EQ(wrong.view.page, PageId::token);
    EXPECT_EQ(wrong.view.error, GateError::bad_code);
    EXPECT_EQ(wrong.status, 403);
  }
  EXPECT_EQ(browser.submit("/code", {{"code", other_code(code)}}).view.page, PageId::ended);
  EXPECT_EQ(browser.submit("/code", {{"code", code}}).view.page, PageId::ended);
  EXPECT_FALSE(is_open(world, "192.0.2.1"));
}

// doorman 5: the token was compared with a cookie that lived for thirty days.
TEST(Token, Defect5DeadAfterItsDurationWhateverCookieIsKept) {
  World world;
  Browser browser(world);
  browser.start("alice");
  world.run_jobs();
  const Browser saved = browser;
  world.pass(60'000);
  const GateReply late = browser.submit("/code", {{"code", world.messages.value("code")}});
  EXPECT_EQ(late.view.page, PageId::token);
  EXPECT_EQ(late.view.error, GateError::expired);
  EXPECT_TRUE(late.view.can_send_again);
  Browser elsewhere = saved;
  elsewhere.visitor = *IpAddress::parse("198.51.100.7");
  EXPECT_EQ(elsewhere.submit("/code", {{"code", world.messages.value("code")}}).view.error,
            GateError::expired);
  EXPECT_TRUE(world.keeper.all().empty());
}

TEST(Token, IsGoodOnce) {
  World world;
  Browser browser(world);
  browser.start("alice");
  world.run_jobs();
  Browser copy = browser;
  copy.visitor = *IpAddress::parse("198.51.100.7");
  EXPECT_EQ(browser.submit("/code", {{"code", world.messages.value("code")}}).view.page,
            PageId::done);
  EXPECT_EQ(copy.submit("/code", {{"code", world.messages.value("code")}}).view.error,
            GateError::no_visit);
  EXPECT_FALSE(is_open(world, "198.51.100.7"));
}

TEST(Token, IsBoundToTheVisitThatAskedForIt) {
  World world;
  Browser first(world);
  first.start("alice");
  world.run_jobs();
  const std::string code = world.messages.value("code");
  Browser second(world, "198.51.100.7");
  second.start("alice");
  world.run_jobs();
  if (world.messages.value("code") == code) GTEST_SKIP() << "one in a million";
  EXPECT_EQ(second.submit("/code", {{"code", code}}).view.error, GateError::bad_code);
  EXPECT_EQ(first.submit("/code", {{"code", code}}).view.page, PageId::done);
}

// doorman 13: whoever asked again within the time had no token at all, and blocked the user's.
TEST(Token, Defect13AskingAgainNeitherBlocksNorBreaks) {
  World world;
  Browser victim(world);
  victim.start("alice");
  world.run_jobs();
  const std::string code = world.messages.value("code");
  Browser attacker(world, "198.51.100.7");
  attacker.start("alice");
  world.run_jobs();
  EXPECT_EQ(victim.submit("/code", {{"code", code}}).view.page, PageId::done);

  Browser again(world, "192.0.2.9");
  again.start("bob");
  again.start("bob");
  world.run_jobs();
  EXPECT_EQ(again.submit("/code", {{"code", world.messages.value("code")}}).view.page,
            PageId::done);
}

TEST(Token, ComesAgainWhenAskedAndTheFirstIsDead) {
  World world;
  Browser browser(world);
  browser.start("alice");
  world.run_jobs();
  const std::string first = world.messages.value("code");
  EXPECT_EQ(browser.submit("/again", {}).view.page, PageId::token);
  world.run_jobs();
  ASSERT_EQ(world.messages.posted.size(), 2);
  const std::string second = world.messages.value("code");
  if (first == second) GTEST_SKIP() << "one in a million";
  EXPECT_EQ(browser.submit("/code", {{"code", first}}).view.error, GateError::bad_code);
  EXPECT_EQ(browser.submit("/code", {{"code", second}}).view.page, PageId::done);
}

TEST(Token, IsSentSoOftenInAVisitAndNoMore) {
  World world;
  Browser browser(world);
  browser.start("alice");
  browser.submit("/again", {});
  EXPECT_FALSE(browser.submit("/again", {}).view.can_send_again);
  const GateReply refused = browser.post("/again", {});
  EXPECT_EQ(refused.view.error, GateError::too_often);
  EXPECT_EQ(refused.status, 429);
  world.run_jobs();
  EXPECT_EQ(world.messages.posted.size(), 3);
}

// doorman 17: without a cookie the answer was 200 "No values found".
TEST(Token, Defect17WithoutACookieIsAnError) {
  World world;
  Browser browser(world);
  const GateReply reply = browser.post("/code", {{"code", "123456"}});
  EXPECT_EQ(reply.view.page, PageId::message);
  EXPECT_EQ(reply.view.error, GateError::no_visit);
  EXPECT_EQ(reply.status, 403);
}

// doorman 9: users could be told from others by text, status and time.
TEST(Token, Defect9UnknownUsersSeeTheSame) {
  World world;
  Browser known(world);
  Browser unknown(world, "198.51.100.7");
  GateReply first = known.start("alice");
  GateReply second = unknown.start("nobody");
  EXPECT_EQ(first.status, second.status);
  EXPECT_EQ(first.view.page, second.view.page);
  EXPECT_EQ(first.view.until_ms, second.view.until_ms);
  EXPECT_EQ(first.view.can_send_again, second.view.can_send_again);
  // Before anybody was looked up: the directory could not have changed the page.
  EXPECT_EQ(world.jobs.size(), 2);
  world.run_jobs();
  EXPECT_EQ(world.messages.posted.size(), 1);
  for (int i = 0; i < 5; ++i) {
    first = known.submit("/code", {{"code", other_code(world.messages.value("code"))}});
    second = unknown.submit("/code", {{"code", "123456"}});
    EXPECT_EQ(first.status, second.status);
    EXPECT_EQ(first.view.page, second.view.page);
    EXPECT_EQ(first.view.error, second.view.error);
  }
  EXPECT_TRUE(world.has_audited("unknown_user"));
}

TEST(Token, StoresNeitherTheCodeNorTheVisitsSecret) {
  World world;
  Browser browser(world);
  browser.start("alice");
  world.run_jobs();
  const std::string code = world.messages.value("code");
  for (const auto& [name, record] : world.store.all()) {
    EXPECT_EQ(record.value.find(code), std::string::npos);
    EXPECT_EQ(record.value.find(browser.visit_cookie), std::string::npos);
    EXPECT_EQ(std::get<2>(name).find(browser.visit_cookie), std::string::npos);
  }
}

// doorman 10: secrets in logs.
TEST(Token, Defect10TheAuditLogHasNoSecret) {
  World world;
  Browser browser(world);
  browser.start("alice");
  world.run_jobs();
  const std::string code = world.messages.value("code");
  const std::string visit = browser.visit_cookie;
  browser.submit("/code", {{"code", code}});
  ASSERT_FALSE(world.audit.empty());
  for (const AuditLine& line : world.audit) {
    for (const std::string& secret : {code, visit, browser.visit_cookie, browser.session_cookie}) {
      EXPECT_EQ((line.what + line.user + line.detail).find(secret), std::string::npos);
    }
  }
}

TEST(Token, TheSecretChangesWhenItIsApproved) {
  World world;
  Browser browser(world);
  browser.start("alice");
  world.run_jobs();
  Browser planted = browser;  // who knew the visit's secret from before
  browser.submit("/code", {{"code", world.messages.value("code")}});
  EXPECT_NE(browser.visit_cookie, planted.visit_cookie);
  EXPECT_EQ(planted.get("/visit").view.error, GateError::no_visit);
  EXPECT_EQ(planted.session_cookie, "");
  EXPECT_EQ(planted.wait().view.reload, true);
}

}  // namespace
}  // namespace sallyport::verify
