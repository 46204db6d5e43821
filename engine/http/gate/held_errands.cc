#include "engine/http/gate/held_errands.h"

#include <algorithm>

#include "protocol/check.h"

namespace sallyport::http_door {

HeldErrands::Put HeldErrands::put(Errand errand, std::string_view visit, std::uint64_t until_ms) {
  CHECK(errand != nullptr && !held_.contains(errand->ticket));
  Put done;
  const auto same = by_visit_.find(std::string(visit));
  if (same != by_visit_.end() && same->second.size() >= of_visit_) {
    done.oldest = remove(same->second.front());
  }
  if (held_.size() >= most_) {
    done.refused = std::move(errand);
    return done;
  }
  const GateTicket ticket = errand->ticket;
  by_visit_[std::string(visit)].push_back(ticket);
  by_time_.emplace(until_ms, ticket);
  held_.emplace(
      ticket, Held{.errand = std::move(errand), .visit = std::string(visit), .until_ms = until_ms});
  return done;
}

HeldErrands::Errand HeldErrands::remove(const GateTicket& ticket) {
  const auto found = held_.find(ticket);
  if (found == held_.end()) return nullptr;
  Held held = std::move(found->second);
  held_.erase(found);
  by_time_.erase({held.until_ms, ticket});
  const auto visit = by_visit_.find(held.visit);
  CHECK(visit != by_visit_.end() && std::erase(visit->second, ticket) == 1);
  if (visit->second.empty()) by_visit_.erase(visit);
  return std::move(held.errand);
}

std::vector<HeldErrands::Errand> HeldErrands::take(std::string_view visit) {
  std::vector<Errand> taken;
  const auto found = by_visit_.find(std::string(visit));
  if (found == by_visit_.end()) return taken;
  const std::vector<GateTicket> tickets = found->second;
  for (const GateTicket& ticket : tickets) taken.push_back(remove(ticket));
  return taken;
}

std::vector<HeldErrands::Errand> HeldErrands::take_due(std::uint64_t now_ms) {
  std::vector<Errand> taken;
  while (!by_time_.empty() && by_time_.begin()->first <= now_ms) {
    const GateTicket ticket = by_time_.begin()->second;
    taken.push_back(remove(ticket));
  }
  return taken;
}

std::vector<HeldErrands::Errand> HeldErrands::take_all() { return take_due(UINT64_MAX); }

HeldErrands::Errand HeldErrands::take(const GateTicket& ticket) { return remove(ticket); }

std::optional<std::uint64_t> HeldErrands::next_due_ms() const noexcept {
  if (by_time_.empty()) return std::nullopt;
  return by_time_.begin()->first;
}

}  // namespace sallyport::http_door
