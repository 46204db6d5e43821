// Whose login it is in the user directory: what the desk finds out of his groups before anything is
// asked of him.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/verify/gate/arriving.h"
#include "tests/verify/gate/memory_store.h"
#include "verify/clock.h"
#include "verify/gate/challenge_desk.h"

namespace sallyport::verify {
namespace {

/// Knows alice, in any case, or is away.
class Users final : public Directory {
 public:
  std::expected<std::optional<User>, std::string> find(std::string_view id) override {
    if (is_away) return std::unexpected("away");
    if (id != "alice" && id != "ALICE") return std::nullopt;
    User user;
    user.id = "alice";
    user.groups = groups;
    user.after_failure = after_failure;
    return user;
  }
  bool is_away = false;
  bool after_failure = false;
  std::vector<std::string> groups;
};

class GroupLookUp : public ::testing::Test {
 protected:
  ~GroupLookUp() override {
    if (desk_ != nullptr) desk_->stop();
  }
  ChallengeDesk& desk() {
    if (desk_ == nullptr) {
      GateSettings settings;
      settings.issuer = "tests";
      desk_ = std::make_unique<ChallengeDesk>(ChallengeDeskPlan{}, std::move(settings),
                                              ChallengeWorld{.store = store_,
                                                             .sealer = sealer_,
                                                             .directory = directory_,
                                                             .audit = [](const GateEvent&) {},
                                                             .sink = answers_});
      desk_->start();
    }
    return *desk_;
  }
  CodeAnswer look_up(std::string_view user = "alice") {
    HeldLogin login{};
    login.login.assign(user);
    login.user.assign(user);
    login.client.assign(std::string_view("vpn"));
    login.tries = 1;
    login.factors = {};
    login.wanted_groups = wanted_;
    login.accept_octets = 20;
    const auto state = desk().hold(login, random_);
    EXPECT_TRUE(state.has_value());
    TypedCode typed;
    typed.ticket = {++tickets_};
    typed.state = *state;
    typed.login.assign(user);
    typed.client.assign(std::string_view("vpn"));
    typed.begins = true;
    EXPECT_TRUE(desk().redeem(typed));
    return answers_.wait(typed.ticket);
  }
  /// The found ones, of a login that is let go.
  FoundGroups groups_of(std::string_view user) {
    const CodeAnswer answer = look_up(user);
    EXPECT_EQ(answer.verdict, CodeVerdict::groups_known);
    const FoundGroups groups = desk().held(answer.place).groups;
    desk().let_go(answer.place);
    return groups;
  }
  void expect_unknown(const char* why) {
    const CodeAnswer answer = look_up();
    EXPECT_EQ(answer.verdict, CodeVerdict::unavailable);
    EXPECT_STREQ(answer.detail, why);
    desk().let_go(answer.place);
  }

  std::shared_ptr<const GroupNames> wanted_ =
      std::make_shared<const GroupNames>(std::vector<std::string>{"Staff", "admins"});
  Users users_;
  Directory* directory_ = &users_;
  MemoryStore store_{unix_ms};
  Sealer sealer_ = *Sealer::from_text(std::string(64, 'a'));
  Arriving<CodeSink, CodeAnswer> answers_;
  SystemRandom random_;
  std::uint64_t tickets_ = 0;
  std::unique_ptr<ChallengeDesk> desk_;
};

TEST_F(GroupLookUp, FindsTheNamedOnesAmongAllOfHis) {
  for (int i = 0; i < 1'000; ++i) users_.groups.push_back("project-" + std::to_string(i));
  users_.groups.emplace_back("STAFF");
  const FoundGroups groups = groups_of("alice");
  ASSERT_EQ(groups.all().size(), 1u);
  EXPECT_EQ(groups.all()[0], wanted_->find("staff"));
  EXPECT_TRUE(groups.spelled_alike);
  EXPECT_FALSE(groups_of("ALICE").spelled_alike);
}

/// A policy that denies a group is not stepped around by blanks that the downstream passes over.
TEST_F(GroupLookUp, BlanksAroundANameMakeNoStranger) {
  users_.groups.emplace_back("staff");
  for (const char* user : {" alice", "alice ", "\talice\n"}) {
    const FoundGroups groups = groups_of(user);
    EXPECT_EQ(groups.all().size(), 1u) << user;
    EXPECT_FALSE(groups.spelled_alike) << user;
  }
}

TEST_F(GroupLookUp, WhomNobodyKnowsIsInNone) {
  const FoundGroups groups = groups_of("bob");
  EXPECT_TRUE(groups.all().empty());
  EXPECT_FALSE(groups.spelled_alike);
}

TEST_F(GroupLookUp, WhatTheDirectoryDoesNotSayIsNotKnown) {
  users_.is_away = true;
  expect_unknown("the user directory did not answer");
  users_.is_away = false;
  // Another one, first in order, might say otherwise.
  users_.after_failure = true;
  expect_unknown("the user directory did not answer");
  users_.after_failure = false;
  EXPECT_TRUE(groups_of("alice").all().empty());
}

TEST_F(GroupLookUp, WithoutADirectoryNothingIsKnown) {
  directory_ = nullptr;
  expect_unknown("no user directory is configured");
}

TEST_F(GroupLookUp, NoGroupIsCutOff) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i <= FoundGroups::kMax; ++i) names.push_back("g" + std::to_string(i));
  wanted_ = std::make_shared<const GroupNames>(names);
  users_.groups = names;
  expect_unknown("in too many of the groups that policies name");
  users_.groups.pop_back();
  EXPECT_EQ(groups_of("alice").all().size(), FoundGroups::kMax);
}

TEST_F(GroupLookUp, NothingIsLeftHeld) {
  groups_of("alice");
  EXPECT_FALSE(desk().any_held());
  EXPECT_EQ(wanted_.use_count(), 1);
}

}  // namespace
}  // namespace sallyport::verify
