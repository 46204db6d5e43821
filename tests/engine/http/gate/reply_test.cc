#include "engine/http/gate/reply.h"

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sallyport::http_door {
namespace {

using Kind = verify::GateReply::Kind;
using testing::HasSubstr;
using testing::Not;

class GateReplyTest : public testing::Test {
 protected:
  GateReplyTest() {
    config::Gate gate;
    gate.settings.issuer = "Example";
    auto front = std::make_shared<GateFront>(Pages::make(gate, "/.sallyport").value());
    front->gate_path = "/.sallyport";
    errand_.front = front;
    errand_.request.path = "/visit";
    errand_.request.language = "en";
    errand_.reply.view.language = "en";
  }

  /// The one value of a field; empty: there is none.
  [[nodiscard]] std::string field(std::string_view name) const {
    return std::string(errand_.answer.head.fields.find(name).value_or(""));
  }

  GateErrand errand_;
};

TEST_F(GateReplyTest, IsAPageForABrowserAndJsonForOurScript) {
  errand_.reply.status = 429;
  errand_.reply.retry_after_s = 7;
  errand_.reply.view.page = verify::PageId::token;
  errand_.reply.view.error = verify::GateError::too_often;
  write_reply(errand_);
  EXPECT_EQ(errand_.answer.head.status, 429);
  EXPECT_EQ(field("Retry-After"), "7");
  EXPECT_EQ(field("Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(errand_.answer.body, HasSubstr("<html"));
  EXPECT_EQ(field("Cache-Control"), "no-store");
  EXPECT_THAT(field("Content-Security-Policy"), Not(HasSubstr("unsafe")));

  errand_.request.script = true;
  write_reply(errand_);
  EXPECT_EQ(field("Content-Type"), "application/json");
  EXPECT_THAT(errand_.answer.body, HasSubstr(R"("error":"too_often")"));
}

TEST_F(GateReplyTest, LeadsBelowTheGateOrAway) {
  errand_.reply.kind = Kind::redirect;
  errand_.reply.location = "/visit";
  write_reply(errand_);
  EXPECT_EQ(errand_.answer.head.status, 303);
  EXPECT_EQ(field("Location"), "/.sallyport/visit");
  EXPECT_EQ(errand_.answer.body, "");
  errand_.reply.location = "https://www.example.net/a?b=c";
  write_reply(errand_);
  EXPECT_EQ(field("Location"), "https://www.example.net/a?b=c");
}

TEST_F(GateReplyTest, SaysThatNothingIsNewAfterAHold) {
  errand_.reply.kind = Kind::hold;
  errand_.reply.view.page = verify::PageId::link;
  write_reply(errand_);
  EXPECT_EQ(field("Location"), "/.sallyport/visit") << "a page without a script asks again";
  errand_.request.script = true;
  write_reply(errand_);
  EXPECT_EQ(errand_.answer.head.status, 200);
  EXPECT_THAT(errand_.answer.body, HasSubstr(R"("page":"link")"));
  EXPECT_THAT(errand_.answer.body, HasSubstr(R"("reload":false)"));
}

TEST_F(GateReplyTest, SendsPicturesAndCookies) {
  errand_.reply.kind = Kind::octets;
  errand_.reply.content_type = "image/png";
  errand_.reply.octets = "\x89PNG";
  errand_.reply.cookies = {{.name = verify::GateCookie::Name::visit, .value = "v", .max_age_s = 0},
                           {.name = verify::GateCookie::Name::session, .value = {}}};
  errand_.request.query = {{"lang", "en"}};
  write_reply(errand_);
  EXPECT_EQ(field("Content-Type"), "image/png");
  EXPECT_EQ(errand_.answer.body, "\x89PNG");
  EXPECT_EQ(errand_.answer.head.fields.count(http::FieldName::set_cookie), 3u);
}

TEST(GateAsset, IsKeptForEverByItsHashAndAskedForElse) {
  const PageAsset asset{
      .path = "/style.css", .content_type = "text/css", .hash = "abc", .content = "x{}"};
  OwnAnswer answer;
  write_asset(asset, "v=abc", "", answer);
  EXPECT_EQ(answer.head.status, 200);
  EXPECT_EQ(answer.head.fields.find("cache-control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(answer.body, "x{}");
  for (const char* const known : {"\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*"}) {
    answer.reset();
    write_asset(asset, "v=old", known, answer);
    EXPECT_EQ(answer.head.status, 304) << known;
    EXPECT_EQ(answer.head.fields.find("cache-control"), "no-cache");
    EXPECT_EQ(answer.body, "");
  }
  answer.reset();
  write_asset(asset, "", "\"abcd\"", answer);
  EXPECT_EQ(answer.head.status, 200);
}

}  // namespace
}  // namespace sallyport::http_door
