// What policies do to a login that the downstream accepts, and what is added to an Accept.

#include "tests/engine/radius/door_harness.h"

namespace sallyport::radius_door {
namespace {

using config::Policy;
using config::PolicyAction;
using config::PolicyOnUnavailable;
using radius::Code;
using radius::Type;
using testing::Bytes;
using testing::DoorTest;
using testing::Login;
using verify::Verdict;

class DoorPolicyTest : public DoorTest {
 protected:
  void use(std::vector<Policy> policies) {
    settings_.policies = PolicyTable(std::move(policies), settings_.second_factor, {});
  }
};

TEST_F(DoorPolicyTest, AnExemptionSendsTheAcceptAtOnceWithAWitness) {
  use({{.name = "backup", .users = {"alice"}, .action = PolicyAction::exempt}});
  ask(Login{.proxy_states = {"p"}});
  EXPECT_TRUE(outbox_.questions.empty());
  const radius::PacketView accepted = last_answer();
  EXPECT_EQ(accepted.code(), Code::access_accept);
  EXPECT_EQ(as_text(*accepted.find(Type{25})), "cla");
  EXPECT_EQ(as_text(*accepted.find(Type::proxy_state)), "p");
  const AuditRecord& line = outbox_.audited.back();
  EXPECT_EQ(line.outcome, Outcome::exempted);
  EXPECT_EQ(line.policy.view(), "backup");
  EXPECT_EQ(line.user.view(), "alice");
  EXPECT_FALSE(line.second_factor_asked);
  EXPECT_EQ(metrics_.allowed_by_policy.value(), 1u);
}

TEST_F(DoorPolicyTest, WithoutAWitnessNobodyIsExempted) {
  use({{.name = "backup", .users = {"alice"}, .action = PolicyAction::exempt}});
  settings_.audit = false;  // even then
  outbox_.takes_audit = false;
  ask();
  const radius::PacketView rejected = last_answer();
  EXPECT_EQ(rejected.code(), Code::access_reject);
  EXPECT_FALSE(rejected.has(Type{25}));
  EXPECT_EQ(metrics_.allowed_by_policy.value(), 0u);
}

TEST_F(DoorPolicyTest, ADenialRejectsWhatTheDownstreamAccepted) {
  use({{.name = "closed", .action = PolicyAction::deny, .message = "Not you, {user}."}});
  ask();
  EXPECT_TRUE(outbox_.questions.empty());
  const radius::PacketView rejected = last_answer();
  EXPECT_EQ(rejected.code(), Code::access_reject);
  EXPECT_EQ(as_text(*rejected.find(Type::reply_message)), "Not you, alice.");
  EXPECT_FALSE(rejected.has(Type{25}));
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::policy_denied);
  EXPECT_EQ(outbox_.audited.back().policy.view(), "closed");
}

TEST_F(DoorPolicyTest, APolicyIsNoPasswordCheck) {
  use({{.name = "all", .clients = {"office"}, .action = PolicyAction::exempt}});
  receive(Login{});
  reply(Code::access_reject);
  EXPECT_EQ(last_answer().code(), Code::access_reject);
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::passed_through);
}

TEST_F(DoorPolicyTest, GroupsAreThoseOfTheAccept) {
  use({{.name = "staff", .groups = {"Staff"}, .action = PolicyAction::exempt}});
  receive(Login{.identifier = 1});
  reply(Code::access_accept, {{Type{11}, Bytes{'s', 't', 'a', 'f', 'f'}}});
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  ask(Login{.identifier = 2});
  EXPECT_EQ(outbox_.questions.size(), 1u);
}

/// The name in an EAP request is proved by nothing.
TEST_F(DoorPolicyTest, WithEapOnlyTheAcceptedNameCounts) {
  use({{.name = "backup", .users = {"alice"}, .action = PolicyAction::exempt}});
  receive(Login{.identifier = 1, .eap = {2, 1, 0, 5, 1}});
  reply(Code::access_accept, {{Type::user_name, Bytes{'b', 'o', 'b'}}});
  ASSERT_EQ(outbox_.questions.size(), 1u);
  EXPECT_EQ(outbox_.questions.back().user.view(), "bob");
  receive(Login{.identifier = 2, .user = "anonymous", .eap = {2, 1, 0, 5, 1}});
  reply(Code::access_accept, {{Type::user_name, Bytes{'a', 'l', 'i', 'c', 'e'}}});
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  EXPECT_EQ(outbox_.audited.back().user.view(), "alice");
}

