#include "verify/gate/visit.h"

#include <gtest/gtest.h>

#include "verify/gate/records.h"

namespace sallyport::verify {
namespace {

constexpr Factor kAllFactors[] = {Factor::token, Factor::otp, Factor::link, Factor::push,
                                  Factor::passkey};

VisitState state(std::size_t index) { return static_cast<VisitState>(index); }

TEST(Visit, IsApprovedByAFactorThatIsBeingAskedAndByNothingElse) {
  for (std::size_t from = 0; from < kVisitStates; ++from) {
    EXPECT_EQ(may_move(state(from), VisitState::approved), is_asking(state(from)))
        << to_text(state(from));
  }
}

TEST(Visit, IsDoneOnlyAfterItWasApproved) {
  for (std::size_t from = 0; from < kVisitStates; ++from) {
    EXPECT_EQ(may_move(state(from), VisitState::done), state(from) == VisitState::approved)
        << to_text(state(from));
  }
}

TEST(Visit, LeavesNoEndAndNeverComesBackToItsBeginning) {
  for (std::size_t other = 0; other < kVisitStates; ++other) {
    EXPECT_FALSE(may_move(VisitState::done, state(other)));
    EXPECT_FALSE(may_move(VisitState::ended, state(other)));
    EXPECT_FALSE(may_move(state(other), VisitState::fresh));
  }
}

TEST(Visit, ForgetsWhatBelongedToTheStateThatItLeaves) {
  Visit visit;
  ASSERT_TRUE(move(visit, VisitState::token));
  visit.code_hash = "hash";
  visit.attempt = "attempt";
  visit.number = "42";
  visit.until_ms = 5;
  ASSERT_TRUE(move(visit, VisitState::passkey));
  EXPECT_EQ(visit.code_hash, "");
  EXPECT_EQ(visit.attempt, "");
  EXPECT_EQ(visit.number, "");
  EXPECT_EQ(visit.until_ms, 0);
  EXPECT_FALSE(move(visit, VisitState::captcha));
  EXPECT_EQ(visit.state, VisitState::passkey);
}

TEST(Visit, HasAStateForEachFactor) {
  for (const Factor factor : kAllFactors) {
    EXPECT_TRUE(is_asking(state_of(factor)));
    EXPECT_EQ(factor_of(state_of(factor)), factor);
    EXPECT_STREQ(to_text(state_of(factor)), to_text(factor));
  }
}

Visit full_visit() {
  Visit visit;
  visit.state = VisitState::approved;
  visit.user = "alice";
  visit.address = *IpAddress::parse("2001:db8::1");
  visit.device = "Firefox on Linux";
  visit.language = "de";
  visit.return_url = "https://app.example.net/a?b=c";
  visit.factors = {Factor::link, Factor::token};
  visit.access_ms = 1;
  visit.expires_ms = 2;
  visit.form_token = "form";
  visit.captcha_seed = "seed";
  visit.captchas_wrong = 3;
  visit.wrong = 4;
  visit.sends = 5;
  visit.code_hash = "code";
  visit.attempt = "attempt";
  visit.number = "07";
  visit.challenge = std::string("\0\1", 2);
  visit.begun_ms = 6;
  visit.until_ms = 7;
  visit.by = Factor::push;
  visit.nonce = "nonce";
  visit.error = GateError::denied;
  return visit;
}

TEST(Records, AreReadAsTheyWereWritten) {
  EXPECT_EQ(read<Visit>(write(full_visit())), full_visit());
  const Session session{.by = Factor::otp,
                        .since_ms = 1,
                        .until_ms = 2,
                        .address = *IpAddress::parse("192.0.2.1"),
                        .device = "curl",
                        .opened = {{.id = 1, .until_ms = 5}, {.id = 9, .until_ms = 6}}};
  EXPECT_EQ(read<Session>(write(session)), session);
  const Approval approval{.visit = "v",
                          .user = "u",
                          .address = *IpAddress::parse("192.0.2.1"),
                          .device = "d",
                          .number = "42",
                          .at_ms = 1,
                          .until_ms = 2};
  EXPECT_EQ(read<Approval>(write(approval)), approval);
  const Registration registration{.user = "u",
                                  .factor = Factor::passkey,
                                  .sealed_secret = "s",
                                  .challenge = "c",
                                  .until_ms = 3};
  EXPECT_EQ(read<Registration>(write(registration)), registration);
  const OtpRecord otp{
      .sealed_secret = "s", .last_step = 1, .since_ms = 2, .recovery_hashes = {"a", "b"}};
  EXPECT_EQ(read<OtpRecord>(write(otp)), otp);
  const PasskeyRecord passkey{.credential = "c",
                              .public_key = "k",
                              .sign_count = 0xffff'ffff,
                              .backed_up = true,
                              .name = "n",
                              .since_ms = 1};
  EXPECT_EQ(read<PasskeyRecord>(write(passkey)), passkey);
  const WrongCount count{.count = 4, .until_ms = 5};
  EXPECT_EQ(read<WrongCount>(write(count)), count);
}

TEST(Records, ThatAreCutOffAreNothingOrWhole) {
  const std::string whole = write(full_visit());
  std::size_t broken = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto visit = read<Visit>(std::string_view(whole).substr(0, size));
    if (!visit) ++broken;
    EXPECT_NE(visit, full_visit());
  }
  EXPECT_GT(broken, whole.size() / 2);
}

TEST(Records, WithValuesThatNoneHasAreNothing) {
  std::string value = write(full_visit());
  // The first field is the state: a number of eight octets behind a head of four.
  value[11] = static_cast<char>(kVisitStates);
  EXPECT_FALSE(read<Visit>(value).has_value());
  value[11] = static_cast<char>(VisitState::done);
  EXPECT_TRUE(read<Visit>(value).has_value());
}

}  // namespace
}  // namespace sallyport::verify
