// The second factor: whom the door asks, what each verdict does, and who may share one.

#include "engine/radius/door.h"
#include "tests/engine/radius/door_harness.h"

namespace sallyport::radius_door {
namespace {

using radius::Code;
using radius::Type;
using testing::Bytes;
using testing::DoorTest;
using testing::Login;
using verify::Verdict;

TEST_F(DoorTest, AnAcceptWaitsForTheApproval) {
  ask(Login{.proxy_states = {"p"}});
  EXPECT_TRUE(outbox_.to_client.empty());
  ASSERT_EQ(outbox_.questions.size(), 1u);
  const verify::Question& question = outbox_.questions[0];
  EXPECT_EQ(question.user.view(), "alice");
  EXPECT_EQ(question.client.view(), "office");
  EXPECT_EQ(question.calling_station.view(), "00-11-22-33-44-55");
  EXPECT_EQ(question.nas.view(), "gateway");
  EXPECT_EQ(question.address, path_.source.address);
  EXPECT_EQ(metrics_.awaiting_verdict.value(), 1u);
  pass_ms(3'000);
  answer(Verdict::approved);
  const radius::PacketView accepted = last_answer();
  EXPECT_EQ(accepted.code(), Code::access_accept);
  EXPECT_EQ(as_text(*accepted.find(Type{25})), "cla");
  EXPECT_EQ(as_text(*accepted.find(Type::proxy_state)), "p");
  EXPECT_EQ(outbox_.to_client.back().path.local, path_.local);
  const AuditRecord& line = outbox_.audited.back();
  EXPECT_EQ(line.outcome, Outcome::approved);
  EXPECT_EQ(line.downstream, DownstreamSaid::accept);
  EXPECT_TRUE(line.second_factor_asked);
  EXPECT_EQ(line.user.view(), "alice");
  EXPECT_EQ(line.calling_station.view(), "00-11-22-33-44-55");
  EXPECT_EQ(line.verdict_us, 3'000'000u);
  EXPECT_EQ(metrics_.awaiting_verdict.value(), 0u);
}

TEST_F(DoorTest, ANoIsARejectWithItsMessageAndNothingGranted) {
  const struct {
    Verdict verdict;
    Outcome outcome;
    std::string message;
  } cases[] = {
      {Verdict::denied, Outcome::denied, settings_.second_factor.messages.denied_message},
      {Verdict::expired, Outcome::expired, settings_.second_factor.messages.expired_message},
      {Verdict::unknown_user, Outcome::unknown_user,
       settings_.second_factor.messages.unknown_user_message},
      {Verdict::unavailable, Outcome::unavailable_denied,
       settings_.second_factor.messages.unavailable_message},
  };
  std::uint8_t identifier = 0;
  for (const auto& expected : cases) {
    ask(Login{.identifier = ++identifier, .proxy_states = {"p", "q"}});
    answer(expected.verdict);
    const radius::PacketView rejected = last_answer();
    EXPECT_EQ(rejected.code(), Code::access_reject);
    EXPECT_EQ(as_text(*rejected.find(Type::reply_message)), expected.message);
    EXPECT_FALSE(rejected.has(Type{25}));
    EXPECT_FALSE(rejected.has(Type::eap_message));
    unsigned states = 0;
    for (const radius::Attribute attribute : rejected)
      states += attribute.type == Type::proxy_state;
    EXPECT_EQ(states, 2u);
    EXPECT_EQ(outbox_.audited.back().outcome, expected.outcome);
  }
}

TEST_F(DoorTest, ARejectedEapLoginGetsEapFailureWithTheIdentifierOfTheSuccess) {
  receive(Login{.eap = {2, 41, 0, 6, 1, 'a'}});
  reply(Code::access_accept, {{Type::user_name, Bytes{'a', 'l', 'i', 'c', 'e'}},
                              {Type::eap_message, Bytes{3, 42, 0, 4}}});
  answer(Verdict::denied);
  const auto eap = last_answer().find(Type::eap_message);
  ASSERT_TRUE(eap.has_value());
  EXPECT_EQ(Bytes(eap->begin(), eap->end()), (Bytes{4, 42, 0, 4}));
}

TEST_F(DoorTest, UnavailableWithoutAPushFollowsThePolicy) {
  settings_.second_factor.on_unavailable = config::OnUnavailable::allow;
  ask(Login{.identifier = 1});
  answer(Verdict::unavailable, false);
  EXPECT_EQ(last_answer().code(), Code::access_accept);
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::unavailable_allowed);
  EXPECT_EQ(metrics_.allowed_by_policy.value(), 1u);

  settings_.second_factor.on_unavailable = config::OnUnavailable::silent;
  door().reload(snapshot());
  ask(Login{.identifier = 2});
  answer(Verdict::unavailable, false);
  EXPECT_EQ(outbox_.to_client.size(), 1u);
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::unavailable_silent);
  ask(Login{.identifier = 2});  // the retry is tried anew
  EXPECT_EQ(outbox_.questions.size(), 3u);

