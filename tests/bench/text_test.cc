#include "bench/simulators/text.h"

#include <gtest/gtest.h>

#include "bench/simulators/body_fields.h"
#include "bench/simulators/clock.h"
#include "bench/simulators/user_file.h"

namespace sallyport::lab {
namespace {

TEST(JsonQuote, EscapesWhatJsonForbids) {
  EXPECT_EQ(json_quote("a\"b\\c\n\x01 ā"), "\"a\\\"b\\\\c\\n\\u0001 ā\"");
}

TEST(HtmlEscape, LeavesNoMarkup) {
  EXPECT_EQ(html_escape("<b a=\"1\" b='2'>&"), "&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;");
}

TEST(PercentDecode, ReadsEscapes) {
  EXPECT_EQ(percent_decode("j%40doe%3A+x", false), "j@doe:+x");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
}

TEST(PercentDecode, RefusesWhatIsCutOrNotText) {
  for (const char* text : {"%", "%4", "%zz", "a%2", "%ff", "%c3%28"})
    EXPECT_FALSE(percent_decode(text, false)) << text;
}

TEST(FormField, FindsOneOfSeveral) {
  EXPECT_EQ(form_field("a=1&answer=approve&b", "answer"), "approve");
  EXPECT_FALSE(form_field("a=1&b", "answer"));
  EXPECT_FALSE(form_field("", "answer"));
}

TEST(Base64, DecodesBasicCredentials) {
  EXPECT_EQ(base64_decode("aWQ6c2VjcmV0"), "id:secret");
  EXPECT_FALSE(base64_decode("aWQ6c2VjcmV"));
  EXPECT_FALSE(base64_decode("a W="));
}

TEST(Duration, ReadsSumsOfUnits) {
  EXPECT_EQ(parse_duration_ms("1h2m3s4ms"), 3'723'004U);
  EXPECT_EQ(parse_duration_ms("0"), 0U);
  for (const char* text : {"", "5", "s", "1.5s", "-1s", "2d", "99999999999999999999s"})
    EXPECT_FALSE(parse_duration_ms(text)) << text;
}

TEST(Iso8601, IsUtc) { EXPECT_EQ(iso8601(1'618'221'736'000), "2021-04-12T10:02:16Z"); }

TEST(BodyFields, ReadsJsonAndForms) {
  const auto json =
      BodyFields::parse("application/json", R"({"username":"jdoe","ttl_seconds":60,"x":[1]})");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->get("username"), "jdoe");
  EXPECT_EQ(json->get("ttl_seconds"), "60");
  EXPECT_FALSE(json->get("x"));
  const auto form = BodyFields::parse("application/x-www-form-urlencoded; charset=utf-8",
                                      "username=j%40doe&ttl_seconds=60");
  ASSERT_TRUE(form);
  EXPECT_EQ(form->get("username"), "j@doe");
  EXPECT_FALSE(BodyFields::parse("application/json", "[1,2"));
  EXPECT_FALSE(BodyFields::parse("application/x-www-form-urlencoded", "a=%f"));
}

TEST(UserFile, TakesBothForms) {
  const auto users = parse_users("# who\nalice wonderland\nbob=builder\n\ncarol\tp w\n");
  ASSERT_TRUE(users);
  EXPECT_EQ(users->at("alice"), Secret("wonderland"));
  EXPECT_EQ(users->at("bob"), Secret("builder"));
  EXPECT_EQ(users->at("carol"), Secret("p w"));
}

TEST(UserFile, ErrorNamesTheLineOnly) {
  const auto users = parse_users("alice wonderland\nlonely-word\n");
  ASSERT_FALSE(users);
  EXPECT_NE(users.error().find("line 2"), std::string::npos);
  EXPECT_EQ(users.error().find("lonely"), std::string::npos);
}

}  // namespace
}  // namespace sallyport::lab
