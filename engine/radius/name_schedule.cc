#include "engine/radius/name_schedule.h"

#include <algorithm>

namespace sallyport::radius_door {

void NameSchedule::watch(const std::vector<HostName>& names, std::uint64_t now_ms) {
  std::map<HostName, std::uint64_t> next;
  for (const HostName& name : names) {
    const auto known = due_ms_.find(name);
    next.emplace(name, known == due_ms_.end() ? now_ms : known->second);
  }
  due_ms_ = std::move(next);
}

std::optional<std::uint64_t> NameSchedule::next_ms() const {
  std::optional<std::uint64_t> first;
  for (const auto& [name, due_ms] : due_ms_)
    if (!first || due_ms < *first) first = due_ms;
  return first;
}

std::vector<HostName> NameSchedule::due(std::uint64_t now_ms) const {
  std::vector<HostName> names;
  for (const auto& [name, due_ms] : due_ms_)
    if (due_ms <= now_ms) names.push_back(name);
  return names;
}

void NameSchedule::asked(const HostName& name, std::optional<std::uint32_t> ttl_s,
                         std::uint64_t now_ms) {
  const auto known = due_ms_.find(name);
  if (known == due_ms_.end()) return;
  const std::uint64_t seconds = std::clamp(ttl_s.value_or(kWithoutTtlS), kLeastS, kMostS);
  known->second = now_ms + seconds * 1'000;
}

}  // namespace sallyport::radius_door
