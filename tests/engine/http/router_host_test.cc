#include "engine/http/router_host.h"

#include <string>

#include <gtest/gtest.h>

namespace sallyport::http_door {
namespace {

std::string host(std::string_view authority) {
  const auto name = HostName::parse(authority);
  return name ? std::string(name->text()) : "refused";
}

TEST(HostName, ForgetsCasePortAndTheRootsDot) {
  EXPECT_EQ(host("WWW.Example.NET"), "www.example.net");
  EXPECT_EQ(host("example.net:8443"), "example.net");
  EXPECT_EQ(host("example.net."), "example.net");
  EXPECT_EQ(host("example.net.:80"), "example.net");
  EXPECT_EQ(host("192.0.2.1:80"), "192.0.2.1");
  EXPECT_EQ(host("[2001:DB8::1]:443"), "[2001:db8::1]");
  EXPECT_EQ(HostName::parse("a:8443")->port(), 8443);
  EXPECT_EQ(HostName::parse("a")->port(), 0);
}

TEST(HostName, NoneIsTheEmptyOne) { EXPECT_EQ(host(""), ""); }

TEST(HostName, RefusesWhatIsNoHost) {
  for (const char* authority : {"a@b", "a/b", "a b", "a..b", ".a", ".", "[::1", "a:b", "a:99999",
                                "a%2eb", "caf\xc3\xa9", "a,b", "a:80:80", ":80"})
    EXPECT_EQ(host(authority), "refused") << authority;
  EXPECT_EQ(host(std::string(256, 'a')), "refused");
}

}  // namespace
}  // namespace sallyport::http_door
