// Policies on the groups of a user directory: who holds logins and asks the directory is written
// down.

#include <utility>

#include "tests/engine/radius/door_harness.h"
#include "tests/engine/radius/held_logins.h"

namespace sallyport::radius_door {
namespace {

using config::Policy;
using config::PolicyAction;
using radius::Code;
using radius::Type;
using testing::Bytes;
using testing::Login;
using verify::CodeVerdict;
using verify::LoginFactor;
using verify::LoginFactors;
using verify::Verdict;

constexpr std::uint8_t kVirtual = 5;

class DoorGroupsTest : public testing::DoorTest {
 protected:
  DoorGroupsTest() {
    outbox_.held_logins = &held_;
    settings_.second_factor.directory_groups = true;
    settings_.second_factor.appended = true;
    // Whoever could cut off the directory would be let in by it.
    settings_.second_factor.on_unavailable = config::OnUnavailable::allow;
  }
  void use(std::vector<Policy> policies) {
    settings_.policies = PolicyTable(std::move(policies), settings_.second_factor, LocalZone());
  }
  /// A login that waits for the directory.
  void log_in(const Login& login = {}) {
    const std::size_t before = held_.typed.size();
    ask(login);
    ASSERT_EQ(held_.typed.size(), before + 1);
    EXPECT_TRUE(held_.typed.back().begins);
    EXPECT_TRUE(held_.typed.back().code.empty());
    ASSERT_NE(held_.logins.back().wanted_groups, nullptr);
    EXPECT_TRUE(outbox_.questions.empty());
  }
  /// The desk answers what it was asked last.
  void answer_desk(CodeVerdict verdict, const char* detail = nullptr) {
    verify::CodeAnswer answer{.ticket = held_.typed.back().ticket, .verdict = verdict};
    answer.place = static_cast<std::uint32_t>(held_.logins.size() - 1);
    answer.detail = detail;
    copy_octets(as_octets(verify::kStateMark), answer.next);
    door().code_checked(now_, answer);
  }
  void find(const std::vector<std::string>& groups, bool spelled_alike = true) {
    verify::HeldLogin& login = held_.logins.back();
    for (const std::string& name : groups) {
      const auto group = login.wanted_groups->find(name);
      EXPECT_TRUE(!group || login.groups.add(*group));
    }
    login.groups.spelled_alike = spelled_alike;
    answer_desk(CodeVerdict::groups_known);
  }
  [[nodiscard]] const AuditRecord& last_line() const { return outbox_.audited.back(); }

