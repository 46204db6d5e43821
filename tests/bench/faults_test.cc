#include "bench/simulators/faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sallyport::lab {
namespace {

TEST(ParseFault, ReadsTheCommandLinesForm) {
  const auto fault = parse_fault("poll:status=429,retry-after=2,count=3,probability=0.5");
  ASSERT_TRUE(fault) << fault.error();
  EXPECT_EQ(fault->call, ApiCall::poll);
  EXPECT_EQ(fault->kind, FaultKind::status);
  EXPECT_EQ(fault->status, 429);
  EXPECT_EQ(fault->retry_after_s, 2U);
  EXPECT_EQ(fault->count, 3U);
  EXPECT_DOUBLE_EQ(fault->probability, 0.5);
}

TEST(ParseFault, ReadsADelay) {
  const auto fault = parse_fault("create:slow=200ms");
  ASSERT_TRUE(fault) << fault.error();
  EXPECT_EQ(fault->delay_ms, 200U);
  EXPECT_FALSE(fault->count);
}

TEST(ParseFault, RefusedTokenIsForbiddenUnlessSaid) {
  EXPECT_EQ(parse_fault("any:refuse-token")->status, 403);
  EXPECT_EQ(parse_fault("any:refuse-token=401")->status, 401);
}

class BadFault : public testing::TestWithParam<const char*> {};

TEST_P(BadFault, IsRefused) { EXPECT_FALSE(parse_fault(GetParam())); }

INSTANTIATE_TEST_SUITE_P(All, BadFault,
                         testing::Values("", "poll", "poll:", "polls:cut", "poll:explode",
                                         "poll:cut=1", "poll:status=99", "poll:status=abc",
                                         "poll:cut,count", "poll:cut,count=-1",
                                         "poll:cut,probability=1.5", "poll:cut,colour=red",
                                         "poll:slow=3", "poll:refuse-token=500"));

TEST(ParseFaultJson, ReadsAllMembers) {
  const auto fault = parse_fault_json(
      R"({"call":"create","kind":"status","status":503,"retry_after_s":4,"count":2,)"
      R"("probability":0.25,"delay_ms":7})");
  ASSERT_TRUE(fault) << fault.error();
  EXPECT_EQ(fault->call, ApiCall::create);
  EXPECT_EQ(fault->status, 503);
  EXPECT_EQ(fault->retry_after_s, 4U);
  EXPECT_EQ(fault->count, 2U);
  EXPECT_DOUBLE_EQ(fault->probability, 0.25);
  EXPECT_EQ(fault->delay_ms, 7U);
}

class BadFaultJson : public testing::TestWithParam<const char*> {};

TEST(FaultJson, WhatIsNoneIsToldTheForm) {
  for (const char* json : {"", "[]", "{}", R"({"call":"poll"})", R"({"fault":"poll:cut"})"}) {
    const auto fault = parse_fault_json(json);
    ASSERT_FALSE(fault) << json;
    EXPECT_NE(fault.error().find(R"(write {"call":"poll","kind":"status","status":429})"),
              std::string::npos);
    EXPECT_NE(fault.error().find("bad-json"), std::string::npos);
  }
}

TEST_P(BadFaultJson, IsRefused) { EXPECT_FALSE(parse_fault_json(GetParam())); }

INSTANTIATE_TEST_SUITE_P(All, BadFaultJson,
                         testing::Values("", "[]", "{}", R"({"kind":"nonsense"})",
                                         R"({"kind":"cut","count":"two"})",
                                         R"({"kind":"status","status":1000})",
                                         R"({"kind":"cut","probability":2})"));

TEST(FaultTable, CountedFaultStrikesSoOften) {
  FaultTable table(1);
  table.add(*parse_fault("poll:cut,count=2"));
  EXPECT_FALSE(table.draw(ApiCall::create));
  EXPECT_TRUE(table.draw(ApiCall::poll));
  EXPECT_TRUE(table.draw(ApiCall::poll));
  EXPECT_FALSE(table.draw(ApiCall::poll));
  EXPECT_EQ(table.all().front().hits, 2U);
}

TEST(FaultTable, FirstAddedStrikesFirst) {
  FaultTable table(1);
  table.add(*parse_fault("any:hang,count=1"));
  table.add(*parse_fault("token:cut"));
  EXPECT_EQ(table.draw(ApiCall::token)->kind, FaultKind::hang);
  EXPECT_EQ(table.draw(ApiCall::token)->kind, FaultKind::cut);
}

TEST(FaultTable, ChanceFollowsTheSeed) {
  const auto strikes = [](std::uint64_t seed) {
    FaultTable table(seed);
    table.add(*parse_fault("poll:cut,probability=0.3"));
    std::vector<bool> drawn;
    for (int i = 0; i < 1'000; ++i) drawn.push_back(table.draw(ApiCall::poll).has_value());
    return drawn;
  };
  EXPECT_EQ(strikes(7), strikes(7));
  const auto hits = std::ranges::count(strikes(7), true);
  EXPECT_GT(hits, 200);
  EXPECT_LT(hits, 400);
}

TEST(FaultTable, RemovedFaultStrikesNoMore) {
  FaultTable table(1);
  const std::uint32_t id = table.add(*parse_fault("poll:cut"));
  EXPECT_TRUE(table.remove(id));
  EXPECT_FALSE(table.remove(id));
  EXPECT_FALSE(table.draw(ApiCall::poll));
}

}  // namespace
}  // namespace sallyport::lab
