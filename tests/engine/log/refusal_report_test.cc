#include "engine/log/refusal_report.h"

#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

namespace sallyport::log {
namespace {

using radius_door::Refusal;
using radius_door::RefusalNotes;
using radius_door::RefusedPeer;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

Endpoint address(std::uint16_t port) {
  return {.address = IpAddress::parse("192.0.2.1").value(), .port = port};
}

/// What the log was told.
class RefusalReportTest : public testing::Test {
 protected:
  RefusalReportTest() {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(told_);
    before_ = spdlog::default_logger();
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", sink));
    spdlog::set_pattern("%v");
  }
  ~RefusalReportTest() override { spdlog::set_default_logger(before_); }

  std::string taken(std::uint64_t now_ms) {
    told_.str({});
    report_.look(now_ms);
    return told_.str();
  }

  RefusalNotes one_;
  RefusalNotes two_;
  RefusalReport report_{{&one_, &two_}};

 private:
  std::ostringstream told_;
  std::shared_ptr<spdlog::logger> before_;
};

TEST_F(RefusalReportTest, OfEachKindALineAMinute) {
  EXPECT_EQ(taken(5), "");
  one_.note(Refusal::unknown_address, address(1), {});
  two_.note(Refusal::unknown_address, address(2), {});
  one_.note(Refusal::wrong_secret, address(3), "office");
  const std::string first = taken(10);
  EXPECT_THAT(first, HasSubstr("192.0.2.1:1 is refused: no [[client]] has this address "
                               "(2 such since the line before)\n"));
  EXPECT_THAT(first, Not(HasSubstr(":2 is")));
  EXPECT_THAT(first, HasSubstr("192.0.2.1:3 is refused: client \"office\": an authenticator is"));

  for (std::uint16_t port = 10; port < 15; ++port)
    one_.note(Refusal::unknown_address, address(port), {});
  EXPECT_EQ(taken(9 + RefusalReport::kApartMs), "");
  EXPECT_THAT(taken(10 + RefusalReport::kApartMs),
              HasSubstr("192.0.2.1:10 is refused: no [[client]] has this address (5 such"));
  EXPECT_EQ(taken(10 + 3 * RefusalReport::kApartMs), "");
}

TEST(RefusalText, WhatAStrangerShowsIsEscapedAndCut) {
  RefusedPeer peer{.address = address(1), .text = {}};
  peer.text.assign("a\"\n" + std::string(1'000, 'x'));
  const std::string text = refusal_text(Refusal::unknown_identity, peer, 1);
  EXPECT_THAT(text, HasSubstr(R"(psk_identity "a\"\x0axxx)"));
  EXPECT_THAT(text, EndsWith("xx\""));
  EXPECT_LT(text.size(), 400u);
}

}  // namespace
}  // namespace sallyport::log