  testing::HeldLogins held_;
};

TEST_F(DoorGroupsTest, ADirectorysGroupsExempt) {
  use({{.name = "staff", .groups = {"staff"}, .action = PolicyAction::exempt}});
  log_in(Login{.proxy_states = {"one", "two"}});
  EXPECT_TRUE(outbox_.to_client.empty());
  receive(Login{.proxy_states = {"one", "two"}});
  EXPECT_TRUE(outbox_.to_client.empty()) << "a duplicate waits as well";
  find({"Staff"});
  const radius::PacketView accepted = last_answer();
  EXPECT_EQ(accepted.code(), Code::access_accept);
  EXPECT_EQ(as_text(*accepted.find(Type{25})), "cla");
  EXPECT_TRUE(accepted.has(Type::message_authenticator));
  std::vector<std::string> states;
  for (const radius::Attribute attribute : accepted)
    if (attribute.type == Type::proxy_state) states.emplace_back(as_text(attribute.value));
  EXPECT_EQ(states, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(last_line().outcome, Outcome::exempted);
  EXPECT_EQ(last_line().policy.view(), "staff");
  EXPECT_EQ(last_line().user.view(), "alice");
  EXPECT_FALSE(last_line().second_factor_asked);
  EXPECT_EQ(metrics_.allowed_by_policy.value(), 1u);
  EXPECT_EQ(held_.let_go_times[0], 1);
  const Bytes first = outbox_.to_client.back().octets;
  receive(Login{.proxy_states = {"one", "two"}});
  EXPECT_EQ(outbox_.to_client.back().octets, first);
}

TEST_F(DoorGroupsTest, WithoutAWitnessNobodyIsExempted) {
  use({{.name = "staff", .groups = {"staff"}, .action = PolicyAction::exempt}});
  settings_.audit = false;  // even then
  outbox_.takes_audit = false;
  log_in();
  find({"staff"});
  EXPECT_EQ(last_answer().code(), Code::access_reject);
  EXPECT_FALSE(last_answer().has(Type{25}));
}

TEST_F(DoorGroupsTest, NobodyIsExemptedWhoWritesHimselfInAnotherWay) {
  use({{.name = "staff", .groups = {"staff"}, .action = PolicyAction::exempt}});
  log_in(Login{.user = "ALICE"});
  find({"staff"}, false);
  EXPECT_EQ(outbox_.questions.size(), 1u);
}

TEST_F(DoorGroupsTest, ADirectorysGroupsDeny) {
  use({{.name = "left",
        .groups = {"left"},
        .action = PolicyAction::deny,
        .message = "Not you, {user}."},
       {.name = "rest", .action = PolicyAction::exempt}});
  log_in(Login{.proxy_states = {"one"}});
  find({"left"});
  const radius::PacketView rejected = last_answer();
  EXPECT_EQ(rejected.code(), Code::access_reject);
  EXPECT_EQ(as_text(*rejected.find(Type::reply_message)), "Not you, alice.");
  EXPECT_EQ(as_text(*rejected.find(Type::proxy_state)), "one");
  EXPECT_FALSE(rejected.has(Type{25}));
  EXPECT_EQ(last_line().outcome, Outcome::policy_denied);
  EXPECT_EQ(last_line().policy.view(), "left");
}

TEST_F(DoorGroupsTest, WhoIsInNoneIsOfThePoliciesBehind) {
  use({{.name = "left", .groups = {"left"}, .action = PolicyAction::deny},
       {.name = "rest", .action = PolicyAction::exempt}});
  log_in();
  find({});
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  EXPECT_EQ(last_line().policy.view(), "rest");
}

TEST_F(DoorGroupsTest, AWrongPasswordAsksNoDirectory) {
  use({{.name = "staff", .groups = {"staff"}, .action = PolicyAction::exempt}});
  receive(Login{});
  reply(Code::access_reject);
  EXPECT_EQ(last_answer().code(), Code::access_reject);
  EXPECT_TRUE(held_.logins.empty());
}

TEST_F(DoorGroupsTest, WhatIsDecidedBeforeAsksNoDirectory) {
  use({{.name = "backup", .users = {"alice"}, .action = PolicyAction::exempt},
       {.name = "said", .groups = {"staff"}, .action = PolicyAction::deny}});
  ask();
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  receive(Login{.identifier = 2, .user = "bob"});
  reply(Code::access_accept, {{Type{11}, Bytes{'s', 't', 'a', 'f', 'f'}}});
  EXPECT_EQ(last_answer().code(), Code::access_reject);
  EXPECT_EQ(last_line().policy.view(), "said");
  EXPECT_TRUE(held_.logins.empty());
}

TEST_F(DoorGroupsTest, BothKindsOfGroupsCount) {
  use({{.name = "first", .groups = {"admins"}, .action = PolicyAction::deny},
       {.name = "said", .groups = {"staff"}, .action = PolicyAction::exempt}});
  receive(Login{});
  reply(Code::access_accept, {{Type{11}, Bytes{'s', 't', 'a', 'f', 'f'}}});
  find({});
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  EXPECT_EQ(as_text(*last_answer().find(Type{11})), "staff");
  EXPECT_EQ(last_line().policy.view(), "said");
}

TEST_F(DoorGroupsTest, AllElseThatThePolicyLooksAtIsKept) {
  use({{.name = "vpn",
        .clients = {"office"},
        .networks = {*Prefix::parse("192.0.2.0/24")},
        .users = {"alice"},
        .groups = {"staff"},
        .nas_port_types = {kVirtual},
        .action = PolicyAction::exempt}});
  testing::PacketBuilder builder(Code::access_request, 1, {});
  builder.add_message_authenticator().add(Type::user_name, "alice");
  builder.add_password(*client_key_, "wonderland");
  builder.add(Type::nas_port_type, Bytes{0, 0, 0, kVirtual});
  receive(builder.sign_request(*client_key_));
  accept();
  find({"staff"});
  EXPECT_EQ(last_line().outcome, Outcome::exempted);
  EXPECT_EQ(last_line().policy.view(), "vpn");
}

TEST_F(DoorGroupsTest, ThePhoneIsAskedAsWithoutADirectory) {
  use({{.name = "first", .clients = {"office"}, .users = {"bob"}},
       {.name = "staff", .groups = {"staff"}, .remember_ms = 60'000}});
  settings_.second_factor.accept_attributes = {};
  log_in(Login{.proxy_states = {"one"}});
  find({"staff"});
  ASSERT_EQ(outbox_.questions.size(), 1u);
  const verify::Question by_directory = outbox_.questions.back();
  EXPECT_EQ(by_directory.remember_ms, 60'000u);
  EXPECT_EQ(by_directory.number, 0);
  EXPECT_EQ(by_directory.nas.view(), "gateway");
  EXPECT_EQ(by_directory.calling_station.view(), "00-11-22-33-44-55");
  answer(Verdict::approved);
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  EXPECT_EQ(as_text(*last_answer().find(Type::proxy_state)), "one");
  EXPECT_EQ(last_line().outcome, Outcome::approved);
  EXPECT_EQ(last_line().policy.view(), "staff");

  // One that the downstream says waits for the same push.
  receive(Login{.identifier = 2, .authenticator = 2});
  reply(Code::access_accept, {{Type{11}, Bytes{'s', 't', 'a', 'f', 'f'}}});
  ASSERT_EQ(outbox_.questions.size(), 2u);
  EXPECT_EQ(outbox_.questions.back().join_key, by_directory.join_key);
  EXPECT_EQ(outbox_.questions.back().user_hash, by_directory.user_hash);
}

TEST_F(DoorGroupsTest, ADenialOnThePhoneIsAReject) {
  use({{.name = "staff", .groups = {"staff"}}});
  log_in();
  find({"staff"});
  answer(Verdict::denied);
  EXPECT_EQ(last_answer().code(), Code::access_reject);
  EXPECT_FALSE(last_answer().has(Type{25}));
}

TEST_F(DoorGroupsTest, ACodeIsAskedFor) {
  use({{.name = "staff", .groups = {"staff"}, .action = PolicyAction::otp}});
  log_in();
  find({"staff"});
  EXPECT_EQ(last_answer().code(), Code::access_challenge);
  ASSERT_EQ(held_.logins.size(), 2u);
  const verify::HeldLogin& login = held_.logins.back();
  EXPECT_EQ(login.wanted_groups, nullptr);
  EXPECT_EQ(login.factors, LoginFactors{LoginFactor::otp});
  EXPECT_EQ(login.tries, settings_.second_factor.otp_tries);
  EXPECT_EQ(login.policy.view(), "staff");
  EXPECT_EQ(held_.let_go_times[0], 1);
  EXPECT_TRUE(last_line().second_factor_asked);
}

TEST_F(DoorGroupsTest, ACodeBehindThePasswordWaitsForTheGroups) {
  use({{.name = "staff", .groups = {"staff"}, .action = PolicyAction::otp}});
  log_in(Login{.password = "wonderland,012345", .proxy_states = {"one"}});
  find({"staff"});
  ASSERT_EQ(held_.typed.size(), 2u);
  EXPECT_FALSE(held_.typed.back().begins);
  EXPECT_EQ(held_.typed.back().code.view(), "012345");
  EXPECT_TRUE(outbox_.to_client.empty());
  answer_desk(CodeVerdict::approved);
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  EXPECT_EQ(as_text(*last_answer().find(Type::proxy_state)), "one");
  EXPECT_EQ(last_line().policy.view(), "staff");
}

TEST_F(DoorGroupsTest, AWordBehindThePasswordChooses) {
  use({{.name = "staff",
        .groups = {"staff"},
        .action = PolicyAction::ask,
        .factors = {LoginFactor::push, LoginFactor::otp}}});
  log_in(Login{.password = "wonderland,push"});
  find({"staff"});
  EXPECT_EQ(outbox_.questions.size(), 1u);
}

TEST_F(DoorGroupsTest, AMenuIsMadeAtTheDesk) {
  use({{.name = "staff",
        .groups = {"staff"},
        .action = PolicyAction::ask,
        .factors = {LoginFactor::push, LoginFactor::otp}}});
  log_in();
  find({"staff"});
  ASSERT_EQ(held_.typed.size(), 2u);
  EXPECT_TRUE(held_.typed.back().begins);
  EXPECT_EQ(held_.logins.back().wanted_groups, nullptr);
  answer_desk(CodeVerdict::chose_push);
  EXPECT_EQ(outbox_.questions.size(), 1u);
}

TEST_F(DoorGroupsTest, ANumberIsShownBeforeThePhoneIsAsked) {
  settings_.second_factor.number_matching = true;
  use({{.name = "staff", .groups = {"staff"}}});
  log_in();
  find({"staff"});
  EXPECT_EQ(last_answer().code(), Code::access_challenge);
  EXPECT_GE(held_.logins.back().number, 10);
  EXPECT_EQ(held_.logins.back().factors, LoginFactors{LoginFactor::push});
  EXPECT_TRUE(outbox_.questions.empty());
}

TEST_F(DoorGroupsTest, ALinkIsAsked) {
  struct Links final : verify::Verifier {
    bool ask(const verify::Question& question) noexcept override {
      questions.push_back(question);
      return true;
    }
    void release(verify::Ticket, const verify::JoinKey&, std::uint64_t) noexcept override {}
    std::vector<verify::Question> questions;
  } links;
  outbox_.link_asker = &links;
  use({{.name = "staff", .groups = {"staff"}, .action = PolicyAction::link}});
  log_in();
  find({"staff"});
  ASSERT_EQ(links.questions.size(), 1u);
  verify::Answer answer;
  answer.ticket = links.questions.back().ticket;
  answer.verdict = Verdict::approved;
  door().verdict(now_, answer);
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  EXPECT_EQ(last_line().factor, LoginFactor::link);
}

TEST_F(DoorGroupsTest, WithEapTheAcceptedNameIsLookedUpAndTheAnswerIsOfEap) {
  use({{.name = "staff", .groups = {"staff"}, .action = PolicyAction::exempt},
       {.name = "codes", .groups = {"codes"}, .action = PolicyAction::otp},
       {.name = "rest", .action = PolicyAction::deny}});
  const Bytes success = {3, 9, 0, 4};
  const auto accept_eap = [&](std::uint8_t identifier) {
    receive(Login{.identifier = identifier, .user = "anonymous", .eap = {2, 1, 0, 5, 1}});
    reply(Code::access_accept,
          {{Type::user_name, Bytes{'b', 'o', 'b'}}, {Type::eap_message, success}});
    EXPECT_EQ(held_.logins.back().user.view(), "bob");
    EXPECT_EQ(held_.logins.back().login.view(), "anonymous");
  };
  accept_eap(1);
  find({"staff"});
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  EXPECT_EQ(as_text(*last_answer().find(Type::eap_message)), as_text(Octets(success)));
  EXPECT_TRUE(last_answer().has(Type::message_authenticator));
  EXPECT_EQ(last_line().user.view(), "bob");

  for (const char* group : {"codes", "none"}) {  // EAP has nowhere to put a code
    accept_eap(2);
    find({group});
    EXPECT_EQ(last_answer().code(), Code::access_reject);
    const auto failure = last_answer().find(Type::eap_message);
    ASSERT_TRUE(failure.has_value());
    EXPECT_EQ(Bytes(failure->begin(), failure->end()), (Bytes{4, 9, 0, 4}));
    run_ms(settings_.duplicate_window_ms + 10);
  }
}

// --- What cannot be known ------------------------------------------------------------------------

TEST_F(DoorGroupsTest, WithoutTheDirectoryNoPolicyIsChosen) {
  use({{.name = "left", .groups = {"left"}, .action = PolicyAction::deny},
       {.name = "rest",
        .action = PolicyAction::exempt,
        .on_unavailable = config::PolicyOnUnavailable::allow}});
  log_in(Login{.proxy_states = {"one"}});
  answer_desk(CodeVerdict::unavailable, "why");
  const radius::PacketView rejected = last_answer();
  EXPECT_EQ(rejected.code(), Code::access_reject);
  EXPECT_EQ(as_text(*rejected.find(Type::reply_message)),
            settings_.second_factor.messages.unavailable_message);
  EXPECT_EQ(as_text(*rejected.find(Type::proxy_state)), "one");
  EXPECT_EQ(last_line().outcome, Outcome::unavailable_denied);
  EXPECT_EQ(last_line().detail.view(), "why");
  EXPECT_TRUE(last_line().policy.empty());
  EXPECT_EQ(held_.let_go_times[0], 1);
}

TEST_F(DoorGroupsTest, ADirectoryThatTakesTooLongIsNotWaitedFor) {
  use({{.name = "left", .groups = {"left"}, .action = PolicyAction::deny},
       {.name = "rest", .action = PolicyAction::exempt}});
  log_in();
  run_ms(60'000);
  EXPECT_EQ(last_answer().code(), Code::access_reject);
  EXPECT_EQ(last_line().detail.view(), "the user directory did not answer");
  const std::size_t answers = outbox_.to_client.size();
  find({});
  EXPECT_EQ(outbox_.to_client.size(), answers);
  EXPECT_EQ(held_.let_go_times[0], 1);
  EXPECT_EQ(metrics_.late_verdicts.value(), 1u);
}

TEST_F(DoorGroupsTest, WithoutRoomNobodyIsLetIn) {
  use({{.name = "left", .groups = {"left"}, .action = PolicyAction::deny},
       {.name = "rest", .action = PolicyAction::exempt}});
  held_.is_full = true;
  ask();
  EXPECT_EQ(last_answer().code(), Code::access_reject);
  EXPECT_EQ(last_line().detail.view(), "too many logins wait for the user directory");
  held_.is_full = false;
  held_.takes_codes = false;
  ask(Login{.identifier = 2, .authenticator = 2});
  EXPECT_EQ(last_answer(2).code(), Code::access_reject);
  EXPECT_EQ(last_line().detail.view(), "the user directory did not answer");
  outbox_.held_logins = nullptr;
  ask(Login{.identifier = 3, .authenticator = 3});
  EXPECT_EQ(last_answer(3).code(), Code::access_reject);
}

TEST_F(DoorGroupsTest, WhoNoLongerWaitsIsForgotten) {
  use({{.name = "staff", .groups = {"staff"}, .action = PolicyAction::exempt}});
  log_in(Login{.authenticator = 1});
  receive(Login{.authenticator = 2});  // the same Identifier anew
  EXPECT_TRUE(outbox_.released.empty()) << "verify has never heard of it";
  const std::size_t answers = outbox_.to_client.size();
  find({"staff"});
  EXPECT_EQ(outbox_.to_client.size(), answers);
  EXPECT_EQ(held_.let_go_times[0], 1);
}

TEST_F(DoorGroupsTest, AReloadLeavesThemToThePoliciesTheyBeganWith) {
  use({{.name = "staff", .groups = {"left", "staff"}, .action = PolicyAction::exempt}});
  log_in();
  use({{.name = "none", .action = PolicyAction::deny}});
  door().reload(snapshot());
  find({"staff"});
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  EXPECT_EQ(last_line().policy.view(), "staff");
}

TEST_F(DoorGroupsTest, OffByDefaultNoDirectoryIsAsked) {
  settings_.second_factor.directory_groups = config::SecondFactor().directory_groups;
  use({{.name = "staff", .groups = {"staff"}, .action = PolicyAction::exempt}});
  ask();
  EXPECT_TRUE(held_.logins.empty());
  EXPECT_EQ(outbox_.questions.size(), 1u);
}

}  // namespace
}  // namespace sallyport::radius_door
