// A factor behind the password, and policies with several: who holds logins, checks codes and asks
// the phone is written down.

#include <utility>

#include <gmock/gmock.h>

#include "protocol/radius/translate.h"
#include "tests/engine/radius/door_harness.h"
#include "tests/engine/radius/held_logins.h"

namespace sallyport::radius_door {
namespace {

using config::PolicyAction;
using testing::Bytes;
using verify::CodeVerdict;
using verify::LoginFactor;
using verify::LoginFactors;

class DoorMenuTest : public testing::DoorTest {
 protected:
  DoorMenuTest() {
    outbox_.held_logins = &held_;
    settings_.second_factor.appended = true;
    use({.name = "both",
         .action = PolicyAction::ask,
         .factors = {LoginFactor::push, LoginFactor::otp},
         .accept_attributes = {
             {.name = *radius::AttributeName::parse("Class"), .value = "mfa={factor}"}}});
  }
  void use(config::Policy policy) {
    settings_.policies = PolicyTable({std::move(policy)}, settings_.second_factor, LocalZone());
  }
  void use(PolicyAction action) { use({.name = "one", .action = action}); }

  void log_in(std::string password, std::vector<std::string> proxy_states = {}) {
    receive(
        testing::Login{.password = std::move(password), .proxy_states = std::move(proxy_states)});
    accept();
  }
  [[nodiscard]] std::string password_downstream() const {
    const Bytes& sent = outbox_.to_downstream.back().octets;
    const auto view = radius::PacketView::parse(sent);
    std::array<std::uint8_t, 128> clear;
    const auto octets = radius::reveal_user_password(
        *view->find(radius::Type::user_password), *downstream_key_, view->authenticator(), clear);
    return std::string(as_text(Octets(clear).first(octets.value())));
  }
  void check(CodeVerdict verdict, std::uint32_t place = verify::CodeAnswer::kNoPlace) {
    verify::CodeAnswer answer{
        .ticket = held_.typed.back().ticket, .verdict = verdict, .place = place};
    copy_octets(as_octets(verify::kStateMark), answer.next);
    door().code_checked(now_, answer);
  }
  /// What the desk says of a login that has just been held, `place` 0.
  void begin(CodeVerdict verdict, LoginFactor factor, LoginFactors factors = {}) {
    ASSERT_TRUE(held_.typed.back().begins);
    verify::CodeAnswer answer{.ticket = held_.typed.back().ticket, .verdict = verdict};
    if (verdict == CodeVerdict::chose_push || verdict == CodeVerdict::chose_link) answer.place = 0;
    copy_octets(as_octets(verify::kStateMark), answer.next);
    answer.next_ms = 42'000;
    answer.factor = factor;
    answer.factors = factors;
    door().code_checked(now_, answer);
  }
  void see_menu() {
    log_in("wonderland");
    begin(CodeVerdict::offered, LoginFactor::otp, {LoginFactor::push, LoginFactor::otp});
  }
  /// The answer to the last challenge.
  void choose(std::string text) {
    const auto state = last_answer().find(radius::Type::state);
    ASSERT_TRUE(state.has_value());
    const Bytes octets(state->begin(), state->end());
    receive(testing::Login{
        .identifier = 2, .authenticator = 2, .password = std::move(text), .state = octets});
  }
  [[nodiscard]] std::string last_class(std::uint8_t authenticator) const {
    std::string last;
    for (const radius::Attribute attribute : last_answer(authenticator))
      if (attribute.type == radius::Type{25}) last = as_text(attribute.value);
    return last;
  }

