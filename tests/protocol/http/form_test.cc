#include "protocol/http/form.h"

#include <string>

#include <gtest/gtest.h>

namespace sallyport::http {
namespace {

TEST(Form, DecodesNamesAndValuesInTheirOrder) {
  const auto fields =
      read_form("user=alice+b%c3%a4r&rd=https%3A%2F%2Fa%2F%3Fx%3D1%262&flag&user=2");
  ASSERT_TRUE(fields.has_value());
  const FormFields expected = {
      {"user", "alice b\xc3\xa4r"}, {"rd", "https://a/?x=1&2"}, {"flag", ""}, {"user", "2"}};
  EXPECT_EQ(*fields, expected);
  EXPECT_EQ(form_value(*fields, "user"), "alice b\xc3\xa4r");
  EXPECT_EQ(form_value(*fields, "none"), "");
}

TEST(Form, TakesNothingForAField) {
  const auto fields = read_form("&&a=1&");
  ASSERT_TRUE(fields.has_value());
  EXPECT_EQ(*fields, (FormFields{{"a", "1"}}));
  EXPECT_TRUE(read_form("")->empty());
}

TEST(Form, RefusesEscapesThatAreNone) {
  for (const char* const text : {"a=%", "a=%4", "a=%zz", "%g0=1", "a=1&b=%0"}) {
    EXPECT_EQ(read_form(text), std::unexpected(FormError::malformed)) << text;
  }
}

TEST(Form, RefusesControlCharactersAndWhatIsNoUtf8) {
  for (const char* const text :
       {"a=%00", "a=1%0a2", "a=%7f", "a=%ff", "a=%c0%80", "a=%ed%a0%80", "%0d=1"}) {
    EXPECT_EQ(read_form(text), std::unexpected(FormError::not_text)) << text;
  }
}

TEST(Form, HoldsItsBounds) {
  const FormBounds bounds{.fields = 2, .name_octets = 3, .value_octets = 4};
  EXPECT_TRUE(read_form("abc=1234&b=2", bounds).has_value());
  EXPECT_EQ(read_form("a=1&b=2&c=3", bounds), std::unexpected(FormError::too_many));
  EXPECT_EQ(read_form("abcd=1", bounds), std::unexpected(FormError::too_long));
  EXPECT_EQ(read_form("a=12345", bounds), std::unexpected(FormError::too_long));
  EXPECT_EQ(read_form("a=" + std::string(10'000, '%'), bounds),
            std::unexpected(FormError::too_long))
      << "the length comes before the escapes";
  EXPECT_TRUE(read_form("a=%31%32%33%34", bounds).has_value()) << "decoded octets count";
}

TEST(Form, KnowsItsContentType) {
  EXPECT_TRUE(is_form_type("application/x-www-form-urlencoded"));
  EXPECT_TRUE(is_form_type("Application/X-WWW-Form-URLEncoded ; charset=UTF-8"));
  EXPECT_FALSE(is_form_type("multipart/form-data; boundary=x"));
  EXPECT_FALSE(is_form_type("application/x-www-form-urlencoded-not"));
  EXPECT_FALSE(is_form_type(""));
}

}  // namespace
}  // namespace sallyport::http
