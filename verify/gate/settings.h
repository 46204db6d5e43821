#pragma once
// What an operator has set for the gate. Durations in milliseconds. Immutable; replaced as a whole.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/ip_address.h"
#include "verify/captcha/captcha.h"
#include "verify/gate/view.h"
#include "verify/limits.h"

namespace sallyport::verify {

/// What of a visitor a grant is bound to.
enum class Bind : std::uint8_t {
  address,  ///< his address alone: good for programs that know no cookies
  cookie,   ///< his browser, wherever it goes
  both,
};

struct GateSettings {
  std::string issuer;  ///< the service's name: on pages, in messages and authenticator apps
  std::vector<Factor> factors = {Factor::token};  ///< offered, unless a route says otherwise
  CaptchaMode captcha = CaptchaMode::off;
  std::string spacing;  ///< between the digits of a token in short messages
  std::uint32_t token_digits = 6;
  std::uint32_t token_duration_ms = 60'000;  ///< of tokens, links and pushes
  std::uint32_t registration_duration_ms = 900'000;
  std::uint32_t access_duration_ms = 36'000'000;
  std::uint32_t session_duration_ms = 2'592'000'000;  ///< of "My access" and silent renewal
  bool sliding = false;             ///< each use makes a grant last access_duration from then
  std::uint32_t max_access_ms = 0;  ///< sliding: at most from the confirmation; 0: seven days
  std::uint32_t max_grants_per_user = 8;
  bool evict_oldest = true;     ///< at that number: the oldest ends; else no more are opened
  bool renew_silently = false;  ///< a session opens a new address of its device without a factor
  Bind bind = Bind::address;
  std::uint32_t tries = 5;        ///< wrong codes in one visit
  std::uint32_t lock_after = 10;  ///< wrong answers for a user from one address prefix
  std::uint32_t lock_ms = 900'000;
  /// Wrong answers for a user in an hour from anywhere, after which only addresses and devices
  /// that he has come from before may try.
  std::uint32_t guard_after = 50;
  std::vector<std::string> denied_users;
  std::vector<Prefix> denied_addresses;
  std::array<LimitRates, kLimited> limits = {};
  std::uint8_t ipv6_prefix = 64;
  bool otp_registration = true;  ///< users may register an app by message
  bool passkey_registration = true;
  std::string relying_party;  ///< of passkeys: a domain; empty: the asked host's name
  std::string gate_url;       ///< scheme, host and gate_path: what links in messages begin with
  std::string pair_v4_url;    ///< the same by a name that has an IPv4 address only; empty: none
  std::string pair_v6_url;
  bool number_matching = true;  ///< push and link show two digits on both sides
};

}  // namespace sallyport::verify