  settings_.second_factor.on_unavailable = config::OnUnavailable::deny;
  door().reload(snapshot());
  ask(Login{.identifier = 3});
  answer(Verdict::unavailable, false);
  EXPECT_EQ(last_answer().code(), Code::access_reject);
}

TEST_F(DoorTest, WithAPushOutNoPolicyOpens) {
  for (const auto policy : {config::OnUnavailable::allow, config::OnUnavailable::silent}) {
    settings_.second_factor.on_unavailable = policy;
    door().reload(snapshot());
    ask(Login{.identifier = static_cast<std::uint8_t>(policy)});
    answer(Verdict::unavailable, true);
    EXPECT_EQ(last_answer().code(), Code::access_reject);
    EXPECT_EQ(outbox_.audited.back().outcome, Outcome::unavailable_denied);
  }
}

TEST_F(DoorTest, WithoutItsWitnessNothingIsAllowed) {
  settings_.second_factor.on_unavailable = config::OnUnavailable::allow;
  settings_.audit = false;  // even then this one line is written
  ask();
  outbox_.takes_audit = false;
  answer(Verdict::unavailable, false);
  EXPECT_EQ(last_answer().code(), Code::access_reject);
  EXPECT_EQ(metrics_.allowed_by_policy.value(), 0u);
  EXPECT_GE(metrics_.audit_lost.value(), 1u);
}

TEST_F(DoorTest, AuditOffWritesOnlyWhatWasAllowedByPolicy) {
  settings_.audit = false;
  settings_.second_factor.on_unavailable = config::OnUnavailable::allow;
  ask(Login{.identifier = 1});
  answer(Verdict::approved);
  EXPECT_TRUE(outbox_.audited.empty());
  ask(Login{.identifier = 2});
  answer(Verdict::unavailable, false);
  EXPECT_EQ(outbox_.audited.size(), 1u);
}

TEST_F(DoorTest, AFullInboxIsUnavailable) {
  outbox_.takes_questions = false;
  ask();
  EXPECT_EQ(last_answer().code(), Code::access_reject);
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::unavailable_denied);
  EXPECT_FALSE(outbox_.audited.back().second_factor_asked);
  EXPECT_EQ(metrics_.questions.value(), 0u);
}

TEST_F(DoorTest, AVerdictIsTakenOnce) {
  ask();
  answer(Verdict::denied);
  answer(Verdict::approved);
  EXPECT_EQ(outbox_.to_client.size(), 1u);
  EXPECT_EQ(last_answer().code(), Code::access_reject);
  EXPECT_EQ(metrics_.late_verdicts.value(), 1u);
}

TEST_F(DoorTest, AVerdictForAnEarlierLifeOfTheSlotIsLate) {
  plan_.exchanges = 1;
  ask(Login{.authenticator = 1});
  const verify::Ticket old = outbox_.questions[0].ticket;
  ask(Login{.authenticator = 2});
  verify::Answer late;
  late.ticket = old;
  late.verdict = Verdict::approved;
  door().verdict(now_, late);
  EXPECT_TRUE(outbox_.to_client.empty());
  EXPECT_EQ(metrics_.late_verdicts.value(), 1u);
}

TEST_F(DoorTest, WhenVerifyNeverAnswersTheDoorReleasesAndRejects) {
  ask();
  run_ms(settings_.verification_ttl_ms + 4'999);
  EXPECT_TRUE(outbox_.to_client.empty());
  run_ms(3);
  EXPECT_EQ(last_answer().code(), Code::access_reject);
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::expired);
  EXPECT_EQ(outbox_.released.size(), 1u);
}

// ---- whose approval

TEST_F(DoorTest, NobodyIsAskedForALoginWithoutAName) {
  ask(Login{.user = ""});
  EXPECT_TRUE(outbox_.questions.empty());
  EXPECT_EQ(last_answer().code(), Code::access_reject);
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::unknown_user);
}

