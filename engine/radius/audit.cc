#include "engine/radius/audit.h"

namespace sallyport::radius_door {

const char* to_text(DownstreamSaid said) noexcept {
  switch (said) {
    case DownstreamSaid::accept: return "accept";
    case DownstreamSaid::reject: return "reject";
    case DownstreamSaid::challenge: return "challenge";
    case DownstreamSaid::accounting_response: return "accounting_response";
    case DownstreamSaid::nothing: return "nothing";
    case DownstreamSaid::other: return "other";
  }
  return "invalid";
}

const char* to_text(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::passed_through: return "passed_through";
    case Outcome::approved: return "approved";
    case Outcome::remembered: return "remembered";
    case Outcome::denied: return "denied";
    case Outcome::expired: return "expired";
    case Outcome::unknown_user: return "unknown_user";
    case Outcome::limited: return "limited";
    case Outcome::unavailable_denied: return "unavailable_denied";
    case Outcome::unavailable_allowed: return "unavailable_allowed";
    case Outcome::unavailable_silent: return "unavailable_silent";
    case Outcome::downstream_timeout: return "downstream_timeout";
    case Outcome::exempted: return "exempted";
    case Outcome::policy_denied: return "policy_denied";
    case Outcome::abandoned: return "abandoned";
    case Outcome::unserved: return "unserved";
    case Outcome::spooled: return "spooled";
    case Outcome::not_spooled: return "not_spooled";
    case Outcome::challenged: return "challenged";
    case Outcome::wrong_code: return "wrong_code";
  }
  return "invalid";
}

}  // namespace sallyport::radius_door
