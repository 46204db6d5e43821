#pragma once
// The RADIUS door's policies as they are configured: whose login needs which second factor. The
// first one that matches a login decides (engine/radius/policy_table.h); without any, the user is
// asked.

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/ip_address.h"
#include "protocol/radius/attribute_name.h"
#include "verify/login_factor.h"

namespace sallyport::config {

enum class PolicyAction : std::uint8_t {
  push,    ///< the user is asked on the phone
  exempt,  ///< the downstream's Access-Accept is enough; named in the audit log
  deny,    ///< Access-Reject whatever the downstream said
  otp,     ///< a code of his authenticator app, asked by Access-Challenge
  ask,     ///< one of `factors`, which he chooses
  token,   ///< a code that is sent to him, asked by Access-Challenge
  link,    ///< a link that is sent to him
};

/// [second_factor] on_unavailable, for the logins of one policy.
enum class PolicyOnUnavailable : std::uint8_t { as_configured, deny, allow, silent };

/// What is added to an Access-Accept that the user has approved.
struct AcceptAttribute {
  radius::AttributeName name;
  std::string value;  ///< 1..253 octets (247 within a Vendor-Specific)
  bool operator==(const AcceptAttribute&) const = default;
};

/// A part of each of some days, in local time.
struct Hours {
  static constexpr std::uint16_t kMinutesOfDay = 24 * 60;

  std::uint8_t days = 0x7f;                    ///< bit 0: Monday … bit 6: Sunday
  std::uint16_t from_minute = 0;               ///< of the day
  std::uint16_t until_minute = kMinutesOfDay;  ///< not included. Not after `from_minute`: of the
                                               ///< day after
  bool operator==(const Hours&) const = default;
};

/// Each list that is not empty must have something that matches; conditions all count.
struct Policy {
  std::string name = {};
  std::vector<std::string> clients = {};  ///< names of [[client]]
  std::vector<Prefix> networks = {};      ///< source address of the request
  std::vector<std::string> users = {};    ///< user names; "svc-*": those that begin so
  std::vector<std::string> realms = {};   ///< "example.net" of alice@example.net, "CORP" of
                                          ///< CORP\alice
  std::vector<std::string> groups = {};   ///< SecondFactor::group_attribute
  std::vector<std::uint32_t> nas_port_types = {};  ///< RFC 2865 §5.41
  std::vector<Hours> hours = {};
  PolicyAction action = PolicyAction::push;
  std::vector<verify::LoginFactor> factors = {};  ///< with PolicyAction::ask, and only then
  PolicyOnUnavailable on_unavailable = PolicyOnUnavailable::as_configured;
  std::uint32_t remember_ms = 0;                        ///< 0: as [second_factor] has it
  std::vector<AcceptAttribute> accept_attributes = {};  ///< empty: those of [second_factor]
  /// Who approves must be in one of these groups by the service's word; empty: no matter.
  std::vector<std::string> required_groups = {};
  std::string language = {};  ///< of a SecondFactor::translations; empty: the client's
  /// Reply-Message of our Access-Rejects, a template; empty: those of [second_factor].
  std::string message = {};
};

/// What the user may be asked for; nothing where the policy asks nobody.
[[nodiscard]] inline verify::LoginFactors factors_of(const Policy& policy) noexcept {
  verify::LoginFactors factors;
  switch (policy.action) {
    case PolicyAction::exempt:
    case PolicyAction::deny: break;
    case PolicyAction::push: factors.add(verify::LoginFactor::push); break;
    case PolicyAction::otp: factors.add(verify::LoginFactor::otp); break;
    case PolicyAction::token: factors.add(verify::LoginFactor::token); break;
    case PolicyAction::link: factors.add(verify::LoginFactor::link); break;
    case PolicyAction::ask:
      for (const verify::LoginFactor factor : policy.factors) factors.add(factor);
      break;
  }
  return factors;
}

}  // namespace sallyport::config
