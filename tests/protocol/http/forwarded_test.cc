#include "protocol/http/forwarded.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sallyport::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr HopSyntax kList = HopSyntax::x_forwarded_for;
constexpr HopSyntax kForwarded = HopSyntax::forwarded;

/// Each hop as "address|proto|host", "-" for no address; "refused" at the end where it is.
std::vector<std::string> walk(HopSyntax syntax, const std::vector<std::string_view>& lines) {
  std::vector<std::string> hops;
  HopWalk hop_walk(syntax, lines);
  while (const auto hop = hop_walk.next()) {
    const auto address = hop->address();
    hops.push_back((address ? address->text() : "-") + "|" + std::string(hop->proto) + "|" +
                   std::string(hop->host));
  }
  EXPECT_FALSE(hop_walk.next());
  if (hop_walk.refused()) hops.emplace_back("refused");
  return hops;
}

TEST(Forwarded, XForwardedForIsReadFromTheRightOverAllLines) {
  EXPECT_THAT(walk(kList, {"198.51.100.1, 192.0.2.1", "2001:db8::1 ,10.0.0.1:4711"}),
              ElementsAre("10.0.0.1||", "2001:db8::1||", "192.0.2.1||", "198.51.100.1||"));
  EXPECT_THAT(walk(kList, {}), IsEmpty());
  EXPECT_THAT(walk(kList, {"", " , ,\t"}), IsEmpty());
}

TEST(Forwarded, XForwardedForWithPortsAndBrackets) {
  EXPECT_THAT(walk(kList, {"[2001:db8::1]:80, [2001:db8::2], ::ffff:192.0.2.1, 192.0.2.2:1"}),
              ElementsAre("192.0.2.2||", "192.0.2.1||", "2001:db8::2||", "2001:db8::1||"));
}

TEST(Forwarded, WhatIsNoAddressHasNone) {
  for (const std::string_view text :
       {"unknown", "_hidden", "192.0.2", "192.0.2.1:", "192.0.2.1:99999", "[192.0.2.1]", "[::1",
        "[::1]x", "[::1]:x", "\"192.0.2.1\"", "192.0.2.1 198.51.100.1", "fe80::1%eth0", "1::2::3",
        "127.1", "0x7f.0.0.1", "192.0.2.01"}) {
    EXPECT_THAT(walk(kList, {text}), ElementsAre("-||")) << text;
  }
}

TEST(Forwarded, Rfc7239Examples) {
  EXPECT_THAT(walk(kForwarded, {"for=\"_gazonk\""}), ElementsAre("-||"));
  EXPECT_THAT(walk(kForwarded, {"For=\"[2001:db8:cafe::17]:4711\""}),
              ElementsAre("2001:db8:cafe::17||"));
  EXPECT_THAT(walk(kForwarded, {"for=192.0.2.60;proto=http;by=203.0.113.43"}),
              ElementsAre("192.0.2.60|http|"));
  EXPECT_THAT(walk(kForwarded, {"for=192.0.2.43, for=198.51.100.17"}),
              ElementsAre("198.51.100.17||", "192.0.2.43||"));
  EXPECT_THAT(walk(kForwarded, {"for=192.0.2.43,for=\"[2001:db8:cafe::17]\",for=unknown"}),
              ElementsAre("-||", "2001:db8:cafe::17||", "192.0.2.43||"));
  EXPECT_THAT(walk(kForwarded, {"for=192.0.2.43", "for=\"[2001:db8:cafe::17]\", for=unknown"}),
              ElementsAre("-||", "2001:db8:cafe::17||", "192.0.2.43||"));
}

