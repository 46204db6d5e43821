// What a link brings as the way back: believed only if it is just what we would have written, and
// carried in a query it comes out the same. The first line is read as Accept as well.

#include <algorithm>
#include <string>

#include "protocol/check.h"
#include "protocol/http/client_kind.h"
#include "protocol/http/return_url.h"
#include "protocol/octets.h"

namespace sallyport::http {
namespace {

void read(std::string_view text) {
  static_cast<void>(query_value(text, "rd"));
  std::string query = "rd=";
  append_escaped(query, text);
  CHECK(query_value(query, "rd") == text);

  if (const auto url = read_return_url(text)) {
    std::string written;
    append_url(written, url->https, url->authority, url->target);
    const auto again = read_return_url(written);
    CHECK(again && again->https == url->https && again->authority == url->authority &&
          again->target == url->target);
    CHECK(std::ranges::none_of(text, [](char c) { return c <= 0x20 || c == '\\' || c == 0x7f; }));
    CHECK(!url->authority.contains('@'));
  }

  RequestHead head;
  head.fields.add("Accept", text.substr(0, text.find('\n')));
  static_cast<void>(client_kind(head));
}

}  // namespace
}  // namespace sallyport::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sallyport::http::read(sallyport::as_text({data, size}));
  return 0;
}
