// What is asked of the Notakey API: URLs and the body of a create.

#include <array>
#include <memory>
#include <string_view>

#include "bench/micro/hot_function.h"
#include "protocol/check.h"
#include "protocol/notakey/request.h"

namespace sallyport::micro {
namespace {

using notakey::ApiVersion;
using notakey::Service;

constexpr std::string_view kUser = "jdoe0001";
using Buffer = std::array<char, notakey::kMaxRequestOctets>;

Service service() {
  return {.host = *notakey::parse_host("https://demo.notakey.com"),
          .version = ApiVersion::v3,
          .id = "235879a9-a3f3-42b4-b13a-4836d0fd3bf8"};
}

Calls write_create() {
  return [buffer = std::make_unique<Buffer>()](std::uint32_t calls) {
    for (std::uint32_t i = 0; i < calls; ++i) {
      const auto url = notakey::create_url(service(), kUser, *buffer);
      CHECK(url && url->ends_with("/auth"));
      const auto body = notakey::create_body(ApiVersion::v3,
                                             {.user = kUser,
                                              .action = "Login",
                                              .description = "Log in as jdoe0001 from 192.0.2.7?",
                                              .ttl_s = 60},
                                             *buffer);
      CHECK(body && body->ends_with('}'));
    }
  };
}

Calls write_poll() {
  return [buffer = std::make_unique<Buffer>()](std::uint32_t calls) {
    constexpr std::string_view kUuid = "0c1f4f0e-6a4e-4b9a-9f7e-5a1d2c3b4e5f";
    for (std::uint32_t i = 0; i < calls; ++i) {
      const auto url = notakey::result_url(service(), kUuid, *buffer);
      CHECK(url && url->ends_with(kUuid));
    }
  };
}

}  // namespace

void add_request(HotFunctions& all) {
  all.push_back({"notakey/write_create", [] { return write_create(); }});
  all.push_back({"notakey/write_poll", [] { return write_poll(); }});
}

}  // namespace sallyport::micro
