// Every text as a typed code and as base32. A code is found only where its digits are those of a
// step nearby; base32 that is read is written the same again.

#include <algorithm>
#include <string>

#include "protocol/check.h"
#include "protocol/otp/totp.h"

namespace sallyport::otp {
namespace {

void read(std::string_view text) {
  constexpr std::uint64_t kNow = 1'700'000'010;
  const Octets secret = as_octets("12345678901234567890");
  if (const auto step = find_step(secret, text, 6, kNow, 0)) {
    CHECK(*step + 1 >= step_at(kNow) && *step <= step_at(kNow) + 1);
    std::string digits(text);
    std::erase_if(digits, [](char c) { return c == ' ' || c == '-'; });
    const Code code = code_of(secret, *step, 6);
    CHECK(digits == std::string_view(code.data(), 6));
    CHECK(!find_step(secret, text, 6, kNow, *step));
  }

  if (const auto octets = from_base32(text)) {
    std::string upper(text.substr(0, text.find('=')));
    std::ranges::transform(upper, upper.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    CHECK(base32(as_octets(*octets)) == upper);
  }
  CHECK(from_base32(base32(as_octets(text))) == text);
  static_cast<void>(otpauth_url(text, text, as_octets(text), 6));
}

}  // namespace
}  // namespace sallyport::otp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sallyport::otp::read(sallyport::as_text({data, size}));
  return 0;
}
