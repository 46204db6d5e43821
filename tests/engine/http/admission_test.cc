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
    Grant grant;
    grant.id = ++last_id_;
    grant.address = *IpAddress::parse(where);
    grant.user = user;
    grant.since_ms = kNow;
    grant.until_ms = until_ms;
    grant.by = "otp";
    grants_.apply({grant}, {});
  }
  Admission ask(const Access& access, const char* where, std::uint64_t now_ms = kNow,
                std::uint64_t named_grant = 0) {
    const Visitor visitor{.address = *IpAddress::parse(where),
                          .source = VisitorSource::peer,
                          .https = false,
                          .host = {}};
    return admit(access, visitor, named_grant, whitelists_, reader_.current(), now_ms);
  }
  Admission ask(RoutePolicy policy, const char* where, std::uint64_t now_ms = kNow) {
    return ask(Access{.policy = policy, .need = {}, .bind = verify::Bind::address}, where, now_ms);
  }

  std::uint64_t last_id_ = 0;
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
  grants_.apply({}, {2});
  EXPECT_EQ(ask(RoutePolicy::second_factor, "2001:db8:1:2::3").verdict, Verdict::gate);
}

TEST_F(AdmissionTest, NobodyKnownIsLetInByAPrefixForAll) {
  whitelists_ = AddressSet({*Prefix::parse("::/0"), *Prefix::parse("0.0.0.0/0")});
  EXPECT_EQ(ask(RoutePolicy::whitelisted, "::1").verdict, Verdict::whitelisted);
  EXPECT_EQ(ask(RoutePolicy::whitelisted, "::").verdict, Verdict::denied);
}

TEST_F(AdmissionTest, ARoutesOwnFactorsAndDuration) {
  using verify::Factor;
  const auto verdict = [&](std::vector<Factor> factors, std::uint64_t access_ms,
                           std::uint64_t now_ms) {
    const Access access{.policy = RoutePolicy::second_factor,
                        .need = {.factors = factor_set(factors), .access_ms = access_ms},
                        .bind = verify::Bind::address};
    return ask(access, "198.51.100.1", now_ms);
  };
  EXPECT_EQ(verdict({Factor::otp, Factor::push}, 0, kNow).verdict, Verdict::granted);
  EXPECT_EQ(verdict({Factor::push}, 0, kNow).verdict, Verdict::gate);
  EXPECT_EQ(verdict({}, 400, kNow).until_ms, kNow + 400);
  EXPECT_EQ(verdict({}, 400, kNow + 399).verdict, Verdict::granted);
  EXPECT_EQ(verdict({}, 400, kNow + 400).verdict, Verdict::gate);
  EXPECT_EQ(verdict({}, 4000, kNow).until_ms, kNow + 1000);
}

TEST_F(AdmissionTest, WhatAGrantIsBoundTo) {
  const auto granted = [&](verify::Bind bind, const char* where, std::uint64_t named) {
    const Access access{.policy = RoutePolicy::second_factor, .need = {}, .bind = bind};
    return ask(access, where, kNow, named).grant_id;
  };
  // alice's is 1, from 198.51.100.1; bob's 2, from 2001:db8:1:2::/64
  EXPECT_EQ(granted(verify::Bind::address, "198.51.100.1", 0), 1u);
  EXPECT_EQ(granted(verify::Bind::address, "203.0.113.1", 1), 0u) << "the cookie is nothing here";
  EXPECT_EQ(granted(verify::Bind::cookie, "203.0.113.1", 1), 1u) << "wherever the browser goes";
  EXPECT_EQ(granted(verify::Bind::cookie, "198.51.100.1", 0), 0u) << "another of that address";
  EXPECT_EQ(granted(verify::Bind::cookie, "198.51.100.1", 99), 0u);
  EXPECT_EQ(granted(verify::Bind::both, "198.51.100.1", 1), 1u);
  EXPECT_EQ(granted(verify::Bind::both, "2001:db8:1:2:3::", 2), 2u);
  EXPECT_EQ(granted(verify::Bind::both, "198.51.100.1", 2), 0u);
  EXPECT_EQ(granted(verify::Bind::both, "198.51.100.1", 0), 0u);
  EXPECT_EQ(granted(verify::Bind::both, "203.0.113.1", 1), 0u);
}

/// It runs for every request. The time is told, not judged: other work shares the machine.
TEST_F(AdmissionTest, CostOfOneAsk) {
  std::vector<Grant> many;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    Grant& grant = many.emplace_back();
    grant.id = 10 + i;
    grant.address = IpAddress::v4(0x0a000000 + i * 77);
    grant.user = "user";
    grant.since_ms = kNow;
    grant.until_ms = kNow + 1000;
  }
  grants_.apply(std::move(many), {});
  constexpr std::uint32_t kAsks = 200'000;
  std::uint32_t granted = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint32_t i = 0; i < kAsks; ++i) {
    Visitor visitor;
    visitor.address = IpAddress::v4(0x0a000000 + i % 20'000 * 77);
    const Admission admission = admit({}, visitor, 0, whitelists_, reader_.current(), kNow);
    granted += admission.verdict == Verdict::granted ? 1 : 0;
  }
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(granted, kAsks);
  RecordProperty("nanoseconds", static_cast<int>(took.count() / kAsks));
}

}  // namespace
}  // namespace sallyport::http_door
