#include "verify/push_limits.h"

#include <gtest/gtest.h>

#include "verify/approval_memory.h"

namespace sallyport::verify {
namespace {

constexpr std::uint64_t kNow = 1'000'000;
constexpr std::uint64_t kMinute = 60'000;
constexpr std::uint64_t kHour = 60 * kMinute;

const AskerKeys& keys() {
  static const AskerKeys made(AskerKeys::Random{1});
  return made;
}

Asker asker(std::string_view user, std::string_view station, std::string_view client = "vpn") {
  Question question;
  question.user.assign(user);
  question.client.assign(client);
  question.calling_station.assign(station);
  return keys().of(question);
}

int taken(PushLimits& limits, const Asker& from, bool known, std::uint64_t now_ms) {
  int count = 0;
  while (count < 1'000 && limits.take(from, known, now_ms) == PushLimitedBy::none) ++count;
  return count;
}

TEST(AskerKeys, TellWhoAndWhereApart) {
  const Asker alice = asker("alice", "192.0.2.1");
  EXPECT_EQ(alice.pair, asker("alice", "192.0.2.1").pair);
  EXPECT_NE(alice.pair, asker("alice", "192.0.2.2").pair);
  EXPECT_NE(alice.pair, asker("bob", "192.0.2.1").pair);
  EXPECT_NE(alice.pair, asker("alice", "192.0.2.1", "wifi").pair);
  EXPECT_EQ(alice.place, asker("bob", "192.0.2.1").place);
  EXPECT_EQ(alice.user, asker("alice", "192.0.2.2", "wifi").user);
  EXPECT_NE(alice.user, asker("bob", "192.0.2.1").user);
  EXPECT_NE(asker("ab", "c", "").pair, asker("a", "bc", "").pair);
}

/// Another spelling is no other phone; but only the very same name rides on an approval.
TEST(AskerKeys, HowAUsersNameIsWrittenDoesNotWidenHisLimits) {
  for (const char* user : {" alice", "alice ", "\tALICE\n"}) {
    EXPECT_EQ(asker(user, "x").user, asker("alice", "x").user) << user;
    EXPECT_NE(asker(user, "x").pair, asker("alice", "x").pair) << user;
  }
  EXPECT_EQ(asker("ALICE", "x").user, asker("alice", "x").user);
  EXPECT_NE(asker("ALICE", "x").pair, asker("alice", "x").pair);
}

TEST(AskerKeys, AStationThatMayHaveBeenCutIsNone) {
  EXPECT_FALSE(asker("alice", "").has_station);
  EXPECT_TRUE(asker("alice", std::string(63, 'x')).has_station);
  EXPECT_FALSE(asker("alice", std::string(64, 'x')).has_station);
}

/// An operator who switched the rates off still wants a user left alone who said no.
TEST(PushLimits, CoolDownHoldsWithoutRates) {
  const Rate off{.count = 0};
  PushLimits limits({.user = off, .user_long = off, .pair = off, .place = off}, 100);
  EXPECT_EQ(taken(limits, asker("alice", "a"), false, kNow), 1'000);
  limits.denied(asker("alice", "a"), kNow);
  EXPECT_EQ(limits.take(asker("alice", "a"), false, kNow + 1), PushLimitedBy::cool_down);
  EXPECT_EQ(limits.take(asker("alice", "b"), false, kNow + 1), PushLimitedBy::none);
  EXPECT_EQ(limits.take(asker("alice", "a"), false, kNow + kMinute), PushLimitedBy::none);
}

TEST(PushLimits, APairIsAskedSoOften) {
  PushLimits limits({}, 100);
  EXPECT_EQ(taken(limits, asker("alice", "a"), false, kNow), 3);
  EXPECT_EQ(limits.take(asker("alice", "a"), false, kNow), PushLimitedBy::pair);
  EXPECT_EQ(taken(limits, asker("alice", "a"), false, kNow + kMinute), 3);
}

TEST(PushLimits, UnknownPlacesShareWhatAUserMayBeAsked) {
  PushLimits limits({}, 100);
  EXPECT_EQ(taken(limits, asker("alice", "a"), false, kNow), 3);
  EXPECT_EQ(taken(limits, asker("Alice", "b"), false, kNow), 2);
  EXPECT_EQ(limits.take(asker("alice", "c"), false, kNow), PushLimitedBy::user);
  EXPECT_EQ(taken(limits, asker("bob", "a"), false, kNow), 3);
}

TEST(PushLimits, AnHourHasItsOwnBound) {
  PushLimits limits({}, 100);
  int all = 0;
  for (std::uint64_t minute = 0; minute < 59; ++minute) {
    all +=
        taken(limits, asker("alice", "a" + std::to_string(minute)), false, kNow + minute * kMinute);
  }
  EXPECT_EQ(all, 30);
  EXPECT_EQ(taken(limits, asker("alice", "x"), false, kNow + kHour + kMinute), 3);
}

/// The point of it all.
TEST(PushLimits, NobodyElsewhereLocksOutWhoIsKnown) {
  PushLimits limits({}, 100);
  for (int i = 0; i < 1'000; ++i)
    static_cast<void>(limits.take(asker("alice", "bad" + std::to_string(i)), false, kNow));
  limits.denied(asker("alice", "bad0"), kNow);
  EXPECT_EQ(taken(limits, asker("alice", "home"), true, kNow), 5);
  EXPECT_EQ(limits.take(asker("alice", "home"), true, kNow), PushLimitedBy::user);
}

TEST(PushLimits, WhoIsKnownTakesNothingFromTheOthers) {
  PushLimits limits({}, 100);
  EXPECT_EQ(taken(limits, asker("alice", "home"), true, kNow), 5);
  EXPECT_EQ(taken(limits, asker("alice", "hotel"), false, kNow), 3);
}

TEST(PushLimits, APlaceIsLimitedOnlyWhereItIsOne) {
  PushLimitSettings settings;
  settings.place = {.count = 10, .window_ms = 60'000};
  PushLimits limits(settings, 100);
  int all = 0;
  for (int i = 0; i < 20; ++i)
    all += taken(limits, asker("u" + std::to_string(i), "a"), false, kNow);
  EXPECT_EQ(all, 10);
  EXPECT_EQ(limits.take(asker("x", "a"), false, kNow), PushLimitedBy::place);
  all = 0;
  for (int i = 0; i < 20; ++i)
    all += taken(limits, asker("v" + std::to_string(i), ""), false, kNow);
  EXPECT_EQ(all, 60);
}

TEST(PushLimits, ADenialIsFollowedBySilenceFromThere) {
  PushLimits limits({}, 100);
  EXPECT_EQ(limits.take(asker("alice", "a"), false, kNow), PushLimitedBy::none);
  limits.denied(asker("alice", "a"), kNow);
  EXPECT_EQ(limits.take(asker("alice", "a"), false, kNow + 59'999), PushLimitedBy::cool_down);
  EXPECT_EQ(limits.take(asker("alice", "b"), false, kNow + 59'999), PushLimitedBy::none);
  EXPECT_EQ(limits.take(asker("alice", "a"), false, kNow + 60'000), PushLimitedBy::none);
}

TEST(PushLimits, WhatIsRefusedDoesNotCount) {
  PushLimits limits({}, 100);
  for (std::uint64_t ms = 0; ms < kMinute; ms += 100)
    static_cast<void>(limits.take(asker("alice", "a"), false, kNow + ms));
  EXPECT_EQ(taken(limits, asker("alice", "a"), false, kNow + 2 * kMinute), 3);
}

TEST(PushLimits, OffIsNoLimit) {
  PushLimits limits({.user = {}, .user_long = {}, .pair = {}, .place = {}}, 100);
  EXPECT_EQ(taken(limits, asker("alice", "a"), false, kNow), 1'000);
  EXPECT_EQ(taken(limits, asker("alice", "a"), true, kNow), 1'000);
}

TEST(ApprovalMemory, AnApprovalIsGoodThereAndForAWhile) {
  ApprovalMemory memory(10);
  memory.approved(asker("alice", "home"), true, {}, kNow);
  EXPECT_TRUE(memory.is_good(asker("alice", "home"), kNow + 999, 1'000));
  EXPECT_FALSE(memory.is_good(asker("alice", "home"), kNow + 1'000, 1'000));
  EXPECT_FALSE(memory.is_good(asker("alice", "home"), kNow, 0));
  EXPECT_FALSE(memory.is_good(asker("ALICE", "home"), kNow, 1'000));
  EXPECT_FALSE(memory.is_good(asker("alice", "hotel"), kNow, 1'000));
  EXPECT_FALSE(memory.is_good(asker("bob", "home"), kNow, 1'000));
}

TEST(ApprovalMemory, UsingAnApprovalDoesNotMakeItLonger) {
  ApprovalMemory memory(10);
  memory.approved(asker("alice", "home"), true, {}, kNow);
  EXPECT_TRUE(memory.is_good(asker("alice", "home"), kNow + 900, 1'000));
  EXPECT_FALSE(memory.is_good(asker("alice", "home"), kNow + 1'500, 1'000));
}

TEST(ApprovalMemory, ADenialEndsAllThatWasGoodAndLocksOutNobody) {
  ApprovalMemory memory(10);
  memory.approved(asker("alice", "home"), true, {}, kNow);
  memory.approved(asker("alice", "work"), true, {}, kNow);
  memory.approved(asker("bob", "home"), true, {}, kNow);
  memory.denied(asker("alice", "work"));
  EXPECT_FALSE(memory.knows(asker("alice", "work")));
  EXPECT_TRUE(memory.knows(asker("alice", "home")));
  EXPECT_FALSE(memory.is_good(asker("alice", "home"), kNow, 1'000));
  EXPECT_TRUE(memory.is_good(asker("bob", "home"), kNow, 1'000));
  memory.approved(asker("alice", "home"), true, {}, kNow);
  EXPECT_TRUE(memory.is_good(asker("alice", "home"), kNow, 1'000));
}

TEST(ApprovalMemory, KeepsTheGroupsOfAGoodApproval) {
  ApprovalMemory memory(10);
  memory.approved(asker("alice", "home"), true, "staff\nvpn", kNow);
  EXPECT_EQ(memory.groups_of(asker("alice", "home")), "staff\nvpn");
  EXPECT_EQ(memory.groups_of(asker("alice", "work")), "");
  memory.approved(asker("alice", "home"), true, "staff", kNow);
  EXPECT_EQ(memory.groups_of(asker("alice", "home")), "staff");
  memory.approved(asker("alice", "home"), false, "staff", kNow);
  EXPECT_EQ(memory.groups_of(asker("alice", "home")), "");
}

TEST(ApprovalMemory, ForgetsTheOldestOfTooMany) {
  ApprovalMemory memory(2);
  memory.approved(asker("a", "x"), true, {}, kNow);
  memory.approved(asker("b", "x"), true, {}, kNow);
  memory.approved(asker("a", "x"), true, {}, kNow);
  memory.approved(asker("c", "x"), true, {}, kNow);
  EXPECT_EQ(memory.size(), 2u);
  EXPECT_TRUE(memory.knows(asker("a", "x")));
  EXPECT_FALSE(memory.knows(asker("b", "x")));
  EXPECT_TRUE(memory.knows(asker("c", "x")));
  memory.denied(asker("b", "x"));  // of whom nothing is left
}

}  // namespace
}  // namespace sallyport::verify
