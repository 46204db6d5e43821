#include "verify/notakey/poll_pace.h"

#include <algorithm>

namespace sallyport::verify::notakey {

std::uint32_t poll_interval_ms(const PollPaceSettings& settings, std::uint32_t pending) noexcept {
  const std::uint64_t bounded_ms = std::uint64_t{pending} * 1'000 / settings.max_polls_per_s;
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(
      bounded_ms, settings.interval_ms, std::max(settings.interval_ms, settings.max_interval_ms)));
}

namespace {

/// Even between nine and eleven tenths.
std::uint32_t jittered(std::uint32_t interval_ms, std::uint32_t random) noexcept {
  const std::uint32_t spread_ms = interval_ms / 5;
  return interval_ms - spread_ms / 2 + random % (spread_ms + 1);
}

}  // namespace

std::uint32_t first_poll_ms(const PollPaceSettings& settings, std::uint32_t pending,
                            std::uint32_t random) noexcept {
  const std::uint32_t interval_ms = poll_interval_ms(settings, pending);
  const bool few = interval_ms <= settings.interval_ms;
  return jittered(few ? std::min(settings.first_ms, interval_ms) : interval_ms, random);
}

std::uint32_t next_poll_ms(const PollPaceSettings& settings, std::uint32_t pending,
                           std::uint32_t last_took_ms, std::uint32_t random) noexcept {
  const std::uint32_t interval_ms = poll_interval_ms(settings, pending);
  if (last_took_ms >= interval_ms) return 0;
  const std::uint32_t jittered_ms = jittered(interval_ms, random);
  return jittered_ms - std::min(jittered_ms, last_took_ms);
}

}  // namespace sallyport::verify::notakey
