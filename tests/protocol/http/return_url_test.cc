#include "protocol/http/return_url.h"

#include <string>

#include <gtest/gtest.h>

namespace sallyport::http {
namespace {

TEST(ReturnUrlTest, ReadsWhatWeWrite) {
  for (const bool https : {false, true}) {
    for (const std::string_view authority :
         {"example.net", "example.net:8443", "[2001:db8::1]:80"}) {
      for (const std::string_view target : {"/", "/a/b?c=d&e=%20f", "//x", "/?rd=https://y/"}) {
        std::string text;
        append_url(text, https, authority, target);
        const auto url = read_return_url(text);
        ASSERT_TRUE(url) << text;
        EXPECT_EQ(url->https, https);
        EXPECT_EQ(url->authority, authority);
        EXPECT_EQ(url->target, target);
      }
    }
  }
  EXPECT_EQ(read_return_url("https://example.net")->target, "/");
  EXPECT_TRUE(read_return_url("HTTPS://example.net/")->https);
}

TEST(ReturnUrlTest, RefusesWhatABrowserCouldFollowElsewhere) {
  for (const std::string_view text : {"",
                                      "/a",
                                      "//evil.example/",
                                      "\\\\evil.example",
                                      "https:/evil.example",
                                      "https:evil.example",
                                      "https:///evil.example",
                                      "https://",
                                      "javascript:alert(1)",
                                      "ftp://example.net/",
                                      " https://example.net/",
                                      "https://example.net@evil.example/",
                                      "https://a:b@evil.example/",
                                      "https://example.net\\@evil.example/",
                                      "https://example.net/\\evil",
                                      "https://example.net/a b",
                                      "https://example.net/\r\nX: y",
                                      "https://example.net/\t",
                                      "https://example.net#@evil.example",
                                      "https://example.net/#x",
                                      "https://example.net?x",
                                      "https://ex\xc3\xa4mple.net/",
                                      "https://example.net/\xc3\xa4",
                                      "https://example.net:99999/",
                                      "https://exam%70le.net/",
                                      "data:text/html,x",
                                      "https://example.net\x01/"}) {
    EXPECT_FALSE(read_return_url(text)) << text;
  }
  EXPECT_FALSE(read_return_url(std::string_view("https://example.net/\0", 21)));
  const std::string longest = "https://example.net/" + std::string(kMaxReturnUrlOctets - 20, 'x');
  EXPECT_TRUE(read_return_url(longest));
  EXPECT_FALSE(read_return_url(longest + "x"));
  EXPECT_TRUE(read_whole_url(longest + "x"));
}

TEST(ReturnUrlTest, EscapesReadBack) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  std::string query = "a=b&rd=";
  append_escaped(query, all);
  query += "&rd=second";
  EXPECT_EQ(query.find_first_of("\"<>+/:?# "), std::string::npos);
  EXPECT_EQ(query_value(query, "rd"), all);
  EXPECT_EQ(query_value(query, "a"), "b");
  EXPECT_EQ(query_value(query, "r"), std::nullopt);
  EXPECT_EQ(query_value("rdx=1&rd", "rd"), "");
  EXPECT_EQ(query_value("rd=a+b", "rd"), "a+b");
  for (const std::string_view bad : {"rd=%", "rd=%4", "rd=%zz", "rd=%4g"}) {
    EXPECT_EQ(query_value(bad, "rd"), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace sallyport::http
