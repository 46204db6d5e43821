#pragma once
// A visit: one visitor's way in, from the user id to the open door. It lives in the store under the
// hash of its secret; what happens to it happens by replacing the record, so that of two that act
// at once one comes first and the other sees what it did.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ip_address.h"
#include "verify/gate/view.h"

namespace sallyport::verify {

enum class VisitState : std::uint8_t {
  fresh,     ///< a user id was given; not stored yet
  captcha,   ///< the captcha is to be solved
  choosing,  ///< one of several factors is to be chosen
  token,     ///< a code is on its way
  otp,       ///< the app's code or a recovery code is asked for
  link,      ///< a link is on its way; its page will say yes or no
  push,      ///< the phone has been asked; it will say yes or no
  passkey,   ///< the browser is to sign a challenge
  approved,  ///< a factor said yes: the grant is to be opened, once, for who has the secret
  done,      ///< the grant is open
  ended,     ///< over without: `error` says why
};
inline constexpr std::size_t kVisitStates = 11;
[[nodiscard]] const char* to_text(VisitState state) noexcept;

struct Visit {
  VisitState state = VisitState::fresh;
  std::string user;        ///< as typed
  IpAddress address;       ///< that will be let in
  std::string device;      ///< "Firefox on Linux"
  std::string language;    ///< of the pages, and of messages to who has no other
  std::string return_url;  ///< believed; empty: none
  std::vector<Factor> factors;
  std::uint64_t access_ms = 0;
  std::uint64_t expires_ms = 0;  ///< the record's end
  std::string form_token;        ///< stays while the secret changes: other tabs' forms stay good
  std::string captcha_seed;
  std::uint32_t captchas_wrong = 0;
  std::uint32_t wrong = 0;  ///< answers, over all factors of the visit
  std::uint32_t sends = 0;  ///< messages and pushes

  // Of the factor that is being asked:
  std::string code_hash;  ///< token: keyed with the visit's secret, which the store has not
  std::string attempt;    ///< link: hash of the approval's secret; token, push: random
  std::string number;     ///< link, push: two digits that both sides show
  std::string challenge;  ///< passkey: octets
  std::uint64_t begun_ms = 0;
  std::uint64_t until_ms = 0;  ///< no answer is taken from then on; 0: the visit's end

  Factor by = Factor::token;          ///< approved, done
  std::string nonce;                  ///< approved: what the session's secret is derived with
  GateError error = GateError::none;  ///< ended

  bool operator==(const Visit&) const = default;
};

/// The one place where a visit's state changes. False, and nothing is changed: from there the way
/// does not lead there. What belonged to the state that is left is forgotten.
[[nodiscard]] bool move(Visit& visit, VisitState to);
[[nodiscard]] bool may_move(VisitState from, VisitState to) noexcept;

[[nodiscard]] VisitState state_of(Factor factor) noexcept;
/// Whether a factor is being asked.
[[nodiscard]] bool is_asking(VisitState state) noexcept;
[[nodiscard]] Factor factor_of(VisitState state) noexcept;  ///< is_asking(state)

}  // namespace sallyport::verify
