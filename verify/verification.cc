#include "verify/verification.h"

namespace sallyport::verify {

const char* to_text(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::approved: return "approved";
    case Verdict::denied: return "denied";
    case Verdict::expired: return "expired";
    case Verdict::unknown_user: return "unknown_user";
    case Verdict::limited: return "limited";
    case Verdict::unavailable: return "unavailable";
  }
  return "";
}

}  // namespace sallyport::verify
