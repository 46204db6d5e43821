#include "engine/http/impostor.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sallyport::http_door {
namespace {

const FieldPlan& rules() {
  using Kind = config::HeaderChange::Kind;
  static const FieldPlan plan({{.kind = Kind::set, .name = "X-User", .value = "{user}"},
                               {.kind = Kind::remove, .name = "X-Internal-Role", .value = ""},
                               {.kind = Kind::set, .name = "X_Tenant", .value = "1"}});
  return plan;
}

TEST(Impostor, IsWhatBecomesOneOfOursAsAVariable) {
  for (const char* const name :
       {"X_Forwarded_For", "x-forwarded_for", "X_FORWARDED_PROTO", "x_forwarded_prefix",
        "X_Real_IP", "X_User", "X.User", "X-Tenant", "X.Tenant", "X.Forwarded.For", "x_user",
        "X_Internal-Role", "Content_Length", "transfer_encoding", "User_Agent", "Proxy", "PROXY",
        "HTTP2-Settings"}) {
    EXPECT_TRUE(is_impostor(name, rules())) << name;
  }
}

TEST(Impostor, IsNoOtherField) {
  for (const char* const name :
       {"api_key", "X_Users", "_", "X-Request-Id", "Proxy-Status", "proxies", "x-user-agent",
        "X-User", "x_tenant", "X-Forwarded-Port"}) {
    EXPECT_FALSE(is_impostor(name, rules())) << name;
  }
}

TEST(Impostor, MakesTrailersUnwanted) {
  const auto unwanted = [](const char* name) {
    http::Fields trailers;
    trailers.add("X-Checksum", "1");
    trailers.add(name, "1");
    return has_impostor(trailers, rules());
  };
  EXPECT_FALSE(unwanted("Server-Timing"));
  for (const char* const name :
       {"X-User", "x-internal-role", "X-Forwarded-User", "X_Real_IP", "X_User", "X-Tenant"}) {
    EXPECT_TRUE(unwanted(name)) << name;
  }
}

}  // namespace
}  // namespace sallyport::http_door
