#include "verify/push_limits.h"

namespace sallyport::verify {
namespace {

bool has_room(SlidingWindow& window, const Rate& rate, std::uint64_t now_ms) {
  return rate.count == 0 || window.has_room(rate, now_ms);
}

void count(SlidingWindow& window, const Rate& rate, std::uint64_t now_ms) {
  if (rate.count > 0) window.count(rate, now_ms);
}

}  // namespace

const char* to_text(PushLimitedBy by) noexcept {
  switch (by) {
    case PushLimitedBy::none: return "";
    case PushLimitedBy::user: return "user asked too often";
    case PushLimitedBy::pair: return "user asked too often from this place";
    case PushLimitedBy::place: return "too many questions from this place";
    case PushLimitedBy::cool_down: return "user has just denied a login";
  }
  return "";
}

PushLimits::Windows& PushLimits::Table::operator[](const AskerKey& key) {
  if (const auto found = entries_.find(key); found != entries_.end()) {
    by_use_.splice(by_use_.end(), by_use_, found->second.use);
    return found->second;
  }
  if (entries_.size() == max_entries_) {
    entries_.erase(by_use_.front());
    by_use_.pop_front();
  }
  Windows& made = entries_[key];
  made.use = by_use_.insert(by_use_.end(), key);
  return made;
}

const PushLimits::Windows* PushLimits::Table::find(const AskerKey& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

PushLimitedBy PushLimits::take(const Asker& asker, bool known, std::uint64_t now_ms) {
  Windows* pair = nullptr;
  Windows* place = nullptr;
  if (!known) {
    if (settings_.pair.count > 0) pair = &pairs_[asker.pair];
    const Windows* const denied = pair != nullptr ? pair : pairs_.find(asker.pair);
    if (denied != nullptr && denied->cool_until_ms > now_ms) return PushLimitedBy::cool_down;
    if (pair != nullptr && !pair->first.has_room(settings_.pair, now_ms))
      return PushLimitedBy::pair;
    if (settings_.place.count > 0 && asker.has_station) place = &places_[asker.place];
    if (place != nullptr && !place->first.has_room(settings_.place, now_ms))
      return PushLimitedBy::place;
  }
  if (settings_.user.count > 0 || settings_.user_long.count > 0) {
    Windows& user = known ? known_[asker.pair] : users_[asker.user];
    if (!has_room(user.first, settings_.user, now_ms) ||
        !has_room(user.second, settings_.user_long, now_ms))
      return PushLimitedBy::user;
    count(user.first, settings_.user, now_ms);
    count(user.second, settings_.user_long, now_ms);
  }
  if (pair != nullptr) pair->first.count(settings_.pair, now_ms);
  if (place != nullptr) place->first.count(settings_.place, now_ms);
  return PushLimitedBy::none;
}

void PushLimits::denied(const Asker& asker, std::uint64_t now_ms) {
  // Had he approved from there before, that is over (ApprovalMemory::denied).
  pairs_[asker.pair].cool_until_ms = now_ms + settings_.cool_down_ms;
}

}  // namespace sallyport::verify
