#include "protocol/http/target.h"

#include <gtest/gtest.h>

namespace sallyport::http {
namespace {

TEST(Authority, IsHostAndPort) {
  EXPECT_EQ(split_authority("a.example")->host, "a.example");
  EXPECT_EQ(split_authority("a.example")->port, std::nullopt);
  EXPECT_EQ(split_authority("a.example:8443")->port, 8443);
  EXPECT_EQ(split_authority("[2001:db8::1]:80")->host, "[2001:db8::1]");
  EXPECT_EQ(split_authority("[2001:db8::1]:80")->port, 80);
  EXPECT_FALSE(split_authority(std::string(256, 'a')));
  EXPECT_TRUE(split_authority(std::string(255, 'a')));
  EXPECT_FALSE(split_authority("[]"));
  EXPECT_FALSE(split_authority("[fe80::1%25eth0]"));
  EXPECT_FALSE(split_authority("a:"));
  EXPECT_FALSE(split_authority("a:0x50"));
}

TEST(Target, IsPathAndQuery) {
  EXPECT_EQ(split_target("/a/b").path, "/a/b");
  EXPECT_FALSE(split_target("/a/b").has_query);
  EXPECT_EQ(split_target("/a?b?c").path, "/a");
  EXPECT_EQ(split_target("/a?b?c").query, "b?c");
  EXPECT_TRUE(split_target("/a?").has_query);
}

std::string normal(std::string_view path) {
  std::string out;
  return normalise_path(path, out) ? out : "refused";
}

TEST(Path, IsNormalised) {
  EXPECT_EQ(normal("/"), "/");
  EXPECT_EQ(normal("/a/b"), "/a/b");
  EXPECT_EQ(normal("/%41%7e%2d/x"), "/A~-/x");
  EXPECT_EQ(normal("/a%2fb%5c"), "/a%2Fb%5C");
  EXPECT_EQ(normal("/a/./b/"), "/a/b/");
  EXPECT_EQ(normal("/a/../b"), "/b");
  EXPECT_EQ(normal("/a/b/.."), "/a/");
  EXPECT_EQ(normal("/a/."), "/a/");
  EXPECT_EQ(normal("/a/%2e%2E/b"), "/b");
  EXPECT_EQ(normal("/a//../b"), "/a/b");
  EXPECT_EQ(normal("/a/.../b"), "/a/.../b");
  EXPECT_EQ(normal("/a/.."), "/");
}

TEST(Path, IsRefusedWhereItsMeaningIsInDoubt) {
  for (const std::string_view path : {"", "a", "/..", "/../a", "/a/../../b", "/%2e%2e/", "/%",
                                      "/%4", "/%4g", "/%00", "/%0d%0a", "/%7f"}) {
    EXPECT_EQ(normal(path), "refused") << path;
  }
}

}  // namespace
}  // namespace sallyport::http
