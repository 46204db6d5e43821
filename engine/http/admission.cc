#include "engine/http/admission.h"

namespace sallyport::http_door {

const char* to_text(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::open: return "open";
    case Verdict::whitelisted: return "whitelisted";
    case Verdict::granted: return "granted";
    case Verdict::gate: return "gate";
    case Verdict::denied: return "denied";
  }
  return "";
}

}  // namespace sallyport::http_door
