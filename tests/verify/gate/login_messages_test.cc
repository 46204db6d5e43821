// Codes and links that are sent for logins over RADIUS: what the desks make of them, with messages
// and the store written down.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/verify/gate/arriving.h"
#include "tests/verify/gate/memory_store.h"
#include "verify/clock.h"
#include "verify/gate/challenge_desk.h"
#include "verify/gate/gate.h"
#include "verify/gate/link_desk.h"
#include "verify/gate/login_sender.h"
#include "verify/gate/no_grants.h"
#include "verify/gate/sessions.h"

namespace sallyport::verify {
namespace {

class Messages final : public MessageSink {
 public:
  bool post(Message message) override {
    const std::scoped_lock lock(mutex_);
    if (is_full) return false;
    posted_.push_back(std::move(message));
    arrived_.notify_all();
    return true;
  }
  bool reaches(MessageKind, const User& user) const override { return !user.mail.empty(); }
  Message wait(std::size_t count = 1) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return posted_.size() >= count; });
    return posted_[count - 1];
  }
  std::size_t count() {
    const std::scoped_lock lock(mutex_);
    return posted_.size();
  }
  std::atomic<bool> is_full = false;

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Message> posted_;
};

std::string value_of(const Message& message, std::string_view name) {
  for (const auto& [key, value] : message.values) {
    if (key == name) return value;
  }
  return {};
}

class Users final : public Directory {
 public:
  std::expected<std::optional<User>, std::string> find(std::string_view id) override {
    if (is_away) return std::unexpected("away");
    User user;
    user.id = subject_of(id);
    if (user.id == "alice" || user.id == "bob") user.mail = user.id + "@example.net";
    if (user.mail.empty() && user.id != "carol") return std::nullopt;
    return user;
  }
  std::atomic<bool> is_away = false;
};

class LoginMessages : public ::testing::Test {
 protected:
  LoginSender& sender() {
    if (sender_ == nullptr) {
      sender_ = std::make_unique<LoginSender>(settings_,
                                              LoginSenderWorld{.store = store_,
                                                               .sealer = sealer_,
                                                               .directory = users_,
                                                               .messages = messages_,
                                                               .audit = [](const GateEvent&) {}},
                                              limits_);
    }
    return *sender_;
  }
  static GateSettings settings() {
    GateSettings settings;
    settings.issuer = "tests";
    settings.gate_url = "https://auth.example.net/.sallyport";
    settings.lock_after = 4;
    return settings;
  }

  MemoryStore store_{unix_ms};
  Sealer sealer_ = *Sealer::from_text(std::string(64, 'a'));
  Users users_;
  Messages messages_;
  GateSettings settings_ = settings();
  PushLimitSettings limits_;
  SystemRandom random_;
  std::unique_ptr<LoginSender> sender_;
  std::uint64_t tickets_ = 0;
};

// --- Codes -------------------------------------------------------------------------------------

class SentCodes : public LoginMessages {
 protected:
  ChallengeDesk& desk() {
    if (desk_ == nullptr) {
      desk_ = std::make_unique<ChallengeDesk>(ChallengeDeskPlan{}, settings_,
                                              ChallengeWorld{.store = store_,
                                                             .sealer = sealer_,
                                                             .directory = &users_,
                                                             .sender = &sender(),
                                                             .audit = [](const GateEvent&) {},
                                                             .sink = answers_});
      desk_->start();
    }
    return *desk_;
  }
  ChallengeState hold(std::string_view user = "alice", std::string_view station = "home",
                      LoginFactors factors = {LoginFactor::token}) {
    HeldLogin login{};
    login.login.assign(user);
    login.user.assign(user);
    login.client.assign(std::string_view("vpn"));
    login.calling_station.assign(station);
    login.user_hash = ++users_hash_;
    login.tries = 3;
    login.factors = factors;
    login.accept_octets = 20;
    const auto state = desk().hold(login, random_);
    EXPECT_TRUE(state.has_value());
    return *state;
  }
  CodeAnswer redeem(const ChallengeState& state, std::string_view code, bool begins,
                    std::string_view user = "alice") {
    TypedCode typed;
    typed.ticket = {++tickets_};
    typed.state = state;
    typed.login.assign(user);
    typed.client.assign(std::string_view("vpn"));
    typed.code.assign(code);
    typed.begins = begins;
    EXPECT_TRUE(desk().redeem(typed));
    const CodeAnswer answer = answers_.wait(typed.ticket);
    if (answer.place != CodeAnswer::kNoPlace) desk().let_go(answer.place);
    return answer;
  }
  CodeAnswer begin(std::string_view user = "alice", std::string_view station = "home",
                   LoginFactors factors = {LoginFactor::token}) {
    return redeem(hold(user, station, factors), "", true, user);
  }
  std::string code(std::size_t count = 1) { return value_of(messages_.wait(count), "code"); }
  static std::string other(std::string code) {
    code[0] = code[0] == '9' ? '0' : static_cast<char>(code[0] + 1);
    return code;
  }

