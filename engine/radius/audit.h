#pragma once
// One record for each decision of the RADIUS door: who, from where, what was said, how long each
// part took. A plain value that crosses to the audit thread by a lock-free queue; formatted there.

#include <cstdint>

#include "protocol/ip_address.h"
#include "verify/login_factor.h"
#include "verify/short_text.h"
#include "verify/verification.h"

namespace sallyport::radius_door {

/// What the downstream said.
enum class DownstreamSaid : std::uint8_t {
  accept,
  reject,
  challenge,
  accounting_response,
  nothing,
  other
};
[[nodiscard]] const char* to_text(DownstreamSaid said) noexcept;

/// What left for the client, and why.
enum class Outcome : std::uint8_t {
  passed_through,  ///< the downstream's own answer that needs no second factor (reject, challenge,
                   ///< accounting)
  approved,        ///< Access-Accept after the user's approval
  remembered,      ///< Access-Accept: the user approved a login from there not long ago
  denied,          ///< Access-Reject: the user said no
  expired,         ///< Access-Reject: no answer in time
  unknown_user,    ///< Access-Reject
  limited,         ///< Access-Reject: not asked, he was asked too often
  unavailable_denied,   ///< Access-Reject: on_unavailable = "deny", or a push was out
  unavailable_allowed,  ///< Access-Accept without approval: policy on_unavailable = "allow"
  unavailable_silent,   ///< no answer: on_unavailable = "silent"
  downstream_timeout,   ///< no answer: the downstream gave none
  exempted,             ///< Access-Accept: a [[policy]] asks for no second factor
  policy_denied,        ///< Access-Reject: a [[policy]] denies it
  abandoned,            ///< no answer: the client reused the Identifier while we waited
  unserved,             ///< Access-Reject: no route serves the realm, or one that rejects
  spooled,              ///< Accounting-Response: the record is on the disk
  not_spooled,          ///< no answer: the record is not on the disk
  challenged,           ///< Access-Challenge: a code is asked
  wrong_code,           ///< Access-Challenge: the code was wrong, and another may be typed
};
inline constexpr std::size_t kOutcomes = 19;
[[nodiscard]] const char* to_text(Outcome outcome) noexcept;

struct AuditRecord {
  std::uint64_t at_unix_ms = 0;  ///< set by the audit thread's side when 0
  Outcome outcome = Outcome::passed_through;
  DownstreamSaid downstream = DownstreamSaid::nothing;
  bool second_factor_asked = false;
  verify::LoginFactor factor = verify::LoginFactor::push;  ///< where one was asked
  bool joined = false;    ///< shared the verification of another request
  std::uint8_t code = 0;  ///< of the request
  std::uint8_t identifier = 0;
  std::uint16_t shard = 0;
  Endpoint source;                  ///< of the request
  std::uint32_t downstream_us = 0;  ///< forwarded to reply
  std::uint32_t verdict_us = 0;     ///< question to verdict
  std::uint32_t total_us = 0;       ///< first datagram to answer
  verify::ShortText<253> user;
  verify::ShortText<64> client;
  verify::ShortText<64> calling_station;
  verify::ShortText<64> nas;
  verify::ShortText<64> policy;  ///< the [[policy]] that decided; empty: none matched
  verify::ShortText<63> detail;  ///< why the service was unavailable
};

}  // namespace sallyport::radius_door
