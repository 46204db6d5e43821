#include "verify/channels/text_template.h"

#include <array>

#include <gtest/gtest.h>

namespace sallyport::verify {
namespace {

constexpr std::array<std::string_view, 2> kKnown = {"code", "to_mail"};

std::string render(std::string_view text, std::string_view code, Escape escape) {
  const auto parsed = TextTemplate::parse(text, kKnown);
  EXPECT_TRUE(parsed) << parsed.error();
  const std::array<TemplateValue, 1> values{{{"code", code}}};
  return parsed->render(values, escape);
}

TEST(TextTemplate, FillsInValues) {
  EXPECT_EQ(render("a {code} b {code}", "42", Escape::none), "a 42 b 42");
  EXPECT_EQ(render("", "42", Escape::none), "");
  EXPECT_EQ(render("{to_mail}", "42", Escape::none), "");
}

TEST(TextTemplate, OtherBracesAreText) {
  EXPECT_EQ(render(R"({"to": {"n": "{code}"}})", "42", Escape::none), R"({"to": {"n": "42"}})");
  EXPECT_EQ(render("{ {} {CODE} {code", "42", Escape::none), "{ {} {CODE} {code");
}

TEST(TextTemplate, WhatAValueBringsIsNotLookedAtAgain) {
  EXPECT_EQ(render("{code}!", "{to_mail}{code}", Escape::none), "{to_mail}{code}!");
}

TEST(TextTemplate, AnUnknownPlaceholderIsAMistake) {
  const auto parsed = TextTemplate::parse("{cod}", kKnown);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error(), "has the unknown placeholder {cod}; {code}, {to_mail} are known");
}

TEST(TextTemplate, EscapesAsItsPlaceAsks) {
  EXPECT_EQ(render("<b>{code}</b>", "<a href='x'>&\"", Escape::html),
            "<b>&lt;a href=&#39;x&#39;&gt;&amp;&quot;</b>");
  EXPECT_EQ(render("?c={code}", "a b&c=ü+/", Escape::query), "?c=a%20b%26c%3D%C3%BC%2B%2F");
  EXPECT_EQ(render("\"{code}\"", "a\"\\\n\x01ü", Escape::json), "\"a\\\"\\\\\\u000a\\u0001ü\"");
  EXPECT_EQ(render("X: {code}", "a\r\nBcc: b", Escape::header), "X: a  Bcc: b");
}

TEST(TextTemplate, KnowsWhatItNames) {
  const auto parsed = TextTemplate::parse("{code}x", kKnown);
  EXPECT_TRUE(parsed->names("code"));
  EXPECT_FALSE(parsed->names("to_mail"));
  EXPECT_TRUE(parsed->begins_with_value());
  EXPECT_FALSE(TextTemplate::parse("x{code}", kKnown)->begins_with_value());
}

}  // namespace
}  // namespace sallyport::verify
