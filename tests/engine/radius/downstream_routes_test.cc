#include "engine/radius/downstream_routes.h"

#include <gtest/gtest.h>

namespace sallyport::radius_door {
namespace {

DownstreamRoutes routes(std::vector<config::DownstreamRoute> list) {
  return DownstreamRoutes(list);
}

TEST(IsLike, KnowsStars) {
  EXPECT_TRUE(is_like("00-11-22-33-44-55:eduroam", "*:eduroam"));
  EXPECT_TRUE(is_like("00-11-22-33-44-55:EDUROAM", "*:eduroam"));
  EXPECT_FALSE(is_like("00-11-22-33-44-55:eduroam2", "*:eduroam"));
  EXPECT_TRUE(is_like("aXbXc", "a*b*c"));
  EXPECT_TRUE(is_like("abab", "*ab"));
  EXPECT_FALSE(is_like("abac", "*ab"));
  EXPECT_TRUE(is_like("", "*"));
  EXPECT_FALSE(is_like("", "a"));
  EXPECT_TRUE(is_like("abc", "abc**"));
}

TEST(DownstreamRoutes, RealmsAreExactOrBelowOrAnyOrNone) {
  const auto all = routes({{.realms = {"example.com"}, .pool = "exact"},
                           {.realms = {"*.example.com"}, .pool = "below"},
                           {.realms = {""}, .pool = "none"},
                           {.realms = {"*"}, .pool = "any"}});
  EXPECT_EQ(all.find({.realm = "example.com"}), 0u);
  EXPECT_EQ(all.find({.realm = "Example.COM"}), 0u);
  EXPECT_EQ(all.find({.realm = "a.example.com"}), 1u);
  EXPECT_EQ(all.find({.realm = "b.a.example.com"}), 1u);
  EXPECT_EQ(all.find({.realm = "badexample.com"}), 3u);
  EXPECT_EQ(all.find({.realm = ""}), 2u);
}

TEST(DownstreamRoutes, TheFirstThatMatchesWins) {
  const auto all = routes({{.realms = {"*"}, .clients = {"branch"}, .pool = "a"},
                           {.realms = {"example.com"}, .pool = "b"},
                           {.pool = "c"}});
  EXPECT_EQ(all.find({.realm = "example.com", .client = "branch"}), 0u);
  EXPECT_EQ(all.find({.realm = "example.com", .client = "office"}), 1u);
  EXPECT_EQ(all.find({.realm = "example.org", .client = "office"}), 2u);
  EXPECT_EQ(all.find({.realm = "", .client = "branch"}), 2u);
}

TEST(DownstreamRoutes, AllConditionsMustHold) {
  const auto all =
      routes({{.realms = {"example.com"}, .clients = {"wifi"}, .called_stations = {"*:guests"}}});
  EXPECT_TRUE(all.find({.realm = "example.com", .client = "wifi", .called_station = "x:guests"}));
  EXPECT_FALSE(all.find({.realm = "example.com", .client = "wifi", .called_station = "x:staff"}));
  EXPECT_FALSE(all.find({.realm = "example.com", .client = "wifi"}));
  EXPECT_FALSE(all.find({.realm = "example.com", .client = "vpn", .called_station = "x:guests"}));
}

TEST(DownstreamRoutes, NoneMatchesWhereNoneIsMeant) {
  EXPECT_TRUE(routes({}).empty());
  EXPECT_FALSE(routes({{.realms = {"example.com"}}}).find({.realm = "example.org"}));
}

}  // namespace
}  // namespace sallyport::radius_door
