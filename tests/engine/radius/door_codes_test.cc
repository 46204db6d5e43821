// Codes of authenticator apps, as the door sees them: who holds and checks them is written down.

#include "protocol/radius/rehide.h"
#include "tests/engine/radius/door_harness.h"
#include "tests/engine/radius/held_logins.h"

namespace sallyport::radius_door {
namespace {

using testing::Bytes;
using verify::CodeVerdict;

class DoorCodesTest : public testing::DoorTest {
 protected:
  DoorCodesTest() {
    outbox_.held_logins = &held_;
    use_policy({.name = "codes", .action = config::PolicyAction::otp});
  }
  void use_policy(config::Policy policy) {
    settings_.policies = PolicyTable({std::move(policy)}, settings_.second_factor, LocalZone());
  }

  /// The State of the challenge that a right password has brought.
  Bytes challenge(const testing::Login& login = {}) {
    receive(login);
    accept();
    return state_of_last(login.authenticator);
  }
  [[nodiscard]] Bytes state_of_last(std::uint8_t authenticator = 1) const {
    const radius::PacketView answer = last_answer(authenticator);
    EXPECT_EQ(answer.code(), radius::Code::access_challenge);
    const auto state = answer.find(radius::Type::state);
    EXPECT_TRUE(state.has_value());
    return {state->begin(), state->end()};
  }
  void type(const Bytes& state, std::string code = "123456") {
    receive(testing::Login{
        .identifier = 2, .authenticator = 2, .password = std::move(code), .state = state});
  }
  void check(CodeVerdict verdict, std::uint32_t place = verify::CodeAnswer::kNoPlace) {
    verify::CodeAnswer answer{
        .ticket = held_.typed.back().ticket, .verdict = verdict, .place = place};
    copy_octets(as_octets(verify::kStateMark), answer.next);
    door().code_checked(now_, answer);
  }

  testing::HeldLogins held_;
};

TEST_F(DoorCodesTest, AnAcceptIsHeldAndChallenged) {
  const Bytes state = challenge({.proxy_states = {"one", "two"}});
  EXPECT_TRUE(verify::is_our_state(state));
  const radius::PacketView answer = last_answer();
  EXPECT_TRUE(answer.has(radius::Type::message_authenticator));
  EXPECT_FALSE(answer.has(radius::Type{25}));
  ASSERT_EQ(held_.logins.size(), 1u);
  const verify::HeldLogin& login = held_.logins.front();
  EXPECT_EQ(login.login.view(), "alice");
  EXPECT_EQ(login.client.view(), "office");
  EXPECT_EQ(login.policy.view(), "codes");
  EXPECT_TRUE(outbox_.questions.empty());
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::challenged);
  EXPECT_EQ(outbox_.audited.back().factor, verify::LoginFactor::otp);
  EXPECT_EQ(door().unanswered(), 0u);
}

TEST_F(DoorCodesTest, TheCodeStaysHereAndTheRightOneLetsIn) {
  type(challenge(), "654321");
  EXPECT_EQ(outbox_.to_downstream.size(), 1u);
  ASSERT_EQ(held_.typed.size(), 1u);
  EXPECT_EQ(held_.typed.back().code.view(), "654321");
  EXPECT_EQ(held_.typed.back().login.view(), "alice");
  EXPECT_EQ(outbox_.to_client.size(), 1u);
  check(CodeVerdict::approved, 0);
  const radius::PacketView answer = last_answer(2);
  EXPECT_EQ(answer.code(), radius::Code::access_accept);
  EXPECT_EQ(answer.identifier().value, 2);
  EXPECT_TRUE(answer.has(radius::Type{25}));
  EXPECT_EQ(held_.let_go_times[0], 1);
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::approved);
  EXPECT_EQ(outbox_.audited.back().policy.view(), "codes");
}

