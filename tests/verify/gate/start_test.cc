// The first form, the captcha, the choice, deny lists, limits, and renewal without a factor.

#include <gtest/gtest.h>

#include "tests/verify/gate/gate_harness.h"
#include "verify/gate/captcha_of_visit.h"
#include "verify/gate/records.h"
#include "verify/gate/secrets.h"

namespace sallyport::verify {
namespace {

GateReply let_in(World& world, Browser& browser, std::string_view user) {
  browser.start(user);
  world.run_jobs();
  return browser.submit("/code", {{"code", world.messages.value("code")}});
}

TEST(Start, TextsThatAreNoUserIdAreAskedAgain) {
  World world;
  Browser browser(world);
  for (const char* user : {"", " alice", "a\nb"}) {
    const GateReply reply = browser.post("/start", {{"user", user}});
    EXPECT_EQ(reply.view.page, PageId::start);
    EXPECT_EQ(reply.view.error, GateError::bad_user);
    EXPECT_EQ(reply.status, 400);
  }
  EXPECT_TRUE(world.store.all().empty());
}

TEST(Start, FormsOfOtherSitesAreNotTaken) {
  World world;
  Browser browser(world);
  browser.same_origin = false;
  EXPECT_EQ(browser.post("/start", {{"user", "alice"}}).view.error, GateError::not_same_origin);
  EXPECT_TRUE(world.store.all().empty());
}

TEST(Start, ABrowserThatKeepsNoCookieIsTold) {
  World world;
  Browser browser(world);
  const GateReply reply = browser.post("/start", {{"user", "alice"}});
  browser.visit_cookie.clear();
  EXPECT_EQ(browser.get(reply.location).view.error, GateError::cookies_off);
  EXPECT_EQ(browser.get("/visit").view.error, GateError::no_visit);
}

TEST(Start, PathsThatAreNoneAreNotFound) {
  World world;
  Browser browser(world);
  EXPECT_EQ(browser.get("/nothing").status, 404);
  EXPECT_EQ(browser.post("/visit", {}).status, 404);
  EXPECT_EQ(browser.get("/code").location, "/visit");
}

TEST(Choice, OffersTheRoutesFactorsWhateverTheUserHas) {
  World world;
  for (const char* user : {"alice", "nobody"}) {
    Browser browser(world);
    browser.factors = {Factor::otp, Factor::token, Factor::otp};
    const GateReply choose = browser.start(user);
    EXPECT_EQ(choose.view.page, PageId::choose);
    EXPECT_EQ(choose.view.factors, (std::vector<Factor>{Factor::otp, Factor::token}));
  }
  EXPECT_TRUE(world.messages.posted.empty());
}

TEST(Choice, LeadsToTheFactorAndToAnother) {
  World world;
  Browser browser(world);
  browser.factors = {Factor::otp, Factor::token};
  browser.start("alice");
  EXPECT_EQ(browser.submit("/factor", {{"factor", "otp"}}).view.page, PageId::otp);
  EXPECT_EQ(browser.submit("/factor", {{"factor", "token"}}).view.page, PageId::token);
  world.run_jobs();
  EXPECT_EQ(browser.submit("/code", {{"code", world.messages.value("code")}}).view.page,
            PageId::done);
}

TEST(Choice, NothingThatTheRouteDoesNotAskForIsTaken) {
  World world;
  Browser browser(world);
  browser.factors = {Factor::otp, Factor::passkey};
  browser.start("alice");
  for (const char* factor : {"token", "link", "push", "nothing", ""}) {
    const GateReply reply = browser.post("/factor", {{"factor", factor}});
    EXPECT_EQ(reply.view.page, PageId::choose);
    EXPECT_EQ(reply.view.error, GateError::bad_form);
  }
  // Even when a later request names other factors.
  browser.factors = {Factor::token};
  EXPECT_EQ(browser.post("/factor", {{"factor", "token"}}).view.error, GateError::bad_form);
}

TEST(Choice, AccessLastsAsLongAsTheRouteSays) {
  World world;
  Browser browser(world);
  browser.access_ms = 5'000;
  let_in(world, browser, "alice");
  EXPECT_EQ(world.keeper.all()[0].until_ms, world.now_ms + 5'000);
}

TEST(Choice, TheSecretChangesWithTheFactor) {
  World world;
  Browser browser(world);
  browser.factors = {Factor::otp, Factor::token};
  browser.start("alice");
  const Browser before = browser;
  browser.submit("/factor", {{"factor", "token"}});
  EXPECT_NE(browser.visit_cookie, before.visit_cookie);
  Browser old = before;
  EXPECT_EQ(old.get("/visit").view.error, GateError::no_visit);
}

GateSettings captcha_settings() {
  GateSettings settings = plain_settings();
  settings.captcha = CaptchaMode::math;
  return settings;
}

/// As the test can look into the store.
Visit stored_visit(World& world, const Browser& browser) {
  return *read<Visit>((*world.store.get(visit_key(hash_of(browser.visit_cookie))))->value);
}
std::string solution(World& world, const Browser& browser) {
  return captcha_of(stored_visit(world, browser), CaptchaMode::math).solution;
}

TEST(CaptchaPage, ComesFirstAndNothingIsSentBefore) {
  World world(captcha_settings());
  Browser browser(world);
  const GateReply shown = browser.start("alice");
  EXPECT_EQ(shown.view.page, PageId::captcha);
  EXPECT_EQ(browser.post("/factor", {{"factor", "token"}}).location, "/visit");
  EXPECT_EQ(browser.post("/again", {}).location, "/visit");
  world.run_jobs();
  EXPECT_TRUE(world.messages.posted.empty());
  const GateReply picture = browser.get("/captcha.png");
  EXPECT_EQ(picture.kind, GateReply::Kind::octets);
  EXPECT_EQ(picture.content_type, "image/png");
  EXPECT_EQ(picture.octets.substr(1, 3), "PNG");
  EXPECT_EQ(browser.get("/captcha.png").octets, picture.octets) << "looking changes nothing";
  EXPECT_EQ(browser.submit("/captcha", {{"answer", solution(world, browser)}}).view.page,
            PageId::token);
  world.run_jobs();
  EXPECT_EQ(world.messages.posted.size(), 1);
}

TEST(CaptchaPage, WrongAnswersGetAnotherPictureAndAnEnd) {
  World world(captcha_settings());
  Browser browser(world);
  std::string image = browser.start("alice").view.captcha_image;
  for (int i = 0; i < 4; ++i) {
    const GateReply wrong = browser.post("/captcha", {{"answer", "99"}});
    EXPECT_EQ(wrong.view.error, GateError::bad_captcha);
    EXPECT_NE(wrong.view.captcha_image, image);
    image = wrong.view.captcha_image;
  }
  EXPECT_EQ(browser.post("/captcha", {{"answer", "99"}}).view.page, PageId::ended);
  EXPECT_TRUE(world.jobs.empty());
}

TEST(CaptchaPage, AnotherPictureIsNoWrongAnswer) {
  World world(captcha_settings());
  Browser browser(world);
  const std::string image = browser.start("alice").view.captcha_image;
  for (int i = 0; i < 6; ++i) browser.submit("/captcha", {{"renew", "1"}});
  const GateReply shown = browser.get("/visit");
  EXPECT_EQ(shown.view.page, PageId::captcha);
  EXPECT_NE(shown.view.captcha_image, image);
}

TEST(CaptchaPage, AProofOfWorkWillDo) {
  World world(captcha_settings());
  Browser browser(world);
  const GateReply shown = browser.start("alice");
  ASSERT_EQ(shown.view.proof_bits, kProofBits);
  std::uint64_t number = 0;
  while (!proves(shown.view.proof_challenge, std::to_string(number), kProofBits)) ++number;
  EXPECT_EQ(browser.submit("/captcha", {{"proof", std::to_string(number)}}).view.page,
            PageId::token);
}

// doorman 6: one solved captcha sent messages without end.
TEST(CaptchaPage, Defect6OneSolutionIsGoodOnce) {
  World world(captcha_settings());
  Browser browser(world);
  browser.start("alice");
  const std::string answer = solution(world, browser);
  Browser copy = browser;
  EXPECT_EQ(browser.submit("/captcha", {{"answer", answer}}).view.page, PageId::token);
  EXPECT_EQ(copy.submit("/captcha", {{"answer", answer}}).view.error, GateError::no_visit);
  for (int i = 0; i < 10; ++i) browser.submit("/again", {});
  world.run_jobs();
  EXPECT_EQ(world.messages.posted.size(), 3);
}

TEST(CaptchaPage, Defect6OfTwoWhoSolveItAtOnceOneGoesOn) {
  bool more = true;
  for (std::uint64_t n = 1; more; ++n) {
    World world(captcha_settings());
    Browser browser(world);
    browser.start("alice");
    const Form form = {{"answer", solution(world, browser)}};
    Browser copy = browser;
    world.store.interrupt_at(n, [&] { copy.post("/captcha", form); });
    browser.post("/captcha", form);
    more = !world.store.forget_interrupt();
    world.run_jobs();
    EXPECT_EQ(world.messages.posted.size(), 1) << "at call " << n;
  }
}

TEST(CaptchaPage, AnAnswerToAPictureThatIsGoneIsNone) {
  bool more = true;
  for (std::uint64_t n = 1; more; ++n) {
    World world(captcha_settings());
    Browser browser(world);
    browser.start("alice");
    const Form form = {{"answer", solution(world, browser)}};
    Browser copy = browser;
    // Another picture may by chance have the same answer; it is read before the answer is given.
    bool other_answer_wanted = false;
    world.store.interrupt_at(n, [&] {
      if (copy.post("/captcha", {{"renew", "1"}}).location != "/visit") return;
      other_answer_wanted = solution(world, copy) != form[0].second;
    });
    browser.post("/captcha", form);
    more = !world.store.forget_interrupt();
    if (!other_answer_wanted) continue;
    world.run_jobs();
    EXPECT_TRUE(world.messages.posted.empty()) << "at call " << n;
  }
}

TEST(Deny, AddressesSeeNothingOfTheGate) {
  GateSettings settings = plain_settings();
  settings.denied_addresses = {*Prefix::parse("192.0.2.0/24")};
  World world(settings);
  Browser denied(world);
  EXPECT_EQ(denied.start("alice").view.error, GateError::not_allowed);
  EXPECT_EQ(denied.get("/access").status, 403);
  EXPECT_TRUE(world.store.all().empty());
  Browser other(world, "198.51.100.7");
  EXPECT_EQ(let_in(world, other, "alice").view.page, PageId::done);
}

TEST(Deny, UsersGetNoMessageAndNoGrant) {
  GateSettings settings = plain_settings();
  settings.denied_users = {"ALICE"};
  settings.factors = {Factor::token, Factor::otp};
  World world(settings);
  const std::string secret = world.give_app("alice");
  Browser browser(world);
  browser.start("alice");
  EXPECT_EQ(browser.submit("/factor", {{"factor", "token"}}).view.page, PageId::token);
  world.run_jobs();
  EXPECT_TRUE(world.messages.posted.empty());
  browser.submit("/factor", {{"factor", "otp"}});
  const GateReply ended = browser.submit("/code", {{"code", world.app_code(secret)}});
  EXPECT_EQ(ended.view.error, GateError::not_allowed);
  EXPECT_TRUE(world.keeper.all().empty());
}

TEST(LimitsOfTheGate, AreKeptOnEveryPathThatSendsOrChecks) {
  struct Case {
    Limited what;
    std::function<GateReply(World&, Browser&)> second;
  };
  const auto start = [](World&, Browser& browser) {
    return browser.post("/start", {{"user", "alice"}});
  };
  const Case cases[] = {
      {.what = Limited::start, .second = start},
      {.what = Limited::send, .second = start},
      {.what = Limited::send,
       .second = [](World&, Browser& browser) { return browser.post("/again", {}); }},
      {.what = Limited::check,
       .second =
           [](World&, Browser& browser) {
             browser.post("/code", {{"code", "1"}});
             return browser.post("/code", {{"code", "1"}});
           }},
      {.what = Limited::approval,
       .second =
           [](World&, Browser& browser) {
             browser.get("/approve?k=x");
             return browser.get("/approve?k=x");
           }},
      {.what = Limited::registration,
       .second =
           [](World&, Browser& browser) {
             browser.get("/register?k=x");
             return browser.get("/register?k=x");
           }},
      {.what = Limited::approval,
       .second =
           [](World&, Browser& browser) {
             browser.get("/pair?t=x");
             return browser.post("/pair", {{"t", "x"}});
           }},
      {.what = Limited::captcha,
       .second =
           [](World&, Browser& browser) {
             browser.get("/captcha.png");
             return browser.get("/captcha.png");
           }},
  };
  for (const Case& c : cases) {
    GateSettings settings = plain_settings();
    settings.limits[static_cast<std::size_t>(c.what)].address = {.count = 1, .window_ms = 60'000};
    World world(settings);
    Browser browser(world);
    browser.start("alice");
    const GateReply refused = c.second(world, browser);
    EXPECT_EQ(refused.view.error, GateError::too_often) << static_cast<int>(c.what);
    EXPECT_EQ(refused.status, 429);
    EXPECT_GT(refused.retry_after_s, 0);
    EXPECT_TRUE(world.has_audited("limited"));
  }
}

GateSettings renewing() {
  GateSettings settings = plain_settings();
  settings.renew_silently = true;
  return settings;
}

TEST(Renewal, ASessionOpensAnotherAddressWithoutAFactor) {
  World world(renewing());
  Browser browser(world);
  let_in(world, browser, "alice");
  browser.visitor = *IpAddress::parse("198.51.100.7");
  browser.return_url = "https://app.example.net/b";
  const GateReply first = browser.get("/");
  EXPECT_TRUE(first.view.can_renew);
  EXPECT_EQ(first.view.user, "alice");
  EXPECT_FALSE(is_open(world, "198.51.100.7")) << "looking changes nothing";
  const GateReply reply = browser.post("/start", {{"user", ""}});
  EXPECT_EQ(reply.location, "https://app.example.net/b");
  EXPECT_TRUE(is_open(world, "198.51.100.7"));
  EXPECT_TRUE(world.has_audited("renewed"));
}

TEST(Renewal, IsAskedForInTheSettings) {
  World world;
  Browser browser(world);
  let_in(world, browser, "alice");
  browser.visitor = *IpAddress::parse("198.51.100.7");
  EXPECT_EQ(browser.start("alice").view.page, PageId::token);
  EXPECT_FALSE(is_open(world, "198.51.100.7"));
}

TEST(Renewal, IsNoneForAnotherUserFactorOrEndedSession) {
  World world(renewing());
  Browser browser(world);
  let_in(world, browser, "alice");
  browser.visitor = *IpAddress::parse("198.51.100.7");
  Browser other = browser;
  EXPECT_EQ(other.start("bob").view.page, PageId::token);
  Browser stricter = browser;
  stricter.factors = {Factor::otp};
  EXPECT_EQ(stricter.start("alice").view.page, PageId::otp);
  Browser forged = browser;
  forged.session_cookie[5] = forged.session_cookie[5] == 'A' ? 'B' : 'A';
  EXPECT_EQ(forged.start("alice").view.page, PageId::token);
  Browser renamed = browser;
  const std::size_t dot = renamed.session_cookie.find('.');
  renamed.session_cookie = renamed.session_cookie.substr(0, dot) + ".Ym9i";  // bob
  EXPECT_EQ(renamed.start("bob").view.page, PageId::token);
  world.directory.users.erase("alice");
  EXPECT_EQ(browser.start("alice").view.page, PageId::token);
  EXPECT_FALSE(is_open(world, "198.51.100.7"));
}

TEST(Renewal, AGrantThatWasRevokedIsNotRevivedByAnOldCookie) {
  World world(renewing());
  Browser browser(world);
  let_in(world, browser, "alice");
  ASSERT_TRUE(world.keeper.end(world.keeper.all()[0].id, "operator").has_value());
  EXPECT_EQ(browser.start("alice").view.page, PageId::token);
  EXPECT_FALSE(is_open(world, "192.0.2.1"));
}

TEST(Renewal, AGrantThatRanOutIsRenewed) {
  World world(renewing());
  Browser browser(world);
  let_in(world, browser, "alice");
  world.pass(36'000'001);
  const auto open = world.keeper.all();
  for (const Grant& grant : open) ASSERT_TRUE(world.keeper.end(grant.id, "expired").has_value());
  EXPECT_EQ(browser.post("/start", {{"user", "alice"}}).location, "/access");
  EXPECT_TRUE(is_open(world, "192.0.2.1"));
}

TEST(GrantsOfAUser, TheOldestEndsWhenThereAreTooMany) {
  GateSettings settings = plain_settings();
  settings.max_grants_per_user = 2;
  World world(settings);
  for (const char* address : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) {
    Browser browser(world, address);
    let_in(world, browser, "alice");
    world.pass(1'000);
  }
  EXPECT_FALSE(is_open(world, "192.0.2.1"));
  EXPECT_TRUE(is_open(world, "192.0.2.2"));
  EXPECT_TRUE(is_open(world, "192.0.2.3"));
}

TEST(GrantsOfAUser, NoMoreAreOpenedWhereTheOldestStays) {
  GateSettings settings = plain_settings();
  settings.max_grants_per_user = 1;
  settings.evict_oldest = false;
  World world(settings);
  Browser first(world);
  let_in(world, first, "alice");
  Browser second(world, "192.0.2.2");
  EXPECT_EQ(let_in(world, second, "alice").view.error, GateError::too_many_grants);
  EXPECT_TRUE(is_open(world, "192.0.2.1"));
  EXPECT_FALSE(is_open(world, "192.0.2.2"));
  Browser other(world, "192.0.2.2");
  EXPECT_EQ(let_in(world, other, "bob").view.page, PageId::done);
}

TEST(GrantsOfAUser, CarryACookieWhereOneIsAskedFor) {
  for (const Bind bind : {Bind::cookie, Bind::both}) {
    GateSettings settings = plain_settings();
    settings.bind = bind;
    World world(settings);
    Browser browser(world);
    let_in(world, browser, "alice");
    const std::string id = std::to_string(world.keeper.all()[0].id);
    EXPECT_TRUE(browser.access_cookie.starts_with(id + "."));
    EXPECT_GT(browser.access_cookie.size(), id.size() + 40);
  }
}

TEST(GrantsOfAUser, SlideAsTheSettingsSay) {
  GateSettings settings = plain_settings();
  settings.sliding = true;
  World world(settings);
  Browser browser(world);
  let_in(world, browser, "alice");
  const Grant grant = world.keeper.all()[0];
  EXPECT_EQ(grant.slides_ms, 36'000'000);
  EXPECT_EQ(grant.latest_ms, world.now_ms + std::uint64_t{7} * 24 * 3'600'000);
}

}  // namespace
}  // namespace sallyport::verify
