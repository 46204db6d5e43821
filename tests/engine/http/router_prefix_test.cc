#include "engine/http/router_prefix.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace sallyport::http_door {
namespace {

/// What follows the prefix; nothing when the path does not begin with it.
std::optional<std::string> rest(std::string_view prefix, std::string target) {
  const auto parsed = PathPrefix::parse(prefix);
  EXPECT_TRUE(parsed.has_value()) << prefix;
  const auto parts = normalise_target(target);
  EXPECT_TRUE(parts.has_value()) << target;
  const auto covered = parsed->match(parts->path);
  if (!covered) return std::nullopt;
  if (parsed->first_segment() != 0) {
    EXPECT_EQ(parsed->first_segment(), PathPrefix::first_segment(parts->path)) << target;
  }
  return std::string(parts->path.substr(*covered));
}

TEST(PathPrefix, IsOfWholeSegments) {
  EXPECT_EQ(rest("/api", "/api"), "");
  EXPECT_EQ(rest("/api", "/api/"), "/");
  EXPECT_EQ(rest("/api", "/api/v1"), "/v1");
  EXPECT_EQ(rest("/api", "/apix"), std::nullopt);
  EXPECT_EQ(rest("/api", "/ap"), std::nullopt);
  EXPECT_EQ(rest("/api", "/"), std::nullopt);
  EXPECT_EQ(rest("/api/v1", "/api/v1/x"), "/x");
  EXPECT_EQ(rest("/api/v1", "/api"), std::nullopt);
  EXPECT_EQ(rest("/api/", "/api"), "");
  EXPECT_EQ(rest("/API", "/api"), std::nullopt);
}

TEST(PathPrefix, EmptyAndRootAreEveryPath) {
  for (const char* every : {"", "/"}) {
    EXPECT_EQ(rest(every, "/"), "/");
    EXPECT_EQ(rest(every, "/a;x/b"), "/a;x/b");
    EXPECT_EQ(rest(every, "*"), "*");
    EXPECT_EQ(PathPrefix::parse(every)->first_segment(), 0u);
  }
  EXPECT_EQ(rest("/a", "*"), std::nullopt);
}

TEST(PathPrefix, NoSpellingGetsPast) {
  for (const char* target : {"/admin", "/%61dmin", "/x/../admin", "//admin", "/./admin", "/admin;x",
                             "/admin;x=/y", "/admin%3Bx", "/admin/", "/%61%64%6d%69%6e//..//admin"})
    EXPECT_TRUE(rest("/admin", target).has_value()) << target;
  EXPECT_EQ(rest("/@me+you", "/%40me%2Byou/x"), "/x");
  EXPECT_EQ(rest("/caf\xc3\xa9", "/caf%c3%a9"), "");
  EXPECT_EQ(rest("/a%20b", "/a%20b"), "");
}

TEST(PathPrefix, AnEncodedSlashIsNoBorder) {
  EXPECT_EQ(rest("/a", "/a%2Fb"), std::nullopt);
  EXPECT_EQ(rest("/a/b", "/a%2Fb"), std::nullopt);
  EXPECT_EQ(rest("/a%2Fb", "/a%2fb/c"), "/c");
  EXPECT_EQ(rest("/a%2Fb", "/a/b"), std::nullopt);
}

TEST(PathPrefix, ParametersGoWithTheirSegment) {
  EXPECT_EQ(rest("/a/b", "/a;x/b;y=1;z/c;d"), "/c;d");
  EXPECT_EQ(rest("/a;v=1", "/a"), "");
  EXPECT_EQ(rest("/a", "/a%3Bx%2Fy/b"), "/b");
}

TEST(PathPrefix, RefusesWhatIsNone) {
  EXPECT_EQ(PathPrefix::parse("api").error(), TargetError::not_a_path);
  EXPECT_EQ(PathPrefix::parse("/a?b").error(), TargetError::not_a_path);
  EXPECT_EQ(PathPrefix::parse("*").error(), TargetError::not_a_path);
  EXPECT_EQ(PathPrefix::parse("/a%2f..").error(), TargetError::hidden_dots);
}

// A path that was made from a prefix by spelling it otherwise still begins with it, and has its
// first segment.
TEST(PathPrefix, MatchesEverySpelling) {
  std::mt19937 random(7);
  constexpr std::string_view kOctets = "abz09-_.~@:!$,+";
  for (int round = 0; round < 50'000; ++round) {
    std::string prefix;
    std::string spelled;
    for (auto segments = 1 + random() % 3; segments > 0; --segments) {
      prefix += "/s";
      spelled += random() % 4 == 0 ? "/x/..//s" : "/s";
      for (auto octets = random() % 5; octets > 0; --octets) {
        const char c = kOctets[random() % kOctets.size()];
        prefix += c;
        char escaped[4];
        std::snprintf(escaped, sizeof escaped, random() % 2 == 0 ? "%%%02x" : "%%%02X",
                      static_cast<unsigned>(static_cast<unsigned char>(c)));
        spelled += random() % 2 == 0 ? std::string(escaped) : std::string(1, c);
      }
      if (random() % 4 == 0) spelled += ";p=1";
    }
    EXPECT_EQ(rest(prefix, spelled), "") << prefix << " " << spelled;
    EXPECT_EQ(rest(prefix, spelled + "/more"), "/more") << prefix << " " << spelled;
    EXPECT_EQ(rest(prefix, spelled.substr(0, spelled.find_last_of(';')) + "more"), std::nullopt);
  }
}

}  // namespace
}  // namespace sallyport::http_door