  Arriving<CodeSink, CodeAnswer> answers_;
  std::uint64_t users_hash_ = 0;
  std::unique_ptr<ChallengeDesk> desk_;
};

TEST_F(SentCodes, IsRightOnce) {
  const CodeAnswer sent = begin();
  ASSERT_EQ(sent.verdict, CodeVerdict::chose_token);
  EXPECT_EQ(sent.factor, LoginFactor::token);
  EXPECT_LE(sent.next_ms, settings_.token_duration_ms);
  const CodeAnswer wrong = redeem(sent.next, other(code()), false);
  ASSERT_EQ(wrong.verdict, CodeVerdict::again);
  EXPECT_LE(wrong.next_ms, sent.next_ms);
  EXPECT_EQ(redeem(sent.next, code(), false).verdict, CodeVerdict::expired);
  const std::string spaced = code().substr(0, 3) + " " + code().substr(3);
  const CodeAnswer right = redeem(wrong.next, spaced, false);
  EXPECT_EQ(right.verdict, CodeVerdict::approved);
  EXPECT_EQ(right.factor, LoginFactor::token);
  EXPECT_EQ(redeem(wrong.next, code(), false).verdict, CodeVerdict::expired);
  EXPECT_EQ(messages_.count(), 1u);
}

TEST_F(SentCodes, IsOfItsLoginAndNoEmptyOneIsRight) {
  const CodeAnswer first = begin();
  const CodeAnswer second = begin();
  const CodeAnswer others = redeem(second.next, code(1), false);
  if (code(1) != code(2)) {
    EXPECT_EQ(others.verdict, CodeVerdict::again);
  }
  EXPECT_EQ(redeem(first.next, "", false).verdict, CodeVerdict::again);
}

TEST_F(SentCodes, IsOverWithItsTime) {
  settings_.token_duration_ms = 1;
  const CodeAnswer sent = begin();
  ASSERT_EQ(sent.verdict, CodeVerdict::chose_token);
  const std::uint64_t now = monotonic_ms();
  while (monotonic_ms() < now + 2) {
  }
  EXPECT_EQ(redeem(sent.next, code(), false).verdict, CodeVerdict::expired);
}

TEST_F(SentCodes, WhatCannotBeSentSaysWhy) {
  EXPECT_EQ(begin("dave").verdict, CodeVerdict::unknown_user);
  const CodeAnswer unreached = begin("carol");
  EXPECT_EQ(unreached.verdict, CodeVerdict::unavailable);
  EXPECT_STREQ(unreached.detail, "no address to send to");
  messages_.is_full = true;
  EXPECT_EQ(begin().verdict, CodeVerdict::unavailable);
  messages_.is_full = false;
  store_.be_away(true);
  EXPECT_EQ(begin().verdict, CodeVerdict::unavailable);
  store_.be_away(false);
  users_.is_away = true;
  EXPECT_EQ(begin().verdict, CodeVerdict::unavailable);
  EXPECT_EQ(messages_.count(), 0u);
}