TEST(Forwarded, QuotesHideSeparators) {
  EXPECT_THAT(walk(kForwarded, {"for=192.0.2.1;host=\"a,for=10.0.0.1;b\";proto=https"}),
              ElementsAre("192.0.2.1|https|a,for=10.0.0.1;b"));
  EXPECT_THAT(walk(kForwarded, {R"(for="192.0.2.1\"", for=192.0.2.2)"}),
              ElementsAre("192.0.2.2||", "-||"));
  EXPECT_THAT(walk(kForwarded, {R"(host="a\,b")"}), ElementsAre("-||"));
}

TEST(Forwarded, UnquotedColonsAreRead) {
  EXPECT_THAT(walk(kForwarded, {"for=192.0.2.1:80;host=example.net:8443, for=[2001:db8::1]:9"}),
              ElementsAre("2001:db8::1||", "192.0.2.1||example.net:8443"));
}

TEST(Forwarded, EmptyElementsAndPairsAreSkipped) {
  EXPECT_THAT(walk(kForwarded, {", for=192.0.2.1;; ,,;, "}), ElementsAre("192.0.2.1||"));
  EXPECT_THAT(walk(kForwarded, {"proto=https"}), ElementsAre("-|https|"));
}

TEST(Forwarded, ALineThatIsNoneIsRefusedWhole) {
  // The first would hide the proxy's own element in the visitor's quoted string.
  for (const std::string_view line :
       {"for=\"192.0.2.1, for=192.0.2.2", "for=\"192.0.2.1\\", "for", "for=", "=x", "for=a\"b\"",
        "for=\"192.0.2.1\"x", "for=192.0.2.1 proto=https", "for=192.0.2.1;For=192.0.2.2",
        "f or=192.0.2.1", "for = 192.0.2.1", "192.0.2.1"}) {
    EXPECT_THAT(walk(kForwarded, {line}), ElementsAre("refused")) << line;
    EXPECT_THAT(walk(kForwarded, {line, "for=192.0.2.9"}), ElementsAre("192.0.2.9||", "refused"));
  }
}

TEST(Forwarded, LongListsAreRefusedAtTheBound) {
  for (const HopSyntax syntax : {kList, kForwarded}) {
    std::string line;
    for (std::size_t i = 0; i < kMaxHops; ++i) {
      line += (syntax == kList ? "192.0.2." : "for=192.0.2.") + std::to_string(i) + ",";
    }
    const auto most = walk(syntax, {line});
    ASSERT_EQ(most.size(), kMaxHops);
    EXPECT_EQ(most.front(), "192.0.2.31||");
    EXPECT_EQ(most.back(), "192.0.2.0||");

    const std::string_view first = syntax == kList ? "10.0.0.1" : "for=10.0.0.1";
    for (const auto& more :
         {walk(syntax, {first, line}), walk(syntax, {std::string(first) + "," + line})}) {
      ASSERT_EQ(more.size(), kMaxHops + 1);
      EXPECT_EQ(more[kMaxHops - 1], "192.0.2.0||");
      EXPECT_EQ(more.back(), "refused");
    }
  }
}

TEST(Forwarded, WhatWeSayUpstream) {
  const auto forwarded = [](const char* visitor, bool https, std::string_view host) {
    std::string out;
    AddressBuffer buffer;
    append_forwarded(out, visitor_text(*IpAddress::parse(visitor), buffer), https, host);
    return out;
  };
  EXPECT_EQ(forwarded("192.0.2.1", true, "example.net"),
            "for=192.0.2.1;host=example.net;proto=https");
  EXPECT_EQ(forwarded("2001:db8::1", false, "example.net:8080"),
            "for=\"[2001:db8::1]\";host=\"example.net:8080\";proto=http");
  EXPECT_EQ(forwarded("::", false, ""), "for=unknown;proto=http");
  EXPECT_THAT(walk(kForwarded, {forwarded("2001:db8::1", true, "[2001:db8::2]:80")}),
              ElementsAre("2001:db8::1|https|[2001:db8::2]:80"));

  AddressBuffer buffer;
  EXPECT_EQ(visitor_text(*IpAddress::parse("::ffff:192.0.2.1"), buffer), "192.0.2.1");
  EXPECT_EQ(visitor_text(*IpAddress::parse("2001:db8::1"), buffer), "2001:db8::1");
  EXPECT_EQ(visitor_text(*IpAddress::parse("0.0.0.0"), buffer), "unknown");
}

}  // namespace
}  // namespace sallyport::http
