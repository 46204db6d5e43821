#include "bench/simulators/notakey_route.h"

#include <gtest/gtest.h>

namespace sallyport::lab {
namespace {

struct Known {
  const char* method;
  const char* path;
  NotakeyEndpoint endpoint;
  bool v3;
  const char* user;
  const char* uuid;
};

class KnownRoute : public testing::TestWithParam<Known> {};

TEST_P(KnownRoute, IsRecognised) {
  const Known& known = GetParam();
  const auto route = parse_notakey_route(known.method, known.path);
  ASSERT_TRUE(route);
  EXPECT_EQ(route->endpoint, known.endpoint);
  EXPECT_EQ(route->v3, known.v3);
  EXPECT_EQ(route->user, known.user);
  EXPECT_EQ(route->uuid, known.uuid);
  if (known.endpoint != NotakeyEndpoint::token) {
    EXPECT_EQ(route->access_id, "id");
  }
}

using enum NotakeyEndpoint;
INSTANTIATE_TEST_SUITE_P(
    All, KnownRoute,
    testing::Values(
        Known{"POST", "/api/token", token, true, "", ""},
        Known{"GET", "/api/v2/application/id/", service, false, "", ""},
        Known{"GET", "/api/v2/application/id", service, false, "", ""},
        Known{"POST", "/api/v2/application/id/application_user/j%40doe%20x/auth_request", create,
              false, "j@doe x", ""},
        Known{"POST", "/api/v2/application/id/application_user/a%2Fb/auth_request", create, false,
              "a/b", ""},
        Known{"GET", "/api/v2/application/id/auth_request/u-1", poll, false, "", "u-1"},
        Known{"GET", "/api/v3/services/id", service, true, "", ""},
        Known{"POST", "/api/v3/services/id/auth", create, true, "", ""},
        Known{"GET", "/api/v3/services/id/auth/u-1", poll, true, "", "u-1"},
        Known{"GET", "/api/v3/services/id/user/jdoe", user, true, "jdoe", ""},
        Known{"GET", "/api/v3/services/id/users/jdoe/devices", devices, true, "jdoe", ""}));

struct Unknown {
  const char* method;
  const char* path;
};

class UnknownRoute : public testing::TestWithParam<Unknown> {};

TEST_P(UnknownRoute, IsRefused) {
  EXPECT_FALSE(parse_notakey_route(GetParam().method, GetParam().path));
}

INSTANTIATE_TEST_SUITE_P(All, UnknownRoute,
                         testing::Values(Unknown{"GET", "/api/token"}, Unknown{"POST", ""},
                                         Unknown{"POST", "/api/v3/services/id"},
                                         Unknown{"GET", "/api/v3/services"},
                                         Unknown{"GET", "/api/v1/services/id"},
                                         Unknown{"GET", "/api/v2/services/id"},
                                         Unknown{"DELETE", "/api/v3/services/id/auth/u"},
                                         Unknown{"GET", "/api/v3/services/%zz"},
                                         Unknown{"GET", "/api/v3/services/a/b/c/d/e/f"},
                                         Unknown{"GET", "api/v3/services/id"}));

}  // namespace
}  // namespace sallyport::lab
