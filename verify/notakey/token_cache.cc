#include "verify/notakey/token_cache.h"

#include <algorithm>
#include <utility>

#include "protocol/check.h"

namespace sallyport::verify::notakey {

TokenCache::Need TokenCache::want(std::uint32_t waiter, std::uint64_t now_ms) {
  if (!token_.empty() && now_ms < usable_until_ms_) return Need::ready;
  if (!fetching_ && now_ms < not_before_ms_) return Need::refused;
  waiters_.push_back(waiter);
  return std::exchange(fetching_, true) ? Need::waiting : Need::fetch;
}

void TokenCache::fetched(std::string_view token, std::optional<std::uint64_t> expires_in_s,
                         std::uint64_t now_ms) {
  CHECK(fetching_ && !token.empty());
  const std::uint64_t life_ms = std::min(expires_in_s.value_or(kUntoldLifeS), kMaxLifeS) * 1'000;
  token_ = Secret(token);
  usable_until_ms_ = now_ms + life_ms - std::min(kMarginMs, life_ms / 10);
  ++generation_;
  fetching_ = false;
  last_fault_ = {};
}

void TokenCache::failed(Fault fault, std::uint64_t not_before_ms) {
  CHECK(fetching_);
  fetching_ = false;
  last_fault_ = fault;
  last_fault_.of_token = true;
  not_before_ms_ = not_before_ms;
}

void TokenCache::drop(std::uint32_t generation) noexcept {
  if (generation == generation_) token_ = Secret();
}

std::vector<std::uint32_t> TokenCache::take_waiters() noexcept {
  return std::exchange(waiters_, {});
}

}  // namespace sallyport::verify::notakey
