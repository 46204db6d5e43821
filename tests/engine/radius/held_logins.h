#pragma once
// Where the door holds logins that wait for a code, written down instead.

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "verify/challenges.h"

namespace sallyport::radius_door::testing {

class HeldLogins final : public verify::Challenges {
 public:
  std::optional<verify::ChallengeState> hold(const verify::HeldLogin& login,
                                             RandomSource&) noexcept override {
    if (is_full) return std::nullopt;
    logins.push_back(login);
    verify::ChallengeState state{};
    copy_octets(as_octets(verify::kStateMark), state);
    state.back() = static_cast<std::uint8_t>(logins.size());
    return state;
  }
  bool redeem(const verify::TypedCode& code) noexcept override {
    if (takes_codes) typed.push_back(code);
    return takes_codes;
  }
  const verify::HeldLogin& held(std::uint32_t place) const noexcept override {
    return logins[place];
  }
  void let_go(std::uint32_t place) noexcept override { ++let_go_times[place]; }

  bool is_full = false;
  bool takes_codes = true;
  std::deque<verify::HeldLogin> logins;
  std::vector<verify::TypedCode> typed;
  std::map<std::uint32_t, int> let_go_times;
};

}  // namespace sallyport::radius_door::testing
