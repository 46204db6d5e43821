#include "verify/approval_memory.h"

namespace sallyport::verify {

void ApprovalMemory::approved(const Asker& asker, bool good, std::string_view groups,
                              std::uint64_t now_ms) {
  if (!good) groups = {};
  if (const auto known = pairs_.find(asker.pair); known != pairs_.end()) {
    Entry& entry = known->second;
    entry.approved_ms = now_ms;
    entry.good = good;
    entry.groups = groups;
    by_age_.splice(by_age_.end(), by_age_, entry.age);
    return;
  }
  if (pairs_.size() == max_pairs_) forget(AskerKey(by_age_.front()));
  const auto age = by_age_.insert(by_age_.end(), asker.pair);
  pairs_.emplace(asker.pair, Entry{.user = asker.user,
                                   .approved_ms = now_ms,
                                   .good = good,
                                   .groups = std::string(groups),
                                   .age = age});
  by_user_.emplace(asker.user, asker.pair);
}

void ApprovalMemory::denied(const Asker& asker) {
  const auto [first, last] = by_user_.equal_range(asker.user);
  for (auto of_user = first; of_user != last; ++of_user) pairs_.at(of_user->second).good = false;
  if (knows(asker)) forget(asker.pair);
}

bool ApprovalMemory::is_good(const Asker& asker, std::uint64_t now_ms,
                             std::uint32_t within_ms) const {
  const auto known = pairs_.find(asker.pair);
  if (known == pairs_.end() || !known->second.good) return false;
  return now_ms - known->second.approved_ms < within_ms;
}

std::string_view ApprovalMemory::groups_of(const Asker& asker) const {
  const auto known = pairs_.find(asker.pair);
  return known == pairs_.end() ? std::string_view() : std::string_view(known->second.groups);
}

/// `pair`: no reference into what is forgotten.
void ApprovalMemory::forget(const AskerKey& pair) {
  const auto known = pairs_.find(pair);
  const auto [first, last] = by_user_.equal_range(known->second.user);
  for (auto of_user = first; of_user != last; ++of_user) {
    if (of_user->second != pair) continue;
    by_user_.erase(of_user);
    break;
  }
  by_age_.erase(known->second.age);
  pairs_.erase(known);
}

}  // namespace sallyport::verify
