#include "engine/radius/coa/coa_record.h"

namespace sallyport::radius_door {

const char* to_text(CoaOutcome outcome) noexcept {
  switch (outcome) {
    case CoaOutcome::answered: return "answered";
    case CoaOutcome::no_nas: return "no_nas";
    case CoaOutcome::no_session: return "no_session";
    case CoaOutcome::unknown_nas: return "unknown_nas";
    case CoaOutcome::mismatch: return "mismatch";
    case CoaOutcome::uncarriable: return "uncarriable";
    case CoaOutcome::too_long: return "too_long";
    case CoaOutcome::busy: return "busy";
    case CoaOutcome::unreachable: return "unreachable";
  }
  return "invalid";
}

}  // namespace sallyport::radius_door
