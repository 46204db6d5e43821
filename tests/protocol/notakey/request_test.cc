// What we send to the Notakey API: URLs and bodies of both versions, and what a hostile user name
// can do to them (nothing).

#include "protocol/notakey/request.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sallyport::notakey {
namespace {

std::array<char, kMaxRequestOctets> buffer;

std::string text(const Written& written) {
  return written ? std::string(*written) : "<not written>";
}

Service service(ApiVersion version) {
  return {
      .host = {.tls = true, .authority = "demo.notakey.com"}, .version = version, .id = "235-a"};
}

TEST(ParseHost, AcceptsEveryFormThatClientsUse) {
  for (const char* form :
       {"https://demo.notakey.com", "https://demo.notakey.com/", "https://demo.notakey.com/api",
        "https://demo.notakey.com/api/", "demo.notakey.com"}) {
    const auto host = parse_host(form);
    ASSERT_TRUE(host) << form;
    EXPECT_TRUE(host->tls) << form;
    EXPECT_EQ(host->authority, "demo.notakey.com") << form;
  }
  EXPECT_FALSE(parse_host("http://[::1]:8080/")->tls);
  EXPECT_EQ(parse_host("http://[::1]:8080/")->authority, "[::1]:8080");
}

TEST(ParseHost, NamesWhatIsWrong) {
  EXPECT_EQ(parse_host("").error(), BadHost::empty);
  EXPECT_EQ(parse_host("ftp://h").error(), BadHost::scheme);
  EXPECT_EQ(parse_host("https://").error(), BadHost::authority);
  EXPECT_EQ(parse_host("https://user:pw@h").error(), BadHost::authority);
  EXPECT_EQ(parse_host("https://h\r\nx").error(), BadHost::authority);
  EXPECT_EQ(parse_host("https://h?x").error(), BadHost::authority);
  EXPECT_EQ(parse_host("https://h/other").error(), BadHost::path);
}

TEST(Url, OfEachVersion) {
  EXPECT_EQ(text(token_url(service(ApiVersion::v3).host, buffer)),
            "https://demo.notakey.com/api/token");
  EXPECT_EQ(text(service_url(service(ApiVersion::v2), buffer)),
            "https://demo.notakey.com/api/v2/application/235-a/");
  EXPECT_EQ(text(service_url(service(ApiVersion::v3), buffer)),
            "https://demo.notakey.com/api/v3/services/235-a");
  EXPECT_EQ(text(create_url(service(ApiVersion::v2), "jdoe", buffer)),
            "https://demo.notakey.com/api/v2/application/235-a/application_user/jdoe/auth_request");
  EXPECT_EQ(text(create_url(service(ApiVersion::v3), "jdoe", buffer)),
            "https://demo.notakey.com/api/v3/services/235-a/auth");
  EXPECT_EQ(text(result_url(service(ApiVersion::v2), "0c1f-4", buffer)),
            "https://demo.notakey.com/api/v2/application/235-a/auth_request/0c1f-4");
  EXPECT_EQ(text(result_url(service(ApiVersion::v3), "0c1f-4", buffer)),
            "https://demo.notakey.com/api/v3/services/235-a/auth/0c1f-4");
}

TEST(Url, UserNameStaysInItsSegment) {
  const auto url = text(create_url(service(ApiVersion::v2), "a/../b?c#d e@f:\xC3\xA9", buffer));
  EXPECT_TRUE(url.ends_with("/application_user/a%2F..%2Fb%3Fc%23d%20e%40f%3A%C3%A9/auth_request"))
      << url;
}

TEST(UserName, NobodysNameIsNotAsked) {
  const std::vector<std::string> nobody = {
      "",         "a\nb",         std::string("a\0b", 3), "a\x7f",      "\xff",
      "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",     "cut\xE2\x82"};
  for (const auto& user : nobody) {
    for (const ApiVersion version : {ApiVersion::v2, ApiVersion::v3}) {
      EXPECT_EQ(create_url(service(version), user, buffer).error(), BadRequest::bad_user_name);
      EXPECT_EQ(create_body(version, {.user = user}, buffer).error(), BadRequest::bad_user_name);
    }
  }
  EXPECT_EQ(create_url(service(ApiVersion::v2), "..", buffer).error(), BadRequest::bad_user_name);
  EXPECT_TRUE(valid_user_name("J\xC3\xBCrgen \xF0\x9F\x98\x80"));
}

TEST(Body, OfEachVersion) {
  const Push push{.user = "jdoe", .action = "VPN", .description = "Log in?", .ttl_s = 60};
  EXPECT_EQ(text(create_body(ApiVersion::v2, push, buffer)),
            R"({"action":"VPN","description":"Log in?","ttl_seconds":60})");
  EXPECT_EQ(text(create_body(ApiVersion::v3, push, buffer)),
            R"({"username":"jdoe","action":"VPN","description":"Log in?","ttl_seconds":60})");
}

TEST(Body, ProfileReplacesTextAndTtl) {
  const Push push{.user = "j", .action = "a", .description = "d", .profile = "p-1", .ttl_s = 60};
  EXPECT_EQ(text(create_body(ApiVersion::v3, push, buffer)), R"({"username":"j","profile":"p-1"})");
}

TEST(Body, TextIsEscapedStrippedAndMended) {
  const std::string action("A\"\\\n\r\t\0B", 8);
  const Push push{.user = "q\"\\", .action = action, .description = "x\xffy\x01", .ttl_s = 5};
  EXPECT_EQ(
      text(create_body(ApiVersion::v3, push, buffer)),
      "{\"username\":\"q\\\"\\\\\",\"action\":\"A\\\"\\\\B\",\"description\":\"x\xEF\xBF\xBDy\","
      "\"ttl_seconds\":5}");
}

TEST(Body, TokenRequest) {
  EXPECT_EQ(text(token_body("id", "s\"\n", buffer)),
            R"({"grant_type":"client_credentials","client_id":"id","client_secret":"s\"\u000A",)"
            R"("scope":"urn:notakey:auth"})");
}

TEST(Body, NeverWritesPastTheBuffer) {
  const Push push{.user = "jdoe", .action = "VPN", .description = "Log in?", .ttl_s = 60};
  const std::size_t needed = create_body(ApiVersion::v3, push, buffer)->size();
  for (std::size_t room = 0; room < needed; ++room) {
    std::vector<char> small(room);
    EXPECT_EQ(create_body(ApiVersion::v3, push, small).error(), BadRequest::no_room);
  }
}

}  // namespace
}  // namespace sallyport::notakey
