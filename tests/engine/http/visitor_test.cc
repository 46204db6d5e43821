#include "engine/http/visitor.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace sallyport::http_door {
namespace {

using Lines = std::vector<std::pair<const char*, std::string>>;

const AddressSet& trusted() {
  static const AddressSet set({*Prefix::parse("10.0.0.0/8"), *Prefix::parse("2001:db8:aaaa::/48")});
  return set;
}

struct Found {
  std::string address;
  VisitorSource source;
  bool https;
  std::string host;
};

Found find(const char* peer, const Lines& fields, bool tls = false) {
  http::RequestHead head;
  head.authority = "own.example";
  for (const auto& [name, value] : fields) head.fields.add(name, value);
  const Visitor visitor = find_visitor(*IpAddress::parse(peer), tls, head, trusted());
  EXPECT_EQ(visitor.known(), visitor.address.text() != "::");
  return {visitor.address.text(), visitor.source, visitor.https, std::string(visitor.host)};
}

std::string address(const char* peer, const Lines& fields) { return find(peer, fields).address; }

TEST(Visitor, AnUntrustedPeerIsTheVisitorWhateverHeSays) {
  const Found found =
      find("192.0.2.1", {{"X-Forwarded-For", "203.0.113.9"},
                         {"Forwarded", "for=203.0.113.9;proto=https;host=a.example"},
                         {"X-Real-IP", "203.0.113.9"},
                         {"X-Forwarded-Proto", "https"},
                         {"X-Forwarded-Host", "a.example"}});
  EXPECT_EQ(found.address, "192.0.2.1");
  EXPECT_EQ(found.source, VisitorSource::peer);
  EXPECT_FALSE(found.https);
  EXPECT_EQ(found.host, "own.example");
}

TEST(Visitor, NobodyIsTrustedByDefault) {
  http::RequestHead head;
  head.fields.add("X-Forwarded-For", "203.0.113.9");
  EXPECT_EQ(find_visitor(*IpAddress::parse("127.0.0.1"), true, head, {}).address.text(),
            "127.0.0.1");
}

TEST(Visitor, ATrustedPeerIsWalkedPast) {
  EXPECT_EQ(address("10.0.0.1", {{"X-Forwarded-For", "192.0.2.1"}}), "192.0.2.1");
  EXPECT_EQ(address("::ffff:10.0.0.1", {{"X-Forwarded-For", "::ffff:192.0.2.1"}}), "192.0.2.1");
  EXPECT_EQ(address("2001:db8:aaaa::1", {{"Forwarded", "for=\"[2001:db8::9]:80\""}}),
            "2001:db8::9");
}

TEST(Visitor, WhatAVisitorHasPutToTheLeftIsNeverReached) {
  EXPECT_EQ(
      address("10.0.0.1", {{"X-Forwarded-For", "203.0.113.9, 10.0.0.7, 192.0.2.1, 10.0.0.2"}}),
      "192.0.2.1");
  EXPECT_EQ(address("10.0.0.1", {{"X-Forwarded-For", "203.0.113.9"},
                                 {"X-Forwarded-For", "192.0.2.1"},
                                 {"X-Forwarded-For", "10.0.0.2"}}),
            "192.0.2.1");
  EXPECT_EQ(address("10.0.0.1", {{"Forwarded", "for=203.0.113.9, for=192.0.2.1"}}), "192.0.2.1");
  EXPECT_EQ(address("10.0.0.1", {{"X-Forwarded-For", "unknown, 192.0.2.1"}}), "192.0.2.1");
}

TEST(Visitor, WhenAllAreTrustedItIsTheLeftmost) {
  EXPECT_EQ(address("10.0.0.1", {{"X-Forwarded-For", "10.0.0.3, 10.0.0.2"}}), "10.0.0.3");
  EXPECT_EQ(find("10.0.0.1", {}).source, VisitorSource::peer);
  EXPECT_EQ(address("10.0.0.1", {{"X-Forwarded-For", " , "}}), "10.0.0.1");
  EXPECT_EQ(address("10.0.0.1", {{"X-Real-IP", "192.0.2.1"}}), "10.0.0.1");
}

TEST(Visitor, WhomAProxyHidesIsNotTheProxy) {
  // Were he taken for the proxy, he would be let in wherever that is.
  for (const char* const value :
       {"unknown", "192.0.2.1.example", "0.0.0.0", "::", "unknown, 10.0.0.2"}) {
    const Found found =
        find("10.0.0.1", {{"X-Forwarded-For", value}, {"X-Forwarded-Proto", "https"}});
    EXPECT_EQ(found.address, "::") << value;
    EXPECT_EQ(found.source, VisitorSource::hidden);
    EXPECT_FALSE(found.https);
  }
  EXPECT_EQ(find("10.0.0.1", {{"Forwarded", "for=_hidden"}}).source, VisitorSource::hidden);
  EXPECT_EQ(find("10.0.0.1", {{"Forwarded", "proto=https"}}).source, VisitorSource::hidden);
}

TEST(Visitor, BothFieldsMustAgree) {
  EXPECT_EQ(address("10.0.0.1", {{"X-Forwarded-For", "192.0.2.1"}, {"Forwarded", "for=192.0.2.1"}}),
            "192.0.2.1");
  // A visitor's own Forwarded, passed on by a proxy that writes X-Forwarded-For; and the reverse.
  for (const Lines& fields :
       {Lines{{"X-Forwarded-For", "192.0.2.1"}, {"Forwarded", "for=203.0.113.9"}},
        Lines{{"Forwarded", "for=192.0.2.1"}, {"X-Forwarded-For", "203.0.113.9"}},
        Lines{{"Forwarded", "for=unknown"}, {"X-Forwarded-For", "203.0.113.9"}},
        Lines{{"Forwarded", "for=\"broken"}, {"X-Forwarded-For", "203.0.113.9"}}}) {
    const Found found = find("10.0.0.1", fields);
    EXPECT_EQ(found.address, "::");
    EXPECT_EQ(found.source, VisitorSource::contradictory);
  }
}

TEST(Visitor, MalformedAndEndlessFieldsNameNobody) {
  std::string many;
  for (int i = 0; i < 40; ++i) many += "10.0.0.2,";
  for (const Lines& fields :
       {Lines{{"Forwarded", "for=\"192.0.2.1, for=10.0.0.2"}}, Lines{{"X-Forwarded-For", many}},
        Lines(17, {"X-Forwarded-For", "10.0.0.2"})}) {
    const Found found = find("10.0.0.1", fields);
    EXPECT_EQ(found.address, "::");
    EXPECT_EQ(found.source, VisitorSource::malformed);
    EXPECT_STREQ(to_text(found.source), "malformed");
  }
}

TEST(Visitor, SchemeAndHostAsTheTrustedProxySaw) {
  Found found = find("10.0.0.1", {{"X-Forwarded-For", "192.0.2.1"},
                                  {"X-Forwarded-Proto", "https"},
                                  {"X-Forwarded-Host", "a.example:8443"}});
  EXPECT_TRUE(found.https);
  EXPECT_EQ(found.host, "a.example:8443");

  found = find("10.0.0.1", {{"Forwarded",
                             "for=203.0.113.9;host=forged.example;proto=http, "
                             "for=192.0.2.1;host=a.example;proto=HTTPS, "
                             "for=10.0.0.2;host=inner.example;proto=http"}});
  EXPECT_TRUE(found.https);
  EXPECT_EQ(found.host, "a.example");

  found = find("10.0.0.1", {{"X-Forwarded-Proto", "http"}}, true);
  EXPECT_FALSE(found.https) << "he spoke plainly to the proxy, and it speaks TLS to us";

  found = find("10.0.0.1", {{"X-Forwarded-Proto", "https, http"},
                            {"X-Forwarded-Host", "forged.example, b.example"}});
  EXPECT_FALSE(found.https);
  EXPECT_EQ(found.host, "b.example");

  found = find("10.0.0.1", {{"X-Forwarded-Proto", "gopher"}, {"X-Forwarded-Host", "a b/c"}}, true);
  EXPECT_TRUE(found.https);
  EXPECT_EQ(found.host, "own.example");
}

}  // namespace
}  // namespace sallyport::http_door
