#include "engine/radius/appended.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/engine/radius/packet_builder.h"

namespace sallyport::radius_door {
namespace {

std::string read_back(std::string_view text) {
  const auto digits = read_appended(text).digits();
  return {digits.data(), digits.size()};
}

TEST(Appended, IsACodeOrTheWordForAFactor) {
  for (const std::string code : {"000000", "000123", "123456", "999999"}) {
    EXPECT_TRUE(read_appended(code).is_code()) << code;
    EXPECT_EQ(read_back(code), code);
  }
  EXPECT_EQ(read_appended("push").value, Appended::kPush);
  EXPECT_EQ(read_appended("otp").value, Appended::kOtp);
  for (const std::string other :
       {"", "12345", "1234567", "12345a", " 123456", "-12345", "Push", "push ", "sms"})
    EXPECT_EQ(read_appended(other).value, Appended::kNothing) << other;
}

TEST(Appended, ThePasswordEndsBeforeTheLastSeparator) {
  EXPECT_EQ(password_before("wonderland,123456", ','), 10u);
  EXPECT_EQ(password_before("a,b,push", ','), 3u);
  EXPECT_EQ(password_before("a,123456,654321", ','), 8u);
  EXPECT_EQ(password_before("wonderland:otp", ':'), 10u);
  for (const std::string whole : {"", "wonderland", "wonderland,", "wonderland,12345",
                                  "wonderland;123456", ",123456", "wonderland,123456 ", "123456"})
    EXPECT_FALSE(password_before(whole, ',').has_value()) << whole;
}

class CutPasswordTest : public ::testing::Test {
 protected:
  testing::PacketBuilder request(std::string_view password) const {
    radius::Authenticator authenticator;
    authenticator.octets.fill(5);
    testing::PacketBuilder builder(radius::Code::access_request, 1, authenticator);
    if (!password.empty()) builder.add_password(key_, password);
    return builder;
  }
  /// What would go downstream in the place of the password; "-": nothing, it stays whole.
  std::string cut(testing::PacketBuilder builder) const {
    const testing::Bytes octets = builder.sign_request(key_);
    CutPassword cut;
    cut.cut(*radius::PacketView::parse(octets), key_, ',');
    return cut.password() ? std::string(as_text(*cut.password())) : "-";
  }

  radius::HopKey key_{Secret("client secret")};
};

TEST_F(CutPasswordTest, OfAnyLength) {
  for (const std::size_t length : {1u, 8u, 9u, 10u, 16u, 25u, 121u}) {
    const std::string password(length, 'p');
    EXPECT_EQ(cut(request(password + ",123456")), password);
  }
}

TEST_F(CutPasswordTest, StaysWholeWhereItIsNotAllThereIs) {
  testing::PacketBuilder answer = request("wonderland,123456");
  answer.add(radius::Type::state, "of the downstream");
  EXPECT_EQ(cut(answer), "-");
  testing::PacketBuilder eap = request("wonderland,123456");
  eap.add_message_authenticator().add(radius::Type::eap_message, "12345");
  EXPECT_EQ(cut(eap), "-");
  EXPECT_EQ(cut(request("")), "-");
  EXPECT_EQ(cut(request("wonderland")), "-");
}

}  // namespace
}  // namespace sallyport::radius_door