TEST_F(SentCodes, AStoreThatIsAwayLetsNobodyIn) {
  const CodeAnswer sent = begin();
  const std::string right = code();
  store_.be_away(true);
  EXPECT_EQ(redeem(sent.next, right, false).verdict, CodeVerdict::unavailable);
}

TEST_F(SentCodes, OneThatNoChannelTookLetsNobodyIn) {
  const CodeAnswer sent = begin();
  const Message message = messages_.wait();
  message.given_up();
  const CodeAnswer refused = redeem(sent.next, value_of(message, "code"), false);
  EXPECT_EQ(refused.verdict, CodeVerdict::unavailable);
  EXPECT_STREQ(refused.detail, "the message could not be sent");
}

TEST_F(SentCodes, AreLimitedButNotWhereTheUserHasLoggedInBefore) {
  limits_.user = {.count = 2, .window_ms = 60'000};
  limits_.pair = {};
  const CodeAnswer first = begin();  // by itself: GCC evaluates the last argument first
  ASSERT_EQ(redeem(first.next, code(1), false).verdict, CodeVerdict::approved);
  ASSERT_EQ(begin("alice", "elsewhere").verdict, CodeVerdict::chose_token);
  // In whatever way he writes himself.
  EXPECT_EQ(begin("ALICE", "nowhere").verdict, CodeVerdict::limited);
  EXPECT_EQ(begin().verdict, CodeVerdict::chose_token);
  EXPECT_EQ(begin("bob", "elsewhere").verdict, CodeVerdict::chose_token);
}

TEST_F(SentCodes, AMenuLeavesOutWhatTheUserHasNot) {
  const LoginFactors all = {LoginFactor::push, LoginFactor::otp, LoginFactor::token,
                            LoginFactor::link};
  const CodeAnswer menu = begin("alice", "home", all);
  ASSERT_EQ(menu.verdict, CodeVerdict::offered);
  EXPECT_EQ(menu.factors, (LoginFactors{LoginFactor::push, LoginFactor::token, LoginFactor::link}));
  EXPECT_EQ(messages_.count(), 0u);
  const CodeAnswer again = redeem(menu.next, "2", false);
  ASSERT_EQ(again.verdict, CodeVerdict::offered);
  EXPECT_EQ(redeem(again.next, "3", false).verdict, CodeVerdict::chose_token);
  EXPECT_EQ(messages_.count(), 1u);
  EXPECT_EQ(redeem(begin("alice", "home", all).next, "link", false).verdict,
            CodeVerdict::chose_link);

  EXPECT_EQ(begin("carol", "home", all).verdict, CodeVerdict::chose_push);
  ASSERT_TRUE(desk().register_otp("carol").has_value());
  EXPECT_EQ(begin("carol", "home", all).factors,
            (LoginFactors{LoginFactor::push, LoginFactor::otp}));
  EXPECT_EQ(begin("dave", "home", {LoginFactor::otp, LoginFactor::token}).verdict,
            CodeVerdict::unavailable);
  // With the store away the phone is left.
  store_.be_away(true);
  EXPECT_EQ(begin("carol", "home", {LoginFactor::push, LoginFactor::otp}).verdict,
            CodeVerdict::chose_push);
}

TEST_F(SentCodes, WhatIsNoChoiceUsesUpTries) {
  CodeAnswer menu = begin("alice", "home", {LoginFactor::push, LoginFactor::token});
  for (int i = 0; i < 2; ++i) {
    menu = redeem(menu.next, "rubbish", false);
    ASSERT_EQ(menu.verdict, CodeVerdict::offered);
  }
  EXPECT_EQ(redeem(menu.next, "rubbish", false).verdict, CodeVerdict::denied);
}

// --- Links -------------------------------------------------------------------------------------

class SentLinks : public LoginMessages {
 protected:
  LinkDesk& desk() {
    if (desk_ == nullptr) {
      desk_ = std::make_unique<LinkDesk>(plan_, sender(), answers_);
      gate_ = std::make_unique<Gate>(settings_,
                                     GateWorld{.store = store_,
                                               .sealer = sealer_,
                                               .directory = users_,
                                               .messages = &messages_,
                                               .push = nullptr,
                                               .grants = grants_,
                                               .later = [](std::function<void()> job) { job(); },
                                               .notify =
                                                   [this](std::string_view visit) {
                                                     if (hears_) desk_->watcher()(visit);
                                                   },
                                               .audit = [](const GateEvent&) {},
                                               .now_ms = [] { return unix_ms(); }});
      desk_->start();
    }
    return *desk_;
  }
  Question question(std::string_view user = "alice", std::uint8_t login = 1) {
    Question question;
    question.ticket = {++tickets_};
    question.join_key.octets.fill(login);
    question.user_hash = std::hash<std::string_view>()(user);
    question.asked_ns = monotonic_ns();
    question.address = *IpAddress::parse("192.0.2.1");
    question.user.assign(user);
    question.client.assign(std::string_view("vpn"));
    question.calling_station.assign(std::string_view("00-11-22-33-44-55"));
    return question;
  }
  Ticket ask(std::string_view user = "alice", std::uint8_t login = 1) {
    const Question asked = question(user, login);
    EXPECT_TRUE(desk().ask(asked));
    return asked.ticket;
  }
  std::string secret(std::size_t count = 1) {
    const std::string link = value_of(messages_.wait(count), "link");
    return link.substr(link.find("?k=") + 3);
  }
  GateReply open(const std::string& link_secret) {
    GateRequest request;
    request.path = "/approve";
    request.query = {{"k", link_secret}};
    request.now_ms = unix_ms();
    return gate_->answer(request);
  }
  GateReply answer(const std::string& link_secret, const std::string& what) {
    GateRequest request;
    request.post = true;
    request.same_origin = true;
    request.path = "/approve";
    request.form = {
        {"k", link_secret}, {"answer", what}, {"form_token", open(link_secret).view.form_token}};
    request.now_ms = unix_ms();
    return gate_->answer(request);
  }

  LinkDeskPlan plan_;
  std::atomic<bool> hears_{true};  ///< of what the page has decided
  NoGrants grants_;
  Arriving<VerdictSink, Answer> answers_;
  std::unique_ptr<LinkDesk> desk_;
  std::unique_ptr<Gate> gate_;
};

TEST_F(SentLinks, ThePageSaysWhoAsksAndItsAnswerIsTheVerdict) {
  const Ticket ticket = ask();
  const GateReply page = open(secret());
  EXPECT_EQ(page.view.page, PageId::approve);
  EXPECT_EQ(page.view.user, "alice");
  EXPECT_EQ(page.view.address, "192.0.2.1");
  EXPECT_EQ(page.view.device, "vpn (00-11-22-33-44-55)");
  EXPECT_TRUE(page.view.number.empty());
  EXPECT_FALSE(answers_.has(ticket));
  EXPECT_EQ(answer(secret(), "yes").view.page, PageId::approved);
  const Answer approved = answers_.wait(ticket);
  EXPECT_EQ(approved.verdict, Verdict::approved);
  EXPECT_TRUE(approved.push_out);
  // It is over, for whoever comes next, and nothing of it is left but where he has logged in.
  EXPECT_EQ(open(secret()).view.error, GateError::no_request);
  for (const auto& [key, record] : store_.all()) {
    EXPECT_EQ(std::get<0>(key), RecordKind::known);
  }
}

TEST_F(SentLinks, ADenialIsOneAndIsFollowedByAPause) {
  const Ticket ticket = ask();
  EXPECT_EQ(answer(secret(), "no").view.page, PageId::refused);
  EXPECT_EQ(answers_.wait(ticket).verdict, Verdict::denied);
  EXPECT_EQ(answers_.wait(ask("alice", 2)).verdict, Verdict::limited);
  EXPECT_EQ(messages_.count(), 1u);
}

TEST_F(SentLinks, RetriesOfALoginWaitForOneLink) {
  plan_.threads = 1;
  const Ticket first = ask();
  const std::string link = secret();
  const Ticket second = ask();
  const Ticket others = ask("bob", 2);
  EXPECT_NE(secret(2), link);
  // What comes after is handled after: by then the second waits with the first.
  answer(link, "yes");
  EXPECT_EQ(answers_.wait(first).verdict, Verdict::approved);
  EXPECT_EQ(answers_.wait(second).verdict, Verdict::approved);
  EXPECT_TRUE(answers_.wait(second).joined);
  EXPECT_FALSE(answers_.has(others));
  EXPECT_EQ(messages_.count(), 2u);
}

TEST_F(SentLinks, WithoutAnAnswerItExpiresAndThePageIsDead) {
  settings_.token_duration_ms = 1;
  const Ticket ticket = ask();
  EXPECT_EQ(answers_.wait(ticket).verdict, Verdict::expired);
  EXPECT_EQ(open(secret()).view.error, GateError::no_request);
}

TEST_F(SentLinks, WhoeverGoesAwayTakesTheLinkAlong) {
  const Question asked = question();
  ASSERT_TRUE(desk().ask(asked));
  const std::string link = secret();
  desk().release(asked.ticket, asked.join_key, asked.user_hash);
  while (open(link).view.error != GateError::no_request) std::this_thread::yield();
  EXPECT_FALSE(answers_.has(asked.ticket));
}

TEST_F(SentLinks, WhatCannotBeSentIsSaidAtOnce) {
  EXPECT_EQ(answers_.wait(ask("dave", 1)).verdict, Verdict::unknown_user);
  EXPECT_EQ(answers_.wait(ask("carol", 2)).detail.view(), "no address to send to");
  store_.be_away(true);
  EXPECT_EQ(answers_.wait(ask("alice", 3)).verdict, Verdict::unavailable);
  store_.be_away(false);
  const Ticket ticket = ask("alice", 4);
  messages_.wait().given_up();
  const Answer refused = answers_.wait(ticket);
  EXPECT_EQ(refused.verdict, Verdict::unavailable);
  EXPECT_EQ(refused.detail.view(), "the message could not be sent");
  EXPECT_TRUE(refused.push_out);
}

TEST_F(SentLinks, SoManyWaitAndNoMore) {
  plan_.of_one_user = 2;
  limits_ = {.user = {}, .user_long = {}, .pair = {}, .place = {}, .cool_down_ms = 0};
  ask("alice", 1);
  ask("alice", 2);
  messages_.wait(2);
  const Answer refused = answers_.wait(ask("alice", 3));
  EXPECT_EQ(refused.verdict, Verdict::unavailable);
  EXPECT_EQ(refused.detail.view(), "too many links wait");
  ask("bob", 4);
  messages_.wait(3);
}

TEST_F(SentLinks, WhoseNewsWereLostAreAllLookedAt) {
  const Ticket alice = ask("alice", 1);
  const std::string hers = secret(1);
  const Ticket bob = ask("bob", 2);
  secret(2);
  hears_ = false;
  EXPECT_EQ(answer(hers, "yes").view.page, PageId::approved);
  EXPECT_FALSE(answers_.has(alice));
  for (int i = 0; i < 3; ++i) desk().watcher()("");
  EXPECT_EQ(answers_.wait(alice).verdict, Verdict::approved);
  EXPECT_FALSE(answers_.has(bob));
}

TEST_F(SentLinks, WhatIsToldOfOthersVisitsOrAfterItsEndIsNothing) {
  const auto tell = desk().watcher();
  tell("another visit");
  const Ticket ticket = ask();
  const std::string link = secret();
  for (const auto& [key, record] : store_.all()) tell(std::get<2>(key));
  answer(link, "yes");
  EXPECT_EQ(answers_.wait(ticket).verdict, Verdict::approved);
  desk_.reset();
  tell("a visit");
}

}  // namespace
}  // namespace sallyport::verify
