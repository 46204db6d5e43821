#include "verify/gate/view.h"

#include <algorithm>

namespace sallyport::verify {
namespace {

constexpr std::array<const char*, kFactors> kFactorNames = {"token", "otp", "link", "push",
                                                            "passkey"};

}  // namespace

const char* to_text(Factor factor) noexcept {
  return kFactorNames[static_cast<std::size_t>(factor)];
}

std::optional<Factor> read_factor(std::string_view text) noexcept {
  const auto* const found = std::ranges::find(kFactorNames, text);
  if (found == kFactorNames.end()) return std::nullopt;
  return static_cast<Factor>(found - kFactorNames.begin());
}

const char* to_text(GateError error) noexcept {
  switch (error) {
    case GateError::none: return "none";
    case GateError::bad_user: return "bad_user";
    case GateError::bad_captcha: return "bad_captcha";
    case GateError::bad_code: return "bad_code";
    case GateError::bad_passkey: return "bad_passkey";
    case GateError::too_often: return "too_often";
    case GateError::locked: return "locked";
    case GateError::denied: return "denied";
    case GateError::expired: return "expired";
    case GateError::no_request: return "no_request";
    case GateError::no_visit: return "no_visit";
    case GateError::not_same_origin: return "not_same_origin";
    case GateError::not_allowed: return "not_allowed";
    case GateError::too_many_grants: return "too_many_grants";
    case GateError::unavailable: return "unavailable";
    case GateError::busy: return "busy";
    case GateError::not_found: return "not_found";
    case GateError::cookies_off: return "cookies_off";
    case GateError::bad_form: return "bad_form";
  }
  return "";
}

}  // namespace sallyport::verify
