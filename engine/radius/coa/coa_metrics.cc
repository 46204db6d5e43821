#include "engine/radius/coa/coa_metrics.h"

namespace sallyport::radius_door {

const char* to_text(CoaDrop reason) noexcept {
  switch (reason) {
    case CoaDrop::unknown_asker: return "unknown_asker";
    case CoaDrop::unsupported_code: return "unsupported_code";
    case CoaDrop::bad_message_authenticator: return "bad_message_authenticator";
    case CoaDrop::bad_authenticator: return "bad_authenticator";
    case CoaDrop::message_authenticator_required: return "message_authenticator_required";
    case CoaDrop::event_timestamp: return "event_timestamp";
    case CoaDrop::event_timestamp_required: return "event_timestamp_required";
    case CoaDrop::duplicate_pending: return "duplicate_pending";
    case CoaDrop::remembered_elsewhere: return "remembered_elsewhere";
    case CoaDrop::loop: return "loop";
    case CoaDrop::draining: return "draining";
    case CoaDrop::unanswerable: return "unanswerable";
    case CoaDrop::reply_unmatched: return "reply_unmatched";
    case CoaDrop::reply_wrong_code: return "reply_wrong_code";
    case CoaDrop::reply_bad_message_authenticator: return "reply_bad_message_authenticator";
    case CoaDrop::reply_bad_authenticator: return "reply_bad_authenticator";
  }
  return "invalid";
}

}  // namespace sallyport::radius_door
