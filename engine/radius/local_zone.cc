#include "engine/radius/local_zone.h"

#include <ctime>

namespace sallyport::radius_door {
namespace {

constexpr std::int64_t kDayS = 86'400;

std::int32_t offset_at(std::int64_t unix_s) {
  const auto at = static_cast<std::time_t>(unix_s);
  std::tm local{};
  return ::localtime_r(&at, &local) == nullptr ? 0 : static_cast<std::int32_t>(local.tm_gmtoff);
}

/// The first moment with the offset of `until_s`, which is not that of `from_s`. No zone changes
/// twice within a day.
std::int64_t change_between(std::int64_t from_s, std::int64_t until_s) {
  const std::int32_t before = offset_at(from_s);
  while (until_s - from_s > 1) {
    const std::int64_t middle_s = from_s + (until_s - from_s) / 2;
    (offset_at(middle_s) == before ? from_s : until_s) = middle_s;
  }
  return until_s;
}

}  // namespace

LocalZone LocalZone::of_this_machine(std::int64_t now_s) {
  ::tzset();
  std::vector<Change> changes = {{.from_s = now_s, .offset_s = offset_at(now_s)}};
  for (std::int64_t day = 0; day < kDaysAhead; ++day) {
    const std::int64_t from_s = now_s + day * kDayS;
    const std::int32_t offset_s = offset_at(from_s + kDayS);
    if (offset_s == changes.back().offset_s) continue;
    changes.push_back({.from_s = change_between(from_s, from_s + kDayS), .offset_s = offset_s});
  }
  return LocalZone(std::move(changes));
}

std::uint16_t LocalZone::minute_of_week(std::int64_t unix_s) const noexcept {
  std::int64_t local_s = unix_s + (changes_.empty() ? 0 : changes_.front().offset_s);
  for (const Change& change : changes_) {
    if (change.from_s > unix_s) break;
    local_s = unix_s + change.offset_s;
  }
  // 1970-01-01 was a Thursday: three days into its week.
  constexpr std::int64_t kThursday = std::int64_t{3} * 24 * 60;
  const std::int64_t minutes = (local_s >= 0 ? local_s : local_s - 59) / 60 + kThursday;
  const std::int64_t within = minutes % kMinutesOfWeek;
  return static_cast<std::uint16_t>(within >= 0 ? within : within + kMinutesOfWeek);
}

}  // namespace sallyport::radius_door
