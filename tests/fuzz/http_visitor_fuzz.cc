// What a browser says of itself, as a stranger writes it: a language of ours or none, and a short
// name of harmless characters.

#include <algorithm>
#include <string>
#include <vector>

#include "protocol/check.h"
#include "protocol/http/languages.h"
#include "protocol/http/user_agent.h"
#include "protocol/octets.h"

namespace sallyport::http {
namespace {

bool is_harmless(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._ ").contains(c);
}

void read(std::string_view text) {
  static const std::vector<std::string> ours = {"de", "en", "pt-BR"};
  for (const std::string_view language :
       {accepted_language(text, ours), named_language(text, ours)}) {
    CHECK(language.empty() || std::ranges::find(ours, language) != ours.end());
  }
  const std::string device = device_name(text);
  CHECK(!device.empty() && device.size() <= kMaxDeviceName);
  CHECK(std::ranges::all_of(device, is_harmless));
}

}  // namespace
}  // namespace sallyport::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sallyport::http::read(sallyport::as_text({data, size}));
  return 0;
}
