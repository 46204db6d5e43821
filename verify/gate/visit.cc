#include "verify/gate/visit.h"

#include <array>
#include <initializer_list>

#include "protocol/check.h"

namespace sallyport::verify {
namespace {

using enum VisitState;

constexpr std::size_t index_of(VisitState state) noexcept {
  return static_cast<std::size_t>(state);
}

constexpr std::uint16_t set_of(std::initializer_list<VisitState> states) noexcept {
  std::uint16_t set = 0;
  for (const VisitState state : states) {
    set = static_cast<std::uint16_t>(set | 1U << index_of(state));
  }
  return set;
}

constexpr std::uint16_t kFactorStates = set_of({token, otp, link, push, passkey});
constexpr std::uint16_t kFromFactor = kFactorStates | set_of({approved, ended});

/// Where the way leads from each state. A factor can be asked again, or another in its place; only
/// a factor that is being asked can say yes.
constexpr std::array<std::uint16_t, kVisitStates> kWays = {
    kFactorStates | set_of({captcha, choosing}),         // fresh
    kFactorStates | set_of({captcha, choosing, ended}),  // captcha: another picture, too
    kFactorStates | set_of({ended}),                     // choosing
    kFromFactor,
    kFromFactor,
    kFromFactor,
    kFromFactor,
    kFromFactor,
    set_of({done, ended}),  // approved
    0,                      // done
    0,                      // ended
};

}  // namespace

const char* to_text(VisitState state) noexcept {
  static constexpr std::array<const char*, kVisitStates> kNames = {
      "fresh", "captcha", "choosing", "token", "otp",  "link",
      "push",  "passkey", "approved", "done",  "ended"};
  return kNames[index_of(state)];
}

bool may_move(VisitState from, VisitState to) noexcept {
  return (kWays[index_of(from)] >> index_of(to) & 1) != 0;
}

bool move(Visit& visit, VisitState to) {
  if (!may_move(visit.state, to)) return false;
  visit.state = to;
  visit.captcha_seed.clear();
  visit.code_hash.clear();
  visit.attempt.clear();
  visit.number.clear();
  visit.challenge.clear();
  visit.nonce.clear();
  visit.begun_ms = 0;
  visit.until_ms = 0;
  return true;
}

VisitState state_of(Factor factor) noexcept {
  switch (factor) {
    case Factor::token: return token;
    case Factor::otp: return otp;
    case Factor::link: return link;
    case Factor::push: return push;
    case Factor::passkey: return passkey;
  }
  CHECK(false);
}

bool is_asking(VisitState state) noexcept { return (kFactorStates >> index_of(state) & 1) != 0; }

Factor factor_of(VisitState state) noexcept {
  CHECK(is_asking(state));
  return static_cast<Factor>(index_of(state) - index_of(token));
}

}  // namespace sallyport::verify
