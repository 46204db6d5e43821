#include "engine/http/rewrite.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace sallyport::http_door {
namespace {

using Kind = config::HeaderChange::Kind;

std::string rewritten(std::string strip, std::string add, std::string target) {
  config::HttpRoute route;
  route.strip_prefix = std::move(strip);
  route.add_prefix = std::move(add);
  const auto parts = normalise_target(target);
  EXPECT_TRUE(parts) << target;
  std::string out;
  Rewrite(route).append_target(*parts, out);
  return out;
}

TEST(Rewrite, TakesAPrefixOff) {
  EXPECT_EQ(rewritten("/api", "", "/api/v1/x?q=/api"), "/v1/x?q=/api");
  EXPECT_EQ(rewritten("/api", "", "/api"), "/");
  EXPECT_EQ(rewritten("/api/", "", "/api/"), "/");
  EXPECT_EQ(rewritten("/api", "", "/api?q"), "/?q");
  EXPECT_EQ(rewritten("/api", "", "/apix/y"), "/apix/y");
  EXPECT_EQ(rewritten("/api", "", "/%61pi;v=1/x;w"), "/x;w");
  EXPECT_EQ(rewritten("/api", "", "/api//evil.example/x"), "/evil.example/x");
}

TEST(Rewrite, PutsAPrefixBefore) {
  EXPECT_EQ(rewritten("", "/v2", "/x?q"), "/v2/x?q");
  EXPECT_EQ(rewritten("", "/v2/", "/x"), "/v2/x");
  EXPECT_EQ(rewritten("", "/v2", "/"), "/v2/");
  EXPECT_EQ(rewritten("", "/%76{2}", "/x"), "/v%7B2%7D/x");
  EXPECT_EQ(rewritten("", "/", "/x"), "/x");
}

TEST(Rewrite, ExchangesAPrefix) {
  EXPECT_EQ(rewritten("/old", "/new", "/old"), "/new");
  EXPECT_EQ(rewritten("/old", "/new", "/old?q"), "/new?q");
  EXPECT_EQ(rewritten("/old", "/new", "/old/x"), "/new/x");
}

TEST(Rewrite, LeavesTheAsteriskAlone) { EXPECT_EQ(rewritten("/a", "/b", "*"), "*"); }

TEST(Rewrite, SaysWhetherTheTargetChanges) {
  config::HttpRoute route;
  EXPECT_FALSE(Rewrite(route).changes_target());
  route.add_prefix = "/x";
  EXPECT_TRUE(Rewrite(route).changes_target());
}

TEST(Rewrite, WhatIsSentIsCanonical) {
  std::mt19937 random(3);
  const std::string_view pieces[] = {"/api", "/", "..", ".", "%2e", ";x", "a", "?q", "%2F", "//"};
  for (int round = 0; round < 50'000; ++round) {
    std::string target = random() % 2 == 0 ? "/" : "/api";
    for (auto count = random() % 6; count > 0; --count)
      target += pieces[random() % std::size(pieces)];
    const auto parts = normalise_target(target);
    if (!parts) continue;
    std::string out;
    config::HttpRoute route;
    route.strip_prefix = "/api";
    if (random() % 2 == 0) route.add_prefix = "/new";
    Rewrite(route).append_target(*parts, out);
    std::string again = out;
    ASSERT_TRUE(normalise_target(again)) << target << " " << out;
    EXPECT_EQ(again, out) << target;
  }
}

constexpr RewriteValues kValues{
    .visitor = "192.0.2.7", .host = "a.net", .uri = "/x?y", .user = "anna"};

std::string filled(std::string_view text, const RewriteValues& values = kValues) {
  std::string out = "> ";
  TextTemplate(text).append(values, out);
  return out;
}

TEST(TextTemplate, FillsPlaceholdersIn) {
  EXPECT_EQ(filled("https://{host}{uri}"), "> https://a.net/x?y");
  EXPECT_EQ(filled("{user}@{visitor}."), "> anna@192.0.2.7.");
  EXPECT_EQ(filled(""), "> ");
  EXPECT_EQ(filled("{{host}}"), "> {a.net}");
}

TEST(TextTemplate, OtherBracesAreText) {
  EXPECT_EQ(filled(R"({"group":"{hosts}","a":{}}{host)"), R"(> {"group":"{hosts}","a":{}}{host)");
}

TEST(TextTemplate, NoValueEndsALine) {
  RewriteValues values = kValues;
  values.user = std::string_view("a\r\nX-Admin: 1\0\x7f\xc3\xa9", 17);
  EXPECT_EQ(filled("{user}{user}", values),
            "> aX-Admin: 1\xc3\xa9"
            "aX-Admin: 1\xc3\xa9");
}

std::string lines(const http::Fields& fields) {
  std::string result;
  for (std::size_t i = 0; i < fields.size(); ++i)
    result += std::string(fields[i].name) + "=" + std::string(fields[i].value) + ";";
  return result;
}

TEST(FieldPlan, ChangesInOrder) {
  http::Fields fields;
  fields.add("X-A", "1");
  fields.add("x-a", "2");
  fields.add("Cookie", "secret");
  fields.add("X-C", "3");
  const FieldPlan plan({{.kind = Kind::remove, .name = "cookie", .value = ""},
                        {.kind = Kind::set, .name = "X-A", .value = "{user}"},
                        {.kind = Kind::add, .name = "X-C", .value = "{visitor}"},
                        {.kind = Kind::add, .name = "X-D", .value = "gone"},
                        {.kind = Kind::remove, .name = "x-d", .value = ""}});
  std::string scratch = "old";
  plan.apply(kValues, fields, scratch);
  EXPECT_EQ(fields.find("X-A"), "anna");
  EXPECT_EQ(fields.find("cookie"), std::nullopt);
  EXPECT_EQ(fields.find("x-d"), std::nullopt);
  EXPECT_EQ(fields.size(), 3u) << lines(fields);
}

TEST(FieldPlan, HostIsTheAuthority) {
  http::RequestHead head;
  head.authority = "a.net:8443";
  std::string scratch;
  FieldPlan({{.kind = Kind::set, .name = "Host", .value = "app.internal"}})
      .apply(kValues, head, scratch);
  EXPECT_EQ(head.authority, "app.internal");
  EXPECT_EQ(head.fields.size(), 0u);
  FieldPlan({{.kind = Kind::remove, .name = "host", .value = ""}}).apply(kValues, head, scratch);
  EXPECT_EQ(head.authority, "app.internal");
  EXPECT_EQ(head.fields.size(), 0u);
  EXPECT_TRUE(FieldPlan({}).empty());
}

}  // namespace
}  // namespace sallyport::http_door
