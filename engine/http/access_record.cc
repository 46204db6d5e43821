#include "engine/http/access_record.h"

namespace sallyport::http_door {

const char* to_text(AccessEnd end) noexcept {
  switch (end) {
    case AccessEnd::answered: return "answered";
    case AccessEnd::visitor_left: return "visitor_left";
    case AccessEnd::cut_off: return "cut_off";
    case AccessEnd::access_ended: return "access_ended";
  }
  return "";
}

}  // namespace sallyport::http_door