TEST_F(DoorPolicyTest, ANamelessLoginIsRejectedWhereAPolicyMightBeAboutIt) {
  use({{.name = "mallory", .users = {"mallory"}, .action = PolicyAction::deny},
       {.name = "rest", .clients = {"office"}, .action = PolicyAction::exempt}});
  receive(Login{.eap = {2, 1, 0, 5, 1}});
  reply(Code::access_accept);
  EXPECT_EQ(last_answer().code(), Code::access_reject);
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::unknown_user);
}

TEST_F(DoorPolicyTest, APolicyHasItsOwnOnUnavailableAndMessage) {
  settings_.second_factor.on_unavailable = config::OnUnavailable::allow;
  use({{.name = "strict",
        .on_unavailable = PolicyOnUnavailable::deny,
        .message = "Call the desk."}});
  ask(Login{.identifier = 1});
  answer(Verdict::unavailable, false);
  EXPECT_EQ(last_answer().code(), Code::access_reject);
  EXPECT_EQ(as_text(*last_answer().find(Type::reply_message)), "Call the desk.");
  use({{.name = "default"}});
  door().reload(snapshot());
  ask(Login{.identifier = 2});
  answer(Verdict::unavailable, false);
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  EXPECT_EQ(outbox_.audited.back().policy.view(), "default");
}

TEST_F(DoorPolicyTest, TheQuestionSaysHowLongAnApprovalStaysGood) {
  ask(Login{.identifier = 1});
  EXPECT_EQ(outbox_.questions.back().remember_ms, 0u);
  settings_.second_factor.remember_ms = 60'000;
  door().reload(snapshot());
  ask(Login{.identifier = 2});
  EXPECT_EQ(outbox_.questions.back().remember_ms, 60'000u);
  use({{.name = "long", .remember_ms = 120'000}});
  door().reload(snapshot());
  ask(Login{.identifier = 3});
  EXPECT_EQ(outbox_.questions.back().remember_ms, 120'000u);
}

TEST_F(DoorPolicyTest, ARememberedApprovalIsAnOutcomeOfItsOwn) {
  ask();
  verify::Answer answer;
  answer.ticket = outbox_.questions.back().ticket;
  answer.verdict = Verdict::approved;
  answer.remembered = true;
  door().verdict(now_, answer);
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::remembered);
}

TEST_F(DoorPolicyTest, AUserAskedTooOftenIsRejectedWhateverTheServiceMayDo) {
  settings_.second_factor.on_unavailable = config::OnUnavailable::allow;
  ask();
  answer(Verdict::limited, false);
  EXPECT_EQ(last_answer().code(), Code::access_reject);
  EXPECT_EQ(as_text(*last_answer().find(Type::reply_message)),
            settings_.second_factor.messages.limited_message);
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::limited);
}

class AcceptAttributesTest : public DoorPolicyTest {
 protected:
  AcceptAttributesTest() {
    settings_.second_factor.accept_attributes = {
        {.name = *radius::AttributeName::parse("Filter-Id"), .value = "mfa=push"}};
    use({{.name = "backup", .users = {"backup"}, .action = PolicyAction::exempt}});
  }
};

TEST_F(AcceptAttributesTest, AreInWhatTheUserApproved) {
  ask(Login{.proxy_states = {"p"}});
  answer(Verdict::approved);
  const radius::PacketView accepted = last_answer();
  EXPECT_EQ(as_text(*accepted.find(Type{11})), "mfa=push");
  EXPECT_EQ(as_text(*accepted.find(Type{25})), "cla");
  EXPECT_EQ(as_text(*accepted.find(Type::proxy_state)), "p");
  const Bytes first = outbox_.to_client.back().octets;
  receive(Login{.proxy_states = {"p"}});
  EXPECT_EQ(outbox_.to_client.back().octets, first);
}

TEST_F(AcceptAttributesTest, AreNotInWhatNobodyApproved) {
  settings_.second_factor.on_unavailable = config::OnUnavailable::allow;
  ask(Login{.identifier = 1});
  answer(Verdict::unavailable, false);
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  EXPECT_FALSE(last_answer().has(Type{11}));
  ask(Login{.identifier = 2, .user = "backup"});
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  EXPECT_FALSE(last_answer().has(Type{11}));
}

TEST_F(AcceptAttributesTest, AreLeftOutWhereThereIsNoRoom) {
  receive(Login{});
  std::vector<std::pair<Type, Bytes>> attributes(15, {Type{25}, Bytes(253, 'x')});
  attributes.emplace_back(Type{25}, Bytes(225, 'x'));
  reply(Code::access_accept, attributes);
  answer(Verdict::approved);
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  EXPECT_FALSE(last_answer().has(Type{11}));
  EXPECT_EQ(metrics_.attributes_left_out.value(), 1u);
}

}  // namespace
}  // namespace sallyport::radius_door
