#include "engine/http/router_target.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace sallyport::http_door {
namespace {

/// The canonical form, or the text of the error.
std::string canonical(std::string target) {
  const auto parts = normalise_target(target);
  if (!parts) return std::string(to_text(parts.error()));
  EXPECT_EQ(std::string(parts->path) + std::string(parts->query), target);
  return target;
}

TargetError error_of(std::string target) {
  const auto parts = normalise_target(target);
  EXPECT_FALSE(parts.has_value()) << target;
  return parts ? TargetError::not_a_path : parts.error();
}

TEST(RouterTarget, KeepsWhatIsCanonical) {
  for (const char* target : {"/", "*", "/a/b", "/a/b/", "/a.b/..c/...", "/a;x=1/b", "/%2F%25?",
                             "/a?b=c&d=%2e%2e/../&e={|}", "/!$&'()*+,;=:@-._~"})
    EXPECT_EQ(canonical(target), target);
}

TEST(RouterTarget, SplitsPathAndQuery) {
  std::string target = "/%61//b?c?d";
  const auto parts = normalise_target(target);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->path, "/a/b");
  EXPECT_EQ(parts->query, "?c?d");
}

TEST(RouterTarget, DecodesUnreservedAndRaisesDigits) {
  EXPECT_EQ(canonical("/%61dmin"), "/admin");
  EXPECT_EQ(canonical("/%7euser/%2d%5F%2e"), "/~user/-_.");
  EXPECT_EQ(canonical("/a%2fb%3b%c3%a9"), "/a%2Fb%3B%C3%A9");
  EXPECT_EQ(canonical("/%2561"), "/%2561");  // decoded once, never twice
}

TEST(RouterTarget, EscapesWhatAPathMayNotHold) {
  EXPECT_EQ(canonical("/{a}|\"<b>^`[]"), "/%7Ba%7D%7C%22%3Cb%3E%5E%60%5B%5D");
  EXPECT_EQ(canonical("/\xc3\xa9?q=\xc3\xa9{"), "/%C3%A9?q=%C3%A9{");
}

TEST(RouterTarget, RemovesDotSegmentsAsRfc3986Says) {
  EXPECT_EQ(canonical("/a/b/c/./../../g"), "/a/g");
  EXPECT_EQ(canonical("/a/../admin"), "/admin");
  EXPECT_EQ(canonical("/a/%2e%2E/admin"), "/admin");
  EXPECT_EQ(canonical("/../../x"), "/x");
  EXPECT_EQ(canonical("/a/."), "/a/");
  EXPECT_EQ(canonical("/a/.."), "/");
  EXPECT_EQ(canonical("/a/b/.."), "/a/");
  EXPECT_EQ(canonical("/.."), "/");
  EXPECT_EQ(canonical("/.?a/../b"), "/?a/../b");
}

TEST(RouterTarget, MergesSlashes) {
  EXPECT_EQ(canonical("//admin"), "/admin");
  EXPECT_EQ(canonical("/a///b//"), "/a/b/");
  EXPECT_EQ(canonical("/a//../b"), "/b");
  EXPECT_EQ(canonical("/a?b//c"), "/a?b//c");
}

TEST(RouterTarget, RefusesWhatServersReadDifferently) {
  for (const char* target :
       {"/a/..;/admin", "/a/..;x=1/admin", "/a/.;/admin", "/a/..%2Fadmin", "/a/%2e%2e%2fadmin",
        "/a/b%2F..", "/a/b%2f../c", "/a/..%5cadmin", "/a/b%5C..%5Cadmin", "/;x/admin", "/a/;/b",
        "/%3Bx/admin", "/a/..%3bx/admin", "/.%2F"})
    EXPECT_EQ(error_of(target), TargetError::hidden_dots) << target;
  for (const char* target :
       {"/a\\..\\admin", "/a b", "/a\tb", "/a#b", "/a?b#c", "/a\x7f", "/a?b c"})
    EXPECT_EQ(error_of(target), TargetError::forbidden_octet) << target;
  for (const char* target : {"/%", "/%4", "/%zz", "/%u002e", "/%00", "/a%0d%0ab", "/%7f",
                             "/%c0%ae%c0%ae/admin", "/%C0%AFadmin", "/%4?1"})
    EXPECT_EQ(error_of(target), TargetError::bad_escape) << target;
  for (const char* target : {"", "a", "http://a/", "**", "?a"})
    EXPECT_EQ(error_of(target), TargetError::not_a_path) << target;
}

// Whatever comes: the result is canonical, has no dot segment and no empty one, and is its own
// canonical form.
TEST(RouterTarget, IsItsOwnCanonicalForm) {
  std::mt19937 random(4);
  const std::string_view pieces[] = {"/", "/",   "/",   ".",   "..",   "a", "%2e", "%2F", "%5c",
                                     ";", "%3b", "%41", "%c3", "\xe9", "{", "?",   "%25", "x"};
  std::size_t accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string target = "/";
    for (auto count = random() % 12; count > 0; --count)
      target += pieces[random() % std::size(pieces)];
    const std::string original = target;
    const auto parts = normalise_target(target);
    if (!parts) continue;
    ++accepted;
    const std::string path = std::string(parts->path) + "/";
    for (const char* bad : {"/./", "/../", "/;", "/%3B", "/.;", "/..;"})
      EXPECT_FALSE(path.contains(bad)) << original << " became " << target;
    EXPECT_FALSE(parts->path.contains("//")) << original << " became " << target;
    std::string again = target;
    ASSERT_TRUE(normalise_target(again)) << original << " became " << target;
    EXPECT_EQ(again, target) << original;
  }
  EXPECT_GT(accepted, 50'000u);
}

}  // namespace
}  // namespace sallyport::http_door
