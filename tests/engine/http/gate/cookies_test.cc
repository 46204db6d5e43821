#include "engine/http/gate/cookies.h"

#include <gtest/gtest.h>

namespace sallyport::http_door {
namespace {

using Name = verify::GateCookie::Name;

TEST(GateCookies, BelongToTheHostAloneUnlessToldOtherwise) {
  EXPECT_EQ(set_cookie({.name = Name::visit, .value = "abc", .max_age_s = 0}, {}),
            "__Host-sallyport-visit=abc; Path=/; Secure; HttpOnly; SameSite=Lax");
  EXPECT_EQ(set_cookie({.name = Name::session, .value = "abc", .max_age_s = 60},
                       {.domain = "example.net", .insecure = false}),
            "sallyport_session=abc; Max-Age=60; Path=/; Domain=example.net; Secure; HttpOnly; "
            "SameSite=Lax");
  EXPECT_EQ(set_cookie({.name = Name::access, .value = "abc", .max_age_s = 60},
                       {.domain = {}, .insecure = true}),
            "sallyport_access=abc; Max-Age=60; Path=/; HttpOnly; SameSite=Lax");
}

TEST(GateCookies, AreRemovedByAnEmptyValue) {
  EXPECT_EQ(set_cookie({.name = Name::visit, .value = {}, .max_age_s = 60}, {}),
            "__Host-sallyport-visit=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax");
}

TEST(GateCookies, NeverReachTheServersBehind) {
  http::Fields fields;
  fields.add("Cookie", "a=1; __Host-sallyport-session=secret;b=2; sallyport_visit=secret");
  fields.add("Cookie", "sallyport_access=secret");
  fields.add("Cookie", " sallyport_language=de; my_sallyport_visit=3");
  fields.add("Accept", "*/*");
  std::string scratch;
  remove_own_cookies(fields, scratch);
  EXPECT_EQ(fields.find("cookie"), "a=1; b=2; my_sallyport_visit=3");
  EXPECT_EQ(fields.count(http::FieldName::cookie), 1u);
  EXPECT_EQ(fields.size(), 2u);
}

TEST(GateCookies, LeaveOthersAsTheyAre) {
  http::Fields fields;
  fields.add("Cookie", "a=1;  b=2");
  fields.add("Cookie", "c");
  std::string scratch;
  remove_own_cookies(fields, scratch);
  EXPECT_EQ(fields.find("cookie"), "a=1;  b=2");
  EXPECT_EQ(fields.count(http::FieldName::cookie), 2u);

  http::Fields only;
  only.add("Cookie", "sallyport_visit=1");
  remove_own_cookies(only, scratch);
  EXPECT_EQ(only.size(), 0u);
}

}  // namespace
}  // namespace sallyport::http_door