TEST_F(DoorTest, TheNameComesFromWherePolicySays) {
  using config::UserNameFrom;
  const struct {
    UserNameFrom from;
    bool eap;
    std::string accepted;
    std::string expected;
  } cases[] = {
      {UserNameFrom::automatic, false, "inner", "outer"},
      {UserNameFrom::automatic, true, "inner", "inner"},
      {UserNameFrom::automatic, true, "", ""},
      {UserNameFrom::request, true, "inner", "outer"},
      {UserNameFrom::accept, false, "inner", "inner"},
      {UserNameFrom::accept, false, "", "outer"},
  };
  std::uint8_t identifier = 0;
  for (const auto& expected : cases) {
    settings_.second_factor.user_name_from = expected.from;
    door().reload(snapshot());
    Login login{.identifier = ++identifier, .user = "outer"};
    if (expected.eap) login.eap = {2, 1, 0, 5, 1};
    receive(login);
    std::vector<std::pair<Type, Bytes>> attributes;
    if (!expected.accepted.empty())
      attributes.emplace_back(Type::user_name,
                              Bytes(expected.accepted.begin(), expected.accepted.end()));
    reply(Code::access_accept, attributes);
    if (!expected.expected.empty()) {
      EXPECT_EQ(outbox_.questions.back().user.view(), expected.expected);
    } else {  // nobody proved to be anybody: nobody is asked
      EXPECT_EQ(last_answer().code(), Code::access_reject);
      EXPECT_EQ(outbox_.audited.back().outcome, Outcome::unknown_user);
    }
  }
}

// ---- who shares a verification

class JoinTest : public DoorTest {
 protected:
  verify::JoinKey key_of(Login login) {
    login.identifier = ++identifier_;
    login.authenticator = identifier_;
    ask(login);
    return outbox_.questions.back().join_key;
  }
  std::uint8_t identifier_ = 0;
};

TEST_F(JoinTest, ARetryWithANewIdentifierJoins) {
  const verify::JoinKey key = key_of({});
  EXPECT_EQ(key_of({}), key);
  path_.source.port = 50'000;
  EXPECT_EQ(key_of({}), key);
  EXPECT_EQ(outbox_.questions[0].user_hash, outbox_.questions[1].user_hash);
}

TEST_F(JoinTest, NobodyElseDoes) {
  const verify::JoinKey key = key_of({});
  EXPECT_NE(key_of({.user = "bob"}), key);
  EXPECT_NE(key_of({.password = "wonderlanD"}), key);
  EXPECT_NE(key_of({.password = std::string(17, 'w')}), key);
  EXPECT_NE(key_of({.calling_station = "66-77-88-99-AA-BB"}), key);
  EXPECT_NE(key_of({.calling_station = ""}), key);
  EXPECT_NE(key_of({.eap = {2, 1, 0, 5, 1}}), key);
  path_.source.address = IpAddress::v4(0xc000'0208);
  EXPECT_NE(key_of({}), key);
}

TEST_F(JoinTest, AnEqualBeginningOfTheCallingStationIsNotEnough) {
  const std::string common(64, 'x');
  EXPECT_NE(key_of({.calling_station = common + "1"}), key_of({.calling_station = common + "2"}));
}

TEST_F(JoinTest, WithoutCredentialsNothingJoins) {
  EXPECT_NE(key_of({.password = ""}), key_of({.password = ""}));
}

TEST_F(JoinTest, AVendorAttributeIsACredentialOnlyIfItProvesThePassword) {
  const Bytes response{0, 0, 1, 0x37, 25, 4, 1, 2};
  const Bytes other_response{0, 0, 1, 0x37, 25, 4, 1, 3};
  const Bytes version{0, 0, 1, 0x37, 18, 4, 1, 2};  // MS-RAS-Version
  const Bytes cut{0, 0, 1, 0x37, 25, 9, 1, 2};
  EXPECT_EQ(key_of({.password = "", .vendor = response}),
            key_of({.password = "", .vendor = response}));
  EXPECT_NE(key_of({.password = "", .vendor = response}),
            key_of({.password = "", .vendor = other_response}));
  EXPECT_NE(key_of({.password = "", .vendor = version}),
            key_of({.password = "", .vendor = version}));
  EXPECT_NE(key_of({.password = "", .vendor = cut}), key_of({.password = "", .vendor = cut}));
}

TEST_F(JoinTest, EapJoinsOnTheSameMessageOnly) {
  EXPECT_EQ(key_of({.eap = {2, 1, 0, 6, 21, 7}}), key_of({.eap = {2, 1, 0, 6, 21, 7}}));
  EXPECT_NE(key_of({.eap = {2, 1, 0, 6, 21, 7}}), key_of({.eap = {2, 1, 0, 6, 21, 8}}));
}

TEST_F(JoinTest, AnotherProcessHasOtherKeys) {
  const verify::JoinKey key = key_of({});
  door_.reset();
  outbox_.ports.clear();
  plan_.instance.fill(8);
  EXPECT_NE(key_of({}), key);
}

}  // namespace
}  // namespace sallyport::radius_door
