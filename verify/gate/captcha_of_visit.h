#pragma once
// A visit's captcha: picture, answer and proof of work all come from the seed that the visit has,
// so that showing it changes nothing and the store keeps no picture. Pure; any thread.

#include <string>
#include <string_view>

#include "verify/captcha/captcha.h"
#include "verify/gate/visit.h"

namespace sallyport::verify {

[[nodiscard]] Captcha captcha_of(const Visit& visit, CaptchaMode mode);
/// Whether either is right; empty: not given.
[[nodiscard]] bool is_solved(const Visit& visit, CaptchaMode mode, std::string_view answer,
                             std::string_view proof);
void show_captcha(const Visit& visit, View& view);

}  // namespace sallyport::verify
