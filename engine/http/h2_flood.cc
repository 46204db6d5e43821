#include "engine/http/h2_flood.h"

#include <algorithm>

namespace sallyport::http_door {

bool TokenBucket::take(std::uint64_t now_ms) noexcept {
  if (now_ms > refilled_ms_) {
    const std::uint64_t back = (now_ms - refilled_ms_) * per_second_ / 1000;
    if (back != 0) {
      tokens_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(burst_, tokens_ + back));
      refilled_ms_ = now_ms;
    }
  }
  if (tokens_ == 0) return false;
  --tokens_;
  return true;
}

void TokenBucket::give(std::uint32_t tokens) noexcept {
  tokens_ = std::min(burst_, tokens_ + tokens);
}

}  // namespace sallyport::http_door