  testing::HeldLogins held_;
};

TEST_F(DoorMenuTest, ACodeBehindThePasswordIsCheckedAfterTheAccept) {
  use(PolicyAction::otp);
  receive(testing::Login{.password = "wonderland,012345", .proxy_states = {"one", "two"}});
  EXPECT_EQ(password_downstream(), "wonderland");
  EXPECT_TRUE(held_.typed.empty());
  accept();
  ASSERT_EQ(held_.typed.size(), 1u);
  EXPECT_EQ(held_.typed.back().code.view(), "012345");
  EXPECT_EQ(held_.typed.back().login.view(), "alice");
  EXPECT_TRUE(outbox_.to_client.empty());
  check(CodeVerdict::approved, 0);
  const radius::PacketView answer = last_answer();
  EXPECT_EQ(answer.code(), radius::Code::access_accept);
  EXPECT_EQ(last_class(1), "cla");
  std::vector<std::string> states;
  for (const radius::Attribute attribute : answer)
    if (attribute.type == radius::Type::proxy_state) states.emplace_back(as_text(attribute.value));
  EXPECT_EQ(states, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(held_.let_go_times[0], 1);
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::approved);
  EXPECT_EQ(metrics_.codes_asked.value(), 0u);
}

TEST_F(DoorMenuTest, AWrongPasswordUsesNoCode) {
  use(PolicyAction::otp);
  receive(testing::Login{.password = "wrong,123456"});
  reply(radius::Code::access_reject);
  EXPECT_TRUE(held_.logins.empty());
  EXPECT_TRUE(held_.typed.empty());
  EXPECT_EQ(last_answer().code(), radius::Code::access_reject);
}

TEST_F(DoorMenuTest, OffByDefaultAllOfItIsThePassword) {
  settings_.second_factor.appended = config::SecondFactor().appended;
  use(PolicyAction::otp);
  log_in("wonderland,123456");
  EXPECT_EQ(password_downstream(), "wonderland,123456");
  EXPECT_TRUE(held_.typed.empty());
  EXPECT_EQ(last_answer().code(), radius::Code::access_challenge);
}

TEST_F(DoorMenuTest, AWrongCodeGetsAChallengeWhereClientsKnowIt) {
  use(PolicyAction::otp);
  log_in("wonderland,123456", {"one"});
  check(CodeVerdict::again);
  EXPECT_EQ(last_answer().code(), radius::Code::access_challenge);
  EXPECT_TRUE(last_answer().has(radius::Type::proxy_state));
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::wrong_code);
}

TEST_F(DoorMenuTest, WithoutChallengesThereIsOneTryAndItIsBehindThePassword) {
  settings_.second_factor.challenge = false;
  use(PolicyAction::otp);
  log_in("wonderland,123456");
  ASSERT_EQ(held_.logins.size(), 1u);
  EXPECT_EQ(held_.logins.back().tries, 1u);
  check(CodeVerdict::denied, 0);
  EXPECT_EQ(last_answer().code(), radius::Code::access_reject);

  receive(testing::Login{.identifier = 2, .authenticator = 2});
  accept();
  EXPECT_EQ(last_answer(2).code(), radius::Code::access_reject);
  EXPECT_EQ(as_text(*last_answer(2).find(radius::Type::reply_message)),
            settings_.second_factor.messages.code_missing_message);
  EXPECT_EQ(held_.logins.size(), 1u);
}

TEST_F(DoorMenuTest, WhatVerifyDoesNotTakeLetsNobodyIn) {
  use(PolicyAction::otp);
  held_.takes_codes = false;
  log_in("wonderland,123456");
  EXPECT_EQ(last_answer().code(), radius::Code::access_reject);
}

TEST_F(DoorMenuTest, ACodeDoesNotReplaceThePushOfAPolicy) {
  use(PolicyAction::push);
  log_in("wonderland,123456");
  EXPECT_EQ(outbox_.questions.size(), 1u);
  EXPECT_TRUE(held_.typed.empty());
  EXPECT_TRUE(outbox_.to_client.empty());
}

TEST_F(DoorMenuTest, AWordChoosesOnlyWhatThePolicyAllows) {
  log_in("wonderland,push");
  EXPECT_EQ(outbox_.questions.size(), 1u);
  EXPECT_EQ(password_downstream(), "wonderland");
  answer(verify::Verdict::approved);
  EXPECT_EQ(last_answer().code(), radius::Code::access_accept);
  EXPECT_EQ(last_class(1), "mfa=push");

  door_.reset();
  use(PolicyAction::otp);
  log_in("wonderland,push");
  EXPECT_EQ(outbox_.questions.size(), 1u);
  EXPECT_EQ(last_answer().code(), radius::Code::access_challenge);
}

TEST_F(DoorMenuTest, WhoHasNotChosenGetsAMenu) {
  log_in("wonderland", {"one"});
  EXPECT_TRUE(outbox_.to_client.empty());
  begin(CodeVerdict::offered, LoginFactor::otp, {LoginFactor::push, LoginFactor::otp});
  EXPECT_EQ(last_answer().code(), radius::Code::access_challenge);
  EXPECT_TRUE(last_answer().has(radius::Type::proxy_state));
  EXPECT_EQ(as_text(*last_answer().find(radius::Type::reply_message)),
            "1: confirm on the phone. 2: code from your authenticator app.");
  ASSERT_EQ(held_.logins.size(), 1u);
  EXPECT_EQ(held_.logins.back().factors, (LoginFactors{LoginFactor::push, LoginFactor::otp}));
  EXPECT_TRUE(outbox_.questions.empty());
}

TEST_F(DoorMenuTest, AChosenPushWaitsForThePhone) {
  see_menu();
  choose("1");
  check(CodeVerdict::chose_push, 0);
  EXPECT_EQ(outbox_.to_client.size(), 1u);
  ASSERT_EQ(outbox_.questions.size(), 1u);
  EXPECT_EQ(outbox_.questions.back().user.view(), "alice");
  EXPECT_EQ(outbox_.questions.back().calling_station.view(), "00-11-22-33-44-55");
  EXPECT_EQ(held_.let_go_times[0], 1);
  answer(verify::Verdict::approved);
  EXPECT_EQ(last_answer(2).code(), radius::Code::access_accept);
  EXPECT_EQ(last_class(2), "mfa=push");
  EXPECT_EQ(outbox_.audited.back().policy.view(), "both");
  EXPECT_EQ(outbox_.audited.back().factor, LoginFactor::push);
}

TEST_F(DoorMenuTest, NothingButAnApprovalOfTheChosenPushLetsIn) {
  for (const verify::Verdict verdict :
       {verify::Verdict::denied, verify::Verdict::expired, verify::Verdict::unknown_user,
        verify::Verdict::limited, verify::Verdict::unavailable}) {
    door_.reset();
    see_menu();
    choose("push");
    check(CodeVerdict::chose_push, static_cast<std::uint32_t>(held_.logins.size() - 1));
    answer(verdict);
    EXPECT_EQ(last_answer(2).code(), radius::Code::access_reject);
  }
}

TEST_F(DoorMenuTest, NoAnswerFromThePhoneEndsInAReject) {
  see_menu();
  choose("1");
  check(CodeVerdict::chose_push, 0);
  run_ms(settings_.verification_ttl_ms + 10'000);
  EXPECT_EQ(last_answer(2).code(), radius::Code::access_reject);
  EXPECT_EQ(outbox_.released.size(), 1u);
  const std::size_t sent = outbox_.to_client.size();
  answer(verify::Verdict::approved);
  EXPECT_EQ(outbox_.to_client.size(), sent);
}

TEST_F(DoorMenuTest, AChosenCodeIsAskedFor) {
  see_menu();
  choose("2");
  check(CodeVerdict::chose_otp);
  EXPECT_EQ(last_answer(2).code(), radius::Code::access_challenge);
  EXPECT_EQ(as_text(*last_answer(2).find(radius::Type::reply_message)),
            settings_.second_factor.messages.otp_prompt);
}

TEST_F(DoorMenuTest, ACodeAnswersTheMenuAtOnce) {
  see_menu();
  choose("123456");
  check(CodeVerdict::approved, 0);
  EXPECT_EQ(last_class(2), "mfa=otp");
}

TEST_F(DoorMenuTest, WhoCannotBeChallengedIsAskedOnThePhone) {
  ask({.eap = {2, 7, 0, 10, 1, 'a', 'l', 'i', 'c', 'e'}});
  EXPECT_EQ(outbox_.questions.size(), 1u);
  door_.reset();
  settings_.second_factor.challenge = false;
  log_in("wonderland");
  EXPECT_EQ(outbox_.questions.size(), 2u);
  EXPECT_TRUE(held_.logins.empty());
}

TEST_F(DoorMenuTest, AMenuHasWhatTheUserHasOrTheConfiguredText) {
  log_in("wonderland");
  begin(CodeVerdict::offered, LoginFactor::token, {LoginFactor::push, LoginFactor::token});
  EXPECT_EQ(as_text(*last_answer().find(radius::Type::reply_message)),
            "1: confirm on the phone. 3: code by message.");
  door_.reset();
  settings_.second_factor.messages.menu_prompt = "Choose, {user}.";
  see_menu();
  EXPECT_EQ(as_text(*last_answer().find(radius::Type::reply_message)), "Choose, alice.");
}

TEST_F(DoorMenuTest, ACodeThatIsSentIsAskedForAsLongAsItIsGood) {
  use(PolicyAction::token);
  log_in("wonderland");
  EXPECT_TRUE(outbox_.to_client.empty());
  EXPECT_EQ(held_.logins.back().factors, LoginFactors{LoginFactor::token});
  begin(CodeVerdict::chose_token, LoginFactor::token);
  const radius::PacketView challenge = last_answer();
  EXPECT_EQ(challenge.code(), radius::Code::access_challenge);
  EXPECT_EQ(as_text(*challenge.find(radius::Type::reply_message)),
            settings_.second_factor.messages.token_prompt);
  EXPECT_EQ((*challenge.find(radius::Type::session_timeout))[3], 42);
  EXPECT_EQ(outbox_.audited.back().factor, LoginFactor::token);
  EXPECT_EQ(metrics_.codes_asked.value(), 1u);
}

TEST_F(DoorMenuTest, WhatCannotBeSentIsARejectThatSaysWhy) {
  use(PolicyAction::token);
  for (const auto& [verdict, outcome] :
       {std::pair{CodeVerdict::unavailable, Outcome::unavailable_denied},
        std::pair{CodeVerdict::unknown_user, Outcome::unknown_user},
        std::pair{CodeVerdict::limited, Outcome::limited}}) {
    door_.reset();
    log_in("wonderland");
    verify::CodeAnswer answer{.ticket = held_.typed.back().ticket, .verdict = verdict, .place = 0};
    answer.detail = "why";
    door().code_checked(now_, answer);
    EXPECT_EQ(last_answer().code(), radius::Code::access_reject);
    EXPECT_EQ(outbox_.audited.back().outcome, outcome);
    EXPECT_EQ(outbox_.audited.back().detail.view(), "why");
  }
}

TEST_F(DoorMenuTest, ACodeIsNotTakenForOneThatWillBeSent) {
  use(PolicyAction::token);
  log_in("wonderland,123456");
  EXPECT_EQ(password_downstream(), "wonderland");
  EXPECT_TRUE(held_.typed.back().begins);
  EXPECT_TRUE(held_.typed.back().code.empty());
}

TEST_F(DoorMenuTest, ALoginThatBeginsWithNothingButThePhoneJoinsItsRetries) {
  log_in("wonderland");
  begin(CodeVerdict::chose_push, LoginFactor::push);
  ASSERT_EQ(outbox_.questions.size(), 1u);
  const verify::JoinKey first = outbox_.questions.back().join_key;
  receive(testing::Login{.identifier = 2, .authenticator = 2});
  accept();
  begin(CodeVerdict::chose_push, LoginFactor::push);
  ASSERT_EQ(outbox_.questions.size(), 2u);
  EXPECT_EQ(outbox_.questions.back().join_key, first);
}

// --- Number matching -------------------------------------------------------------------------

TEST_F(DoorMenuTest, ANumberIsShownBeforeThePhoneIsAsked) {
  settings_.second_factor.number_matching = true;
  settings_.policies = {};
  log_in("wonderland");
  ASSERT_EQ(held_.logins.size(), 1u);
  EXPECT_EQ(held_.logins.back().factors, (LoginFactors{LoginFactor::push}));
  const int number = held_.logins.back().number;
  EXPECT_GE(number, 10);
  EXPECT_LE(number, 99);
  EXPECT_EQ(last_answer().code(), radius::Code::access_challenge);
  EXPECT_THAT(std::string(as_text(*last_answer().find(radius::Type::reply_message))),
              ::testing::HasSubstr(" " + std::to_string(number) + "."));
  EXPECT_TRUE(outbox_.questions.empty());
  EXPECT_EQ(metrics_.codes_asked.value(), 0u);

  choose("");
  check(CodeVerdict::chose_push, 0);
  ASSERT_EQ(outbox_.questions.size(), 1u);
  EXPECT_EQ(outbox_.questions.back().number, number);
  answer(verify::Verdict::approved);
  EXPECT_EQ(last_answer(2).code(), radius::Code::access_accept);
  EXPECT_EQ(outbox_.audited.back().factor, LoginFactor::push);
}

TEST_F(DoorMenuTest, ANumberFollowsTheChoiceOfThePhone) {
  settings_.second_factor.number_matching = true;
  see_menu();
  choose("1");
  check(CodeVerdict::chose_push, 0);
  ASSERT_EQ(held_.logins.size(), 2u);
  EXPECT_EQ(held_.logins.back().factors, (LoginFactors{LoginFactor::push}));
  EXPECT_EQ(last_answer(2).code(), radius::Code::access_challenge);
  EXPECT_THAT(std::string(as_text(*last_answer(2).find(radius::Type::reply_message))),
              ::testing::HasSubstr(std::to_string(held_.logins.back().number)));
  EXPECT_TRUE(outbox_.questions.empty());
}

TEST_F(DoorMenuTest, ANumberIsShownWhereThePhoneIsAllThatIsLeft) {
  settings_.second_factor.number_matching = true;
  log_in("wonderland");
  held_.logins.back().factors = {LoginFactor::push};
  begin(CodeVerdict::chose_push, LoginFactor::push);
  ASSERT_EQ(held_.logins.size(), 2u);
  EXPECT_EQ(last_answer().code(), radius::Code::access_challenge);
  EXPECT_THAT(std::string(as_text(*last_answer().find(radius::Type::reply_message))),
              ::testing::HasSubstr(std::to_string(held_.logins.back().number)));
  EXPECT_TRUE(outbox_.questions.empty());
}

TEST_F(DoorMenuTest, AWordForThePhoneGetsTheNumberAndACodeDoesNot) {
  settings_.second_factor.number_matching = true;
  log_in("wonderland,push");
  ASSERT_EQ(held_.logins.size(), 1u);
  EXPECT_NE(held_.logins.back().number, 0);
  EXPECT_EQ(last_answer().code(), radius::Code::access_challenge);

  door_.reset();
  log_in("wonderland,123456");
  EXPECT_EQ(held_.logins.back().number, 0);
  EXPECT_EQ(held_.typed.size(), 1u);
}

TEST_F(DoorMenuTest, WithANumberACodeOpensNothingWhereThePolicySaysPush) {
  settings_.second_factor.number_matching = true;
  use(PolicyAction::push);
  log_in("wonderland,123456");
  EXPECT_TRUE(held_.typed.empty());
  EXPECT_EQ(held_.logins.back().factors, (LoginFactors{LoginFactor::push}));
  EXPECT_EQ(last_answer().code(), radius::Code::access_challenge);
}

TEST_F(DoorMenuTest, WhoCannotBeShownANumberIsAskedWithout) {
  settings_.second_factor.number_matching = true;
  use(PolicyAction::push);
  ask({.eap = {2, 7, 0, 10, 1, 'a', 'l', 'i', 'c', 'e'}});
  ASSERT_EQ(outbox_.questions.size(), 1u);
  EXPECT_EQ(outbox_.questions.back().number, 0);
  EXPECT_TRUE(held_.logins.empty());
}

TEST_F(DoorMenuTest, WithoutRoomForTheNumberNobodyIsAskedOrLetIn) {
  settings_.second_factor.number_matching = true;
  held_.is_full = true;
  use(PolicyAction::push);
  log_in("wonderland");
  EXPECT_EQ(last_answer().code(), radius::Code::access_reject);
  EXPECT_TRUE(outbox_.questions.empty());
}

// --- Languages -------------------------------------------------------------------------------

TEST_F(DoorMenuTest, APolicysLanguageIsItsUsers) {
  config::Messages german{.language = "de", .menu_prompt = "1: Telefon. 2: Code."};
  settings_.second_factor.translations = {german};
  settings_.translations = config::completed(settings_.second_factor.messages, {german});
  use({.name = "both",
       .action = PolicyAction::ask,
       .factors = {LoginFactor::push, LoginFactor::otp},
       .language = "DE"});
  see_menu();
  EXPECT_EQ(as_text(*last_answer().find(radius::Type::reply_message)), "1: Telefon. 2: Code.");
  choose("654321");
  check(CodeVerdict::denied, 0);
  EXPECT_EQ(as_text(*last_answer(2).find(radius::Type::reply_message)),
            settings_.second_factor.messages.otp_denied_message)
      << "what is not translated is said in the general words";
}

TEST_F(DoorMenuTest, AfterAChallengeThePolicysMessageIsHeard) {
  use({.name = "codes", .action = PolicyAction::otp, .message = "Call the desk, {user}."});
  log_in("wonderland,123456");
  check(CodeVerdict::again);
  choose("654321");
  check(CodeVerdict::denied, 0);
  EXPECT_EQ(as_text(*last_answer(2).find(radius::Type::reply_message)), "Call the desk, alice.");
}

}  // namespace
}  // namespace sallyport::radius_door
