#include "engine/log/audit_format.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace sallyport::log {
namespace {

using radius_door::AuditRecord;
using radius_door::DownstreamSaid;
using radius_door::Outcome;

AuditRecord approved() {
  AuditRecord record;
  record.at_unix_ms = 1'709'251'199'007;
  record.outcome = Outcome::approved;
  record.downstream = DownstreamSaid::accept;
  record.second_factor_asked = true;
  record.code = 1;
  record.identifier = 42;
  record.shard = 3;
  record.source = Endpoint::parse("[2001:db8::7]:40000", 0).value();
  record.downstream_us = 1'234;
  record.verdict_us = 4'000'000;
  record.total_us = 4'001'300;
  record.user.assign(std::string_view("alice"));
  record.client.assign(std::string_view("vpn"));
  record.calling_station.assign(std::string_view("00-11-22-33-44-55"));
  record.nas.assign(std::string_view("gw1"));
  return record;
}

std::string formatted(LineStyle style, const AuditRecord& record) {
  fmt::memory_buffer out;
  append_audit_line(out, style, record);
  return fmt::to_string(out);
}

TEST(AuditFormat, JsonNamesEverything) {
  EXPECT_EQ(
      formatted(LineStyle::json, approved()),
      R"({"time":"2024-02-29T23:59:59.007Z","level":"info","component":"audit","event":"decision",)"
      R"("user":"alice","client":"vpn","source":"[2001:db8::7]:40000",)"
      R"("calling_station":"00-11-22-33-44-55","nas":"gw1","code":"Access-Request",)"
      R"("identifier":42,"downstream":"accept","second_factor":true,"verdict":"approved",)"
      R"("outcome":"approved","answer":"Access-Accept","joined":false,"downstream_ms":1.234,)"
      R"("verdict_ms":4000.000,"total_ms":4001.300,"shard":3})"
      "\n");
}

TEST(AuditFormat, HumanLineNamesEverything) {
  EXPECT_EQ(formatted(LineStyle::human, approved()),
            "2024-02-29T23:59:59.007Z decision approved answer=Access-Accept user=\"alice\" "
            "client=\"vpn\" source=[2001:db8::7]:40000 calling_station=\"00-11-22-33-44-55\" "
            "nas=\"gw1\" code=Access-Request identifier=42 downstream=accept downstream=1.234ms "
            "verdict=4000.000ms total=4001.300ms shard=3\n");
}

TEST(AuditFormat, APolicyThatLetsSomebodyInIsNamed) {
  AuditRecord record = approved();
  record.outcome = Outcome::unavailable_allowed;
  record.detail.assign(std::string_view("http 503"));
  for (const LineStyle style : {LineStyle::json, LineStyle::human, LineStyle::coloured}) {
    const std::string line = formatted(style, record);
    EXPECT_NE(line.find("on_unavailable=allow"), std::string::npos) << line;
    EXPECT_NE(line.find("http 503"), std::string::npos) << line;
    EXPECT_NE(line.find("Access-Accept"), std::string::npos) << line;
  }
  EXPECT_EQ(formatted(LineStyle::json, approved()).find("policy"), std::string::npos);
  record.policy.assign(std::string_view("night"));
  EXPECT_NE(formatted(LineStyle::json, record).find(R"("policy":"night: on_unavailable=allow")"),
            std::string::npos);
  record.outcome = Outcome::exempted;
  EXPECT_NE(formatted(LineStyle::human, record).find(R"(policy="night")"), std::string::npos);
}

TEST(AuditFormat, AnswersAndVerdictsFollowTheOutcome) {
  struct Case {
    Outcome outcome;
    DownstreamSaid downstream;
    std::string_view answer;
    std::string_view verdict;
  };
  constexpr Case kCases[] = {
      {Outcome::passed_through, DownstreamSaid::reject, "Access-Reject", "none"},
      {Outcome::passed_through, DownstreamSaid::challenge, "Access-Challenge", "none"},
      {Outcome::passed_through, DownstreamSaid::accounting_response, "Accounting-Response", "none"},
      {Outcome::approved, DownstreamSaid::accept, "Access-Accept", "approved"},
      {Outcome::remembered, DownstreamSaid::accept, "Access-Accept", "approved"},
      {Outcome::exempted, DownstreamSaid::accept, "Access-Accept", "none"},
      {Outcome::policy_denied, DownstreamSaid::accept, "Access-Reject", "none"},
      {Outcome::limited, DownstreamSaid::accept, "Access-Reject", "limited"},
      {Outcome::denied, DownstreamSaid::accept, "Access-Reject", "denied"},
      {Outcome::expired, DownstreamSaid::accept, "Access-Reject", "expired"},
      {Outcome::unknown_user, DownstreamSaid::accept, "Access-Reject", "unknown_user"},
      {Outcome::unavailable_denied, DownstreamSaid::accept, "Access-Reject", "unavailable"},
      {Outcome::unavailable_allowed, DownstreamSaid::accept, "Access-Accept", "unavailable"},
      {Outcome::unavailable_silent, DownstreamSaid::accept, "none", "unavailable"},
      {Outcome::downstream_timeout, DownstreamSaid::nothing, "none", "none"},
      {Outcome::abandoned, DownstreamSaid::accept, "none", "none"},
      {Outcome::challenged, DownstreamSaid::accept, "Access-Challenge", "none"},
      {Outcome::wrong_code, DownstreamSaid::accept, "Access-Challenge", "none"},
  };
  for (const Case& c : kCases) {
    AuditRecord record;
    record.outcome = c.outcome;
    record.downstream = c.downstream;
    EXPECT_EQ(answer_name(record), c.answer) << radius_door::to_text(c.outcome);
    EXPECT_EQ(verdict_name(c.outcome), c.verdict) << radius_door::to_text(c.outcome);
  }
}

TEST(AuditFormat, AHostileNameStaysInsideItsLine) {
  const std::string_view hostile[] = {
      "eve\" outcome=\"approved",
      "eve\n{\"event\":\"decision\",\"user\":\"root\"}",
      "\x1b]0;owned\x07",
      "\xff\xfe\xc0\xaf",
      std::string_view("a\0b", 3),
      "\\",
      "\\\"",
  };
  for (const std::string_view name : hostile) {
    AuditRecord record = approved();
    record.user.assign(name);
    record.nas.assign(name);
    record.calling_station.assign(name);
    for (const LineStyle style : {LineStyle::json, LineStyle::human}) {
      const std::string line = formatted(style, record);
      EXPECT_EQ(std::ranges::count(line, '\n'), 1) << line;
      EXPECT_TRUE(std::ranges::none_of(line.substr(0, line.size() - 1), [](char c) {
        return static_cast<unsigned char>(c) < 0x20;
      })) << line;
      EXPECT_EQ(line.find("\",\"event\":\"decision\",\"user\":\"root\""), std::string::npos);
      EXPECT_EQ(line.find("user=\"eve\" outcome"), std::string::npos);
    }
  }
}

TEST(AuditFormat, CodesHaveTheNamesOfTheirRfcs) {
  EXPECT_EQ(code_name(1), "Access-Request");
  EXPECT_EQ(code_name(4), "Accounting-Request");
  EXPECT_EQ(code_name(12), "Status-Server");
  EXPECT_EQ(code_name(200), "other");
}

}  // namespace
}  // namespace sallyport::log
