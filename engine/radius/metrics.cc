#include "engine/radius/metrics.h"

namespace sallyport::radius_door {

const char* to_text(Drop reason) noexcept {
  switch (reason) {
    case Drop::unknown_client: return "unknown_client";
    case Drop::unsupported_code: return "unsupported_code";
    case Drop::bad_message_authenticator: return "bad_message_authenticator";
    case Drop::bad_authenticator: return "bad_authenticator";
    case Drop::message_authenticator_required: return "message_authenticator_required";
    case Drop::proxy_state_without_message_authenticator:
      return "proxy_state_without_message_authenticator";
    case Drop::loop: return "loop";
    case Drop::duplicate_pending: return "duplicate_pending";
    case Drop::no_free_exchange: return "no_free_exchange";
    case Drop::no_free_identifier: return "no_free_identifier";
    case Drop::unserved: return "unserved";
    case Drop::untranslatable: return "untranslatable";
    case Drop::spool_busy: return "spool_busy";
    case Drop::not_stored: return "not_stored";
    case Drop::draining: return "draining";
    case Drop::reply_unmatched: return "reply_unmatched";
    case Drop::reply_bad_authenticator: return "reply_bad_authenticator";
    case Drop::reply_bad_message_authenticator: return "reply_bad_message_authenticator";
    case Drop::reply_message_authenticator_required: return "reply_message_authenticator_required";
    case Drop::reply_wrong_code: return "reply_wrong_code";
    case Drop::reply_untranslatable: return "reply_untranslatable";
  }
  return "invalid";
}

std::optional<Refusal> refusal_of(Drop reason) noexcept {
  if (reason == Drop::unknown_client) return Refusal::unknown_address;
  if (reason == Drop::bad_message_authenticator || reason == Drop::bad_authenticator)
    return Refusal::wrong_secret;
  if (reason == Drop::message_authenticator_required ||
      reason == Drop::proxy_state_without_message_authenticator)
    return Refusal::not_signed;
  return std::nullopt;
}

const char* to_text(RadsecEnd reason) noexcept {
  switch (reason) {
    case RadsecEnd::peer: return "peer";
    case RadsecEnd::broken: return "broken";
    case RadsecEnd::proxy_header: return "proxy_header";
    case RadsecEnd::handshake: return "handshake";
    case RadsecEnd::certificate: return "certificate";
    case RadsecEnd::handshake_timeout: return "handshake_timeout";
    case RadsecEnd::handshakes: return "handshakes";
    case RadsecEnd::unknown_client: return "unknown_client";
    case RadsecEnd::malformed: return "malformed";
    case RadsecEnd::bad_authenticator: return "bad_authenticator";
    case RadsecEnd::idle: return "idle";
    case RadsecEnd::stalled: return "stalled";
    case RadsecEnd::draining: return "draining";
  }
  return "invalid";
}

}  // namespace sallyport::radius_door
