// What the Notakey API answers: each kind well-formed, and every way we know to be malformed.

#include "protocol/notakey/answer.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sallyport::notakey {
namespace {

/// An answer with the padding that the reader asks for.
class Padded {
 public:
  explicit Padded(const std::string& text) : text_(text), size_(text.size()) {
    text_.resize(size_ + kAnswerPadding, '#');
  }
  operator Body() const { return {.data = text_.data(), .size = size_, .capacity = text_.size()}; }

 private:
  std::string text_;
  std::size_t size_;
};

TEST(CreatedAnswer, GivesTheUuid) {
  AnswerReader reader;
  const Padded body(R"({"uuid":"0c1f4f0e-6a4e","username":"jdoe","action":"VPN login",
    "created_at":"2021-04-12T10:02:16Z","expires_at":1618230136,"expired":false,
    "response_type":null,"nested":{"uuid":"other","list":[1,{"a":[]}]}})");
  ASSERT_TRUE(reader.created(body));
  EXPECT_EQ(reader.created(body)->uuid, "0c1f4f0e-6a4e");
}

TEST(ResultAnswer, EachResponse) {
  struct Case {
    const char* fields;
    Response response;
    bool expired;
  };
  for (const Case& c : std::vector<Case>{
           {R"("response_type":null,"expired":false)", Response::none, false},
           {R"("response_type":"")", Response::none, false},
           {R"("expired":true)", Response::none, true},
           {R"("response_type":"ApproveRequest","expired":true)", Response::approve, true},
           {R"("response_type":"DenyRequest")", Response::deny, false},
           {R"("response_type":"approverequest")", Response::unknown, false},
           {R"("response_type":"ApproveRequest ")", Response::unknown, false}}) {
    AnswerReader reader;
    const Padded body(std::string(R"({"uuid":"u-1","username":"j\u0064oe",)") + c.fields + "}");
    const auto result = reader.result(body);
    ASSERT_TRUE(result) << c.fields;
    EXPECT_EQ(result->uuid, "u-1");
    EXPECT_EQ(result->username, "jdoe");
    EXPECT_EQ(result->response, c.response) << c.fields;
    EXPECT_EQ(result->expired, c.expired) << c.fields;
  }
}

TEST(ResultAnswer, MalformedIsNeverGuessed) {
  struct Case {
    const char* text;
    BadAnswer error;
  };
  for (const Case& c : std::vector<Case>{
           {"", BadAnswer::not_json},
           {"null", BadAnswer::not_json},
           {"[]", BadAnswer::not_json},
           {"<html>", BadAnswer::not_json},
           {"{", BadAnswer::not_json},
           {R"({"uuid":"u-1")", BadAnswer::not_json},
           {R"({"uuid":"u-1"} x)", BadAnswer::not_json},
           {R"({"uuid":"u-1"}{"uuid":"u-2"})", BadAnswer::not_json},
           {R"({"uuid":"u-1" "expired":true})", BadAnswer::not_json},
           {"{\"uuid\":\"u-1\",\"x\":\"\xff\"}", BadAnswer::not_json},
           {"{}", BadAnswer::missing_field},
           {R"({"uuid":"u-1","uuid":"u-1"})", BadAnswer::duplicate},
           {R"({"uuid":"u-1","response_type":"DenyRequest","response_type":"ApproveRequest"})",
            BadAnswer::duplicate},
           {R"({"uuid":7})", BadAnswer::bad_field},
           {R"({"uuid":""})", BadAnswer::bad_field},
           {R"({"uuid":"../x"})", BadAnswer::bad_field},
           {R"({"uuid":"u-1","expired":"false"})", BadAnswer::bad_field},
           {R"({"uuid":"u-1","expired":null})", BadAnswer::bad_field},
           {R"({"uuid":"u-1","response_type":true})", BadAnswer::bad_field},
           {R"({"uuid":"u-1","response_type":nope})", BadAnswer::bad_field},
           {R"({"uuid":"u-1","username":["jdoe"]})", BadAnswer::bad_field}}) {
    AnswerReader reader;
    const Padded body(c.text);
    const auto result = reader.result(body);
    ASSERT_FALSE(result) << c.text;
    EXPECT_EQ(result.error(), c.error) << c.text << ": " << to_text(result.error());
  }
}

