#include "engine/http/gate_url.h"

#include <string>

#include <gtest/gtest.h>

#include "protocol/http/return_url.h"

namespace sallyport::http_door {
namespace {

constexpr GatePlace kHere{.auth_url = "", .gate_path = "/.sallyport"};
constexpr GatePlace kElsewhere{.auth_url = "https://login.example.net/",
                               .gate_path = "/.sallyport"};

std::string url(const GatePlace& gate, const AskedUrl& asked, bool ours = true) {
  std::string out;
  const bool there = append_gate_url(out, gate, asked, ours);
  EXPECT_EQ(there, !out.empty());
  return out;
}

TEST(GateUrl, KeepsTheWholeUrlWithItsQuery) {
  const AskedUrl asked{.https = true, .authority = "app.example.net", .target = "/a/b?c=d&e=f%20g"};
  const std::string back = "?rd=https%3A%2F%2Fapp.example.net%2Fa%2Fb%3Fc%3Dd%26e%3Df%2520g";
  EXPECT_EQ(url(kHere, asked), "https://app.example.net/.sallyport/" + back);
  const std::string elsewhere = url(kElsewhere, asked);
  EXPECT_EQ(elsewhere, "https://login.example.net/.sallyport/" + back);
  const std::string query = elsewhere.substr(elsewhere.find('?') + 1);
  EXPECT_EQ(http::query_value(query, "rd"), "https://app.example.net/a/b?c=d&e=f%20g");
}

TEST(GateUrl, LeadsToNoHostOfOthers) {
  const AskedUrl asked{.https = true, .authority = "evil.example", .target = "/"};
  EXPECT_EQ(url(kHere, asked, false), "");
  EXPECT_EQ(url(kElsewhere, asked, false), "https://login.example.net/.sallyport/");
}

TEST(GateUrl, WhatWouldNotBeBelievedIsNotCarried) {
  for (const std::string& target :
       {std::string("/\\evil.example"), "/" + std::string(http::kMaxReturnUrlOctets, 'x')}) {
    const AskedUrl asked{.https = false, .authority = "app.example.net:8080", .target = target};
    EXPECT_EQ(url(kHere, asked), "http://app.example.net:8080/.sallyport/");
  }
}

}  // namespace
}  // namespace sallyport::http_door
