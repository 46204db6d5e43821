// A form as a stranger sends it: what is read is within its bounds and plain text, and written
// again it reads the same.

#include <string>

#include "protocol/check.h"
#include "protocol/http/form.h"
#include "protocol/http/return_url.h"
#include "protocol/http/same_origin.h"
#include "protocol/octets.h"

namespace sallyport::http {
namespace {

void read(std::string_view text) {
  constexpr FormBounds kBounds{.fields = 8, .name_octets = 16, .value_octets = 64};
  if (const auto fields = read_form(text, kBounds)) {
    CHECK(fields->size() <= kBounds.fields);
    std::string written;
    for (const auto& [name, value] : *fields) {
      CHECK(name.size() <= kBounds.name_octets && value.size() <= kBounds.value_octets);
      CHECK(is_plain_text(name) && is_plain_text(value));
      if (!written.empty()) written += '&';
      append_escaped(written, name);
      written += '=';
      append_escaped(written, value);
    }
    const auto again = read_form(written, kBounds);
    CHECK(again && *again == *fields);
  }
  static_cast<void>(is_form_type(text));

  RequestHead head;
  head.fields.add("Origin", text);
  if (is_same_origin(head, true, "gate.example.net")) {
    CHECK(text.size() >= std::string_view("https://gate.example.net").size());
  }
}

}  // namespace
}  // namespace sallyport::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sallyport::http::read(sallyport::as_text({data, size}));
  return 0;
}
