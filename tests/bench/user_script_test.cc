#include "bench/simulators/user_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sallyport::lab {
namespace {

using testing::HasSubstr;

struct Good {
  const char* text;
  Behaviour expected;
};

class GoodBehaviour : public testing::TestWithParam<Good> {};

TEST_P(GoodBehaviour, IsRead) {
  const auto behaviour = parse_behaviour(GetParam().text);
  ASSERT_TRUE(behaviour) << behaviour.error();
  EXPECT_EQ(*behaviour, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    All, GoodBehaviour,
    testing::Values(Good{"ask", {Action::ask, 0}}, Good{"approve", {Action::approve, 0}},
                    Good{"approve:2s", {Action::approve, 2'000}},
                    Good{"approve:0", {Action::approve, 0}},
                    Good{"deny:1m30s", {Action::deny, 90'000}},
                    Good{"deny:250ms", {Action::deny, 250}}, Good{"expire", {Action::expire, 0}},
                    Good{"never", {Action::never, 0}}, Good{"unknown", {Action::unknown, 0}},
                    Good{"no-device", {Action::no_device, 0}}));

class BadBehaviour : public testing::TestWithParam<const char*> {};

TEST_P(BadBehaviour, IsRefused) { EXPECT_FALSE(parse_behaviour(GetParam())); }

INSTANTIATE_TEST_SUITE_P(All, BadBehaviour,
                         testing::Values("", "approved", "approve:", "approve:2", "approve:-1s",
                                         "approve:2x", "approve:25h", "expire:2s", "Ask"));

TEST(UserScript, ExactNameBeatsEveryPattern) {
  UserScript script;
  ASSERT_TRUE(script.add("al*=deny"));
  ASSERT_TRUE(script.add("alice=approve"));
  EXPECT_EQ(script.behaviour_of("alice").action, Action::approve);
  EXPECT_EQ(script.behaviour_of("alina").action, Action::deny);
}

TEST(UserScript, LongestPatternWins) {
  UserScript script;
  ASSERT_TRUE(script.add("*=never"));
  ASSERT_TRUE(script.add("bot-7*=approve"));
  ASSERT_TRUE(script.add("bot-*=deny"));
  EXPECT_EQ(script.behaviour_of("bot-71").action, Action::approve);
  EXPECT_EQ(script.behaviour_of("bot-1").action, Action::deny);
  EXPECT_EQ(script.behaviour_of("anyone").action, Action::never);
}

TEST(UserScript, UnlistedUsersBehaveByDefault) {
  UserScript script;
  EXPECT_EQ(script.behaviour_of("x").action, Action::ask);
  script.set_default({Action::unknown, 0});
  EXPECT_EQ(script.behaviour_of("x").action, Action::unknown);
}

TEST(UserScript, NameMayHoldAnEqualsSign) {
  UserScript script;
  ASSERT_TRUE(script.add("cn=alice,ou=vpn=deny"));
  EXPECT_EQ(script.behaviour_of("cn=alice,ou=vpn").action, Action::deny);
}

TEST(UserScript, FileErrorNamesItsLine) {
  UserScript script;
  const auto added = script.add_lines("# users\n\nalice = approve:1s\nbob approve\n");
  ASSERT_FALSE(added);
  EXPECT_THAT(added.error(), HasSubstr("line 4"));
  EXPECT_EQ(script.behaviour_of("alice").after_ms, 1'000U);
}

}  // namespace
}  // namespace sallyport::lab