TEST(ResultAnswer, GroupsAreNamesInLines) {
  const auto groups = [](const std::string& value) {
    AnswerReader reader;
    const Padded body(R"({"uuid":"u-1","groups":)" + value + "}");
    const auto result = reader.result(body);
    return result ? std::string(result->groups) : to_text(result.error());
  };
  EXPECT_EQ(groups(R"(["staff","VPN users"])"), "staff\nVPN users");
  EXPECT_EQ(groups(R"(["staff",7,null,["x"],{"name":"y"},"","vpn"])"), "staff\nvpn");
  EXPECT_EQ(groups(R"(["a\nb","c\u0000d","\u00e9"])"), "\xC3\xA9");
  EXPECT_EQ(groups("[]") + groups("null") + groups("7") + groups(R"({"a":"b"})"), "");
  EXPECT_EQ(groups(R"(["a","b)"), "answer is not JSON");
  EXPECT_EQ(groups(R"(["a"],"groups":["b"])"), "answer repeats a field");
  // Whole names, as many as have room.
  const std::string long_name(250, 'x');
  EXPECT_EQ(groups("[\"" + long_name + R"(","12345","1234","1"])"), long_name + "\n1234");
  EXPECT_EQ(groups("[\"" + std::string(256, 'x') + R"(","a"])"), "a");
}

TEST(ResultAnswer, EveryCutOfAGoodOneIsRefused) {
  const std::string good =
      R"({"uuid":"u-1","username":"jdoe","groups":["a","b"],"response_type":"ApproveRequest"})";
  AnswerReader reader;
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(reader.result(Padded(good.substr(0, size)))) << good.substr(0, size);
  EXPECT_TRUE(reader.result(Padded(good)));
}

TEST(TokenAnswer, OnlyWhatFitsAHeader) {
  AnswerReader reader;
  const Padded good(R"({"access_token":"5f0c.x","token_type":"Bearer","expires_in":7200})");
  ASSERT_TRUE(reader.token(good));
  EXPECT_EQ(reader.token(good)->access_token, "5f0c.x");
  EXPECT_EQ(reader.token(good)->expires_in_s, 7200u);
  EXPECT_EQ(reader.token(Padded(R"({"access_token":"t"})"))->expires_in_s, std::nullopt);
  for (const char* bad :
       {R"({"access_token":"a\r\nX: y"})", R"({"access_token":""})", R"({"access_token":"a b"})",
        R"({"access_token":"t","expires_in":-1})", R"({"access_token":"t","expires_in":"1"})"})
    EXPECT_EQ(reader.token(Padded(bad)).error(), BadAnswer::bad_field) << bad;
  EXPECT_EQ(reader.token(Padded(R"({"expires_in":1})")).error(), BadAnswer::missing_field);
}

TEST(ServiceAnswer, NeedsIdAndName) {
  AnswerReader reader;
  const Padded good(R"({"id":"235","display_name":"VPN","onboarding_requirements":[]})");
  EXPECT_EQ(reader.service(good)->display_name, "VPN");
  EXPECT_EQ(reader.service(Padded(R"({"id":"235"})")).error(), BadAnswer::missing_field);
}

TEST(ErrorAnswer, IsAnObjectThatNamesErrors) {
  AnswerReader reader;
  EXPECT_TRUE(reader.names_errors(Padded(R"({"errors":[{"title":"not found"}]})")));
  EXPECT_TRUE(reader.names_errors(Padded(R"({"status":404,"errors":"x"})")));
  EXPECT_FALSE(reader.names_errors(Padded(R"({"error":"x"})")));
  EXPECT_FALSE(reader.names_errors(Padded(R"(["errors"])")));
  EXPECT_FALSE(reader.names_errors(Padded("<h1>errors</h1>")));
}

TEST(AnyAnswer, TooLongOrUnpaddedIsRefused) {
  AnswerReader reader;
  const std::string good = R"({"uuid":"u-1"})";
  EXPECT_EQ(
      reader.created({.data = good.data(), .size = good.size(), .capacity = good.size()}).error(),
      BadAnswer::too_long);
  const Padded longest(R"({"uuid":"u-1","x":")" + std::string(kMaxAnswerOctets, 'x') + "\"}");
  EXPECT_EQ(reader.created(longest).error(), BadAnswer::too_long);
}

}  // namespace
}  // namespace sallyport::notakey
