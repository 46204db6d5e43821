#include "verify/gate/challenge_desk.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/otp/totp.h"
#include "tests/verify/gate/arriving.h"
#include "tests/verify/gate/memory_store.h"
#include "verify/clock.h"
#include "verify/gate/core.h"

namespace sallyport::verify {
namespace {

class ChallengeDeskTest : public ::testing::Test {
 protected:
  ChallengeDesk& desk() {
    if (desk_ == nullptr) {
      GateSettings settings;
      settings.issuer = "tests";
      settings.lock_after = 4;
      desk_ = std::make_unique<ChallengeDesk>(plan_, std::move(settings),
                                              ChallengeWorld{.store = store_,
                                                             .sealer = sealer_,
                                                             .directory = nullptr,
                                                             .audit = [](const GateEvent&) {},
                                                             .sink = answers_});
      desk_->start();
    }
    return *desk_;
  }

  /// Base32 secret of alice's app.
  std::string give_app(std::string_view user = "alice") {
    const Registered url = desk().register_otp(user);
    EXPECT_TRUE(url.has_value());
    const std::size_t at = url->find("secret=") + 7;
    return *otp::from_base32(url->substr(at, url->find('&', at) - at));
  }
  static std::string code(const std::string& secret, int steps_later = 0) {
    const std::uint64_t step =
        otp::step_at(unix_ms() / 1'000) + static_cast<std::uint64_t>(steps_later);
    const otp::Code digits = otp::code_of(as_octets(secret), step, kOtpDigits);
    return {digits.data(), kOtpDigits};
  }
  /// Of no step that is near.
  static std::string wrong_code(const std::string& secret) {
    for (int number = 0;; ++number) {
      std::string text = std::to_string(100'000 + number);
      bool shown = false;
      for (int step = -3; step <= 3; ++step) shown = shown || code(secret, step) == text;
      if (!shown) return text;
    }
  }

  std::optional<ChallengeState> hold(std::string_view user = "alice", std::uint32_t tries = 3) {
    HeldLogin login{};
    login.login.assign(user);
    login.user.assign(user);
    login.client.assign(std::string_view("vpn"));
    login.calling_station.assign(std::string_view("home"));
    login.user_hash = std::hash<std::string_view>()(user);
    login.tries = tries;
    login.ttl_ms = ttl_ms_;
    login.factors = factors_;
    login.accept_octets = 20;
    return desk().hold(login, random_);
  }
  CodeAnswer answer(const ChallengeState& state, std::string_view code,
                    std::string_view user = "alice", std::string_view client = "vpn") {
    const Ticket ticket = send(state, code, user, client);
    return answers_.wait(ticket);
  }
  Ticket send(const ChallengeState& state, std::string_view code, std::string_view user = "alice",
              std::string_view client = "vpn") {
    TypedCode typed;
    typed.ticket = {++tickets_};
    typed.state = state;
    typed.login.assign(user);
    typed.client.assign(client);
    typed.code.assign(code);
    EXPECT_TRUE(desk().redeem(typed));
    return typed.ticket;
  }

  ChallengeDeskPlan plan_;
  std::uint32_t ttl_ms_ = 600'000;
  LoginFactors factors_ = {LoginFactor::otp};
  MemoryStore store_{unix_ms};
  Sealer sealer_ = *Sealer::from_text(std::string(64, 'a'));
  Arriving<CodeSink, CodeAnswer> answers_;
  SystemRandom random_;
  std::uint64_t tickets_ = 0;
  std::unique_ptr<ChallengeDesk> desk_;
};

TEST_F(ChallengeDeskTest, TheRightCodeGivesTheLoginBack) {
  const std::string secret = give_app();
  const auto state = hold();
  ASSERT_TRUE(state && is_our_state(*state));
  const CodeAnswer right = answer(*state, code(secret));
  ASSERT_EQ(right.verdict, CodeVerdict::approved);
  EXPECT_EQ(desk().held(right.place).user.view(), "alice");
  EXPECT_EQ(desk().held(right.place).accept_octets, 20);
  desk().let_go(right.place);
  EXPECT_EQ(answer(*state, code(secret, 1)).verdict, CodeVerdict::expired);
}

TEST_F(ChallengeDeskTest, AMenuIsAnsweredByAChoiceOrACode) {
  factors_ = {LoginFactor::push, LoginFactor::otp};
  const std::string secret = give_app();
  const CodeAnswer pushed = answer(*hold("alice", 1), " Push ");
  ASSERT_EQ(pushed.verdict, CodeVerdict::chose_push);
  EXPECT_EQ(desk().held(pushed.place).user.view(), "alice");
  desk().let_go(pushed.place);

  // Choosing uses up no try, and is done once.
  const auto menu = hold("alice", 2);
  const CodeAnswer chosen = answer(*menu, "2");
  ASSERT_EQ(chosen.verdict, CodeVerdict::chose_otp);
  EXPECT_EQ(answer(*menu, "1").verdict, CodeVerdict::expired);
  const CodeAnswer again = answer(chosen.next, "1");
  ASSERT_EQ(again.verdict, CodeVerdict::again);
  const CodeAnswer right = answer(again.next, code(secret));
  ASSERT_EQ(right.verdict, CodeVerdict::approved);
  desk().let_go(right.place);

  const CodeAnswer at_once = answer(*hold(), code(secret, 1));
  ASSERT_EQ(at_once.verdict, CodeVerdict::approved);
  desk().let_go(at_once.place);
}

TEST_F(ChallengeDeskTest, WhoWasShownANumberMayAnswerAnything) {
  factors_ = {LoginFactor::push};
  for (const char* typed : {"", "2", "123456", "yes"}) {
    const CodeAnswer chosen = answer(*hold(), typed);
    EXPECT_EQ(chosen.verdict, CodeVerdict::chose_push) << typed;
    desk().let_go(chosen.place);
  }
}

TEST_F(ChallengeDeskTest, WithoutAMenuAChoiceIsAWrongCode) {
  give_app();
  EXPECT_EQ(answer(*hold(), "1").verdict, CodeVerdict::again);
  EXPECT_EQ(answer(*hold(), "push").verdict, CodeVerdict::again);
}

TEST_F(ChallengeDeskTest, EachStateIsGoodForOneAnswer) {
  const std::string secret = give_app();
  const auto first = hold("alice", 2);
  const CodeAnswer again = answer(*first, wrong_code(secret));
  ASSERT_EQ(again.verdict, CodeVerdict::again);
  EXPECT_EQ(again.place, CodeAnswer::kNoPlace);
  EXPECT_NE(again.next, *first);
  EXPECT_EQ(answer(*first, code(secret)).verdict, CodeVerdict::expired);
  const CodeAnswer last = answer(again.next, wrong_code(secret));
  ASSERT_EQ(last.verdict, CodeVerdict::denied);
  desk().let_go(last.place);
  EXPECT_EQ(answer(again.next, code(secret)).verdict, CodeVerdict::expired);
}

TEST_F(ChallengeDeskTest, OfManyAtOnceOneIsApproved) {
  const std::string secret = give_app();
  const auto state = hold();
  std::vector<Ticket> sent;
  for (int i = 0; i < 32; ++i) sent.push_back(send(*state, code(secret)));
  int approved = 0;
  for (const Ticket ticket : sent)
    approved += answers_.wait(ticket).verdict == CodeVerdict::approved ? 1 : 0;
  EXPECT_EQ(approved, 1);
}

TEST_F(ChallengeDeskTest, ACodeThatIsUsedIsDeadInEveryLogin) {
  const std::string secret = give_app();
  const std::string used = code(secret);
  EXPECT_EQ(answer(*hold(), used).verdict, CodeVerdict::approved);
  EXPECT_EQ(answer(*hold(), used).verdict, CodeVerdict::again);
}

TEST_F(ChallengeDeskTest, AStateIsOfOneUserAndOneClient) {
  const std::string secret = give_app();
  const auto state = hold();
  EXPECT_EQ(answer(*state, code(secret), "bob").verdict, CodeVerdict::expired);
  EXPECT_EQ(answer(*state, code(secret), "alice", "wifi").verdict, CodeVerdict::expired);
  ChallengeState forged = *state;
  forged.back() ^= 1;
  EXPECT_EQ(answer(forged, code(secret)).verdict, CodeVerdict::expired);
  forged[kStateMarkOctets + kStateGenerationOctets] = 0xff;  // no place of this number
  EXPECT_EQ(answer(forged, code(secret)).verdict, CodeVerdict::expired);
  EXPECT_EQ(answer(*state, code(secret)).verdict, CodeVerdict::approved);
}

TEST_F(ChallengeDeskTest, ItRunsOut) {
  ttl_ms_ = 0;
  const std::string secret = give_app();
  const auto state = hold();
  EXPECT_EQ(answer(*state, code(secret)).verdict, CodeVerdict::expired);
}

TEST_F(ChallengeDeskTest, WrongCodesLockOnePlace) {
  const std::string secret = give_app();
  CodeAnswer wrong;
  auto state = hold("alice", 10);
  for (int i = 0; i < 4; ++i) {
    wrong = answer(*state, wrong_code(secret));
    ASSERT_EQ(wrong.verdict, CodeVerdict::again);
    state = wrong.next;
  }
  EXPECT_EQ(answer(*state, code(secret)).verdict, CodeVerdict::limited);
  EXPECT_TRUE(desk().unlock_user("alice"));
  EXPECT_EQ(answer(*hold(), code(secret)).verdict, CodeVerdict::approved);
}

TEST_F(ChallengeDeskTest, WithoutAStoreNobodyIsApproved) {
  const std::string secret = give_app();
  const auto state = hold();
  store_.be_away(true);
  EXPECT_EQ(answer(*state, code(secret)).verdict, CodeVerdict::unavailable);
}

TEST_F(ChallengeDeskTest, WhatIsHeldIsBounded) {
  plan_.places = 12;
  for (std::uint32_t i = 0; i < plan_.of_one_user; ++i) EXPECT_TRUE(hold());
  EXPECT_FALSE(hold());
  for (std::uint32_t i = plan_.of_one_user; i < plan_.places; ++i) EXPECT_TRUE(hold("bob"));
  EXPECT_FALSE(hold("carol"));
}

TEST_F(ChallengeDeskTest, AnAppIsRegisteredOnceAndTakenAway) {
  give_app();
  EXPECT_EQ(desk().register_otp("alice").error(), RegisterFailure::registered);
  EXPECT_EQ(desk().reset_otp("alice"), true);
  EXPECT_EQ(desk().reset_otp("alice"), false);
  EXPECT_NE(desk().show_user("alice").find("directory: none: "), std::string::npos);
  give_app();
  store_.be_away(true);
  EXPECT_EQ(desk().register_otp("bob").error(), RegisterFailure::unavailable);
}

}  // namespace
}  // namespace sallyport::verify
