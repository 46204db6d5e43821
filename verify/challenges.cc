#include "verify/challenges.h"

#include "protocol/ascii.h"

namespace sallyport::verify {

bool is_our_state(Octets state) noexcept {
  return state.size() == kStateOctets && as_text(state).starts_with(kStateMark);
}

std::uint8_t generation_of(const ChallengeState& state) noexcept { return state[kStateMarkOctets]; }

std::optional<LoginFactor> choice_of(std::string_view text) noexcept {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  for (std::size_t i = 0; i < kLoginFactors; ++i) {
    const bool is_number = text.size() == 1 && text[0] == static_cast<char>('1' + i);
    if (is_number || equal_ignoring_case(text, kLoginFactorNames[i]))
      return static_cast<LoginFactor>(i);
  }
  return std::nullopt;
}

const char* to_text(CodeVerdict verdict) noexcept {
  switch (verdict) {
    case CodeVerdict::approved: return "approved";
    case CodeVerdict::again: return "again";
    case CodeVerdict::denied: return "denied";
    case CodeVerdict::expired: return "expired";
    case CodeVerdict::limited: return "limited";
    case CodeVerdict::unavailable: return "unavailable";
    case CodeVerdict::chose_push: return "chose_push";
    case CodeVerdict::chose_otp: return "chose_otp";
    case CodeVerdict::chose_token: return "chose_token";
    case CodeVerdict::chose_link: return "chose_link";
    case CodeVerdict::offered: return "offered";
    case CodeVerdict::unknown_user: return "unknown_user";
    case CodeVerdict::groups_known: return "groups_known";
  }
  return "invalid";
}

}  // namespace sallyport::verify
