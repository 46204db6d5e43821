#include "engine/http/admission.h"

#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "engine/http/grants.h"

namespace sallyport::http_door {
namespace {

using config::RoutePolicy;

constexpr std::uint64_t kNow = 1'700'000'000'000;

class AdmissionTest : public testing::Test {
 protected:
  AdmissionTest()
      : whitelists_(std::vector<AddressSet::Entry>{{*Prefix::parse("192.0.2.0/24"), 0},
                                                   {*Prefix::parse("192.0.2.128/25"), 1},
                                                   {*Prefix::parse("2001:db8:f::/48"), 2}}),
        reader_(grants_.publication()) {
    open("198.51.100.1", "alice", kNow + 1000);
    open("2001:db8:1:2::3", "bob", kNow + 2000);
    open("192.0.2.1", "carol", kNow + 3000);
  }
  void open(const char* where, const char* user, std::uint64_t until_ms) {
    EXPECT_TRUE(grants_.add({.address = *IpAddress::parse(where),
                             .user = user,
                             .since_ms = kNow,
                             .until_ms = until_ms,
                             .by = "",
                             .reason = ""}));
  }
  Admission ask(RoutePolicy policy, const char* where, std::uint64_t now_ms = kNow) {
    const Visitor visitor{.address = *IpAddress::parse(where),
                          .source = VisitorSource::peer,
                          .https = false,
                          .host = {}};
    return admit(policy, visitor, whitelists_, reader_.current(), now_ms);
  }

  AddressSet whitelists_;
  Grants grants_{64, 1};
  GrantReader reader_;
};

TEST_F(AdmissionTest, PoliciesAgainstVisitors) {
  struct Case {
    const char* visitor;
    Verdict open, whitelisted, second_factor, deny;
  };
  using enum Verdict;
  constexpr Case kCases[] = {
      {"192.0.2.9", open, whitelisted, whitelisted, denied},
      {"198.51.100.1", open, denied, granted, denied},
      {"2001:db8:1:2:ffff::", open, denied, granted, denied},
      {"203.0.113.1", open, denied, gate, denied},
      {"::", open, denied, denied, denied},  // not known
      {"0.0.0.0", open, denied, denied, denied},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.visitor);
    EXPECT_EQ(ask(RoutePolicy::open, c.visitor).verdict, c.open);
    EXPECT_EQ(ask(RoutePolicy::whitelisted, c.visitor).verdict, c.whitelisted);
    EXPECT_EQ(ask(RoutePolicy::second_factor, c.visitor).verdict, c.second_factor);
    EXPECT_EQ(ask(RoutePolicy::deny, c.visitor).verdict, c.deny);
    for (const RoutePolicy policy : {RoutePolicy::open, RoutePolicy::whitelisted,
                                     RoutePolicy::second_factor, RoutePolicy::deny}) {
      const Admission admission = ask(policy, c.visitor);
      EXPECT_EQ(admission.passes(), admission.verdict != gate && admission.verdict != denied);
    }
  }
}

TEST_F(AdmissionTest, TellsByWhatAndUntilWhen) {
  EXPECT_EQ(ask(RoutePolicy::whitelisted, "192.0.2.200").whitelist, 1u) << "the longest prefix";
  EXPECT_EQ(ask(RoutePolicy::second_factor, "192.0.2.1").whitelist, 0u) << "before his grant";
  const Admission admission = ask(RoutePolicy::second_factor, "2001:db8:1:2::9");
  EXPECT_EQ(admission.grant->user, "bob");
  EXPECT_EQ(admission.grant_id, 2u);
  EXPECT_EQ(admission.until_ms, kNow + 2000);
  EXPECT_STREQ(to_text(admission.verdict), "granted");
}

TEST_F(AdmissionTest, AGrantThatHasEndedLeadsToTheGate) {
  EXPECT_EQ(ask(RoutePolicy::second_factor, "198.51.100.1", kNow + 1000).verdict, Verdict::gate);
  EXPECT_EQ(grants_.end_user("bob").size(), 1u);
  EXPECT_EQ(ask(RoutePolicy::second_factor, "2001:db8:1:2::3").verdict, Verdict::gate);
}

TEST_F(AdmissionTest, NobodyKnownIsLetInByAPrefixForAll) {
  whitelists_ = AddressSet({*Prefix::parse("::/0"), *Prefix::parse("0.0.0.0/0")});
  EXPECT_EQ(ask(RoutePolicy::whitelisted, "::1").verdict, Verdict::whitelisted);
  EXPECT_EQ(ask(RoutePolicy::whitelisted, "::").verdict, Verdict::denied);
}

/// It runs for every request. The time is told, not judged: other work shares the machine.
TEST_F(AdmissionTest, CostOfOneAsk) {
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(grants_.add({.address = IpAddress::v4(0x0a000000 + i * 77),
                             .user = "user",
                             .since_ms = kNow,
                             .until_ms = kNow + 1000,
                             .by = "",
                             .reason = ""}));
  }
  constexpr std::uint32_t kAsks = 200'000;
  std::uint32_t granted = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint32_t i = 0; i < kAsks; ++i) {
    Visitor visitor;
    visitor.address = IpAddress::v4(0x0a000000 + i % 20'000 * 77);
    const Admission admission =
        admit(RoutePolicy::second_factor, visitor, whitelists_, reader_.current(), kNow);
    granted += admission.verdict == Verdict::granted ? 1 : 0;
  }
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(granted, kAsks);
  RecordProperty("nanoseconds", static_cast<int>(took.count() / kAsks));
}

}  // namespace
}  // namespace sallyport::http_door