TEST_F(DoorCodesTest, APolicyThatIsThereNoMoreLetsNobodyIn) {
  const Bytes state = challenge();
  use_policy({.name = "others", .action = config::PolicyAction::otp});
  door().reload(snapshot());
  type(state);
  check(CodeVerdict::approved, 0);
  EXPECT_EQ(last_answer(2).code(), radius::Code::access_reject);
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::policy_denied);
  EXPECT_EQ(held_.let_go_times[0], 1);
}

TEST_F(DoorCodesTest, NothingButAnApprovalBringsAnAccept) {
  for (const auto& [verdict, outcome] :
       {std::pair{CodeVerdict::denied, Outcome::denied},
        std::pair{CodeVerdict::expired, Outcome::expired},
        std::pair{CodeVerdict::limited, Outcome::limited},
        std::pair{CodeVerdict::unavailable, Outcome::unavailable_denied}}) {
    door_.reset();
    settings_.second_factor.on_unavailable = config::OnUnavailable::allow;
    type(challenge());
    check(verdict, 0);
    EXPECT_EQ(last_answer(2).code(), radius::Code::access_reject);
    EXPECT_EQ(outbox_.audited.back().outcome, outcome);
  }
}

TEST_F(DoorCodesTest, AWrongCodeGetsAnotherChallenge) {
  type(challenge());
  check(CodeVerdict::again);
  EXPECT_TRUE(verify::is_our_state(state_of_last(2)));
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::wrong_code);
  EXPECT_TRUE(held_.let_go_times.empty());
}

TEST_F(DoorCodesTest, ALateAnswerLetsTheLoginGo) {
  type(challenge());
  run_ms(15'000);
  EXPECT_EQ(last_answer(2).code(), radius::Code::access_reject);
  const std::size_t sent = outbox_.to_client.size();
  check(CodeVerdict::approved, 0);
  EXPECT_EQ(outbox_.to_client.size(), sent);
  EXPECT_EQ(held_.let_go_times[0], 1);
}

TEST_F(DoorCodesTest, WithoutRoomNobodyIsLetIn) {
  held_.is_full = true;
  receive(testing::Login{});
  accept();
  EXPECT_EQ(last_answer().code(), radius::Code::access_reject);
  EXPECT_EQ(outbox_.audited.back().outcome, Outcome::unavailable_denied);

  held_.is_full = false;
  held_.takes_codes = false;
  type(challenge({.identifier = 3, .authenticator = 3}));
  EXPECT_EQ(last_answer(2).code(), radius::Code::access_reject);
}

TEST_F(DoorCodesTest, ADuplicateGetsTheSameOctets) {
  const testing::Login login;
  challenge(login);
  receive(login);
  ASSERT_EQ(outbox_.to_client.size(), 2u);
  EXPECT_EQ(outbox_.to_client[0].octets, outbox_.to_client[1].octets);
}

TEST_F(DoorCodesTest, OtherStatesGoDownstream) {
  const std::string theirs = "a State of the downstream";
  type(Bytes(theirs.begin(), theirs.end()));
  EXPECT_EQ(outbox_.to_downstream.size(), 1u);
  EXPECT_TRUE(held_.typed.empty());
}

TEST_F(DoorCodesTest, WhoAsksNoCodesPassesEveryState) {
  const Bytes state = challenge();
  outbox_.held_logins = nullptr;
  type(state);
  EXPECT_EQ(outbox_.to_downstream.size(), 2u);
}

TEST_F(DoorCodesTest, EapIsRejectedWithTheReason) {
  const testing::Login login{.eap = {2, 7, 0, 10, 1, 'a', 'l', 'i', 'c', 'e'}};
  ask(login);
  EXPECT_EQ(last_answer().code(), radius::Code::access_reject);
  EXPECT_EQ(outbox_.audited.back().detail.view(), "no User-Password: a code cannot be asked");
  EXPECT_TRUE(held_.logins.empty());
}

}  // namespace
}  // namespace sallyport::radius_door
