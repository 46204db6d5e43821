#include "protocol/http/same_origin.h"

#include <gtest/gtest.h>

namespace sallyport::http {
namespace {

constexpr std::string_view kHost = "gate.example.net";

bool with(std::initializer_list<std::pair<std::string_view, std::string_view>> fields,
          bool https = true, std::string_view authority = kHost) {
  RequestHead head;
  for (const auto& [name, value] : fields) head.fields.add(name, value);
  return is_same_origin(head, https, authority);
}

TEST(SameOrigin, BelievesTheBrowserFirst) {
  EXPECT_TRUE(with({{"Sec-Fetch-Site", "same-origin"}}));
  for (const char* const site : {"same-site", "cross-site", "none", "", "same-origin, none"}) {
    EXPECT_FALSE(with({{"Sec-Fetch-Site", site}, {"Origin", "https://gate.example.net"}})) << site;
  }
  EXPECT_FALSE(with({{"Sec-Fetch-Site", "same-origin"}, {"sec-fetch-site", "same-origin"}}));
}

TEST(SameOrigin, ComparesTheOriginWithWhatWasAsked) {
  EXPECT_TRUE(with({{"Origin", "https://gate.example.net"}}));
  EXPECT_TRUE(with({{"Origin", "https://GATE.example.net:443"}}));
  EXPECT_TRUE(with({{"Origin", "http://127.0.0.1:8080"}}, false, "127.0.0.1:8080"));
  EXPECT_TRUE(with({{"Origin", "http://gate.example.net"}}, false, "gate.example.net:80"));
  for (const char* const origin :
       {"null", "", "http://gate.example.net", "https://gate.example.net:8443",
        "https://gate.example.net.evil.example", "https://evil.example/gate.example.net",
        "https://gate.example.net@evil.example", "gate.example.net"}) {
    EXPECT_FALSE(with({{"Origin", origin}, {"Referer", "https://gate.example.net/"}})) << origin;
  }
}

TEST(SameOrigin, FallsBackOnTheReferer) {
  EXPECT_TRUE(with({{"Referer", "https://gate.example.net/.sallyport/visit?a=b"}}));
  EXPECT_FALSE(with({{"Referer", "https://evil.example/?https://gate.example.net/"}}));
  EXPECT_FALSE(with({}));
  EXPECT_FALSE(with({{"Referer", "https://gate.example.net/"}}, true, ""));
}

}  // namespace
}  // namespace sallyport::http
