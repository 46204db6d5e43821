#include "engine/http/grant_book.h"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "engine/http/grant_record.h"
#include "protocol/check.h"

namespace sallyport::http_door {
namespace {

using verify::GrantFailure;

constexpr std::size_t kSlideQueue = 4096;
/// Longer than a late word can take: as many revocations as a store does in seconds.
constexpr std::size_t kMaxEnded = 65'536;
/// Ended together: one snapshot and one look of the shards for so many.
constexpr std::size_t kEndedTogether = 256;

}  // namespace

GrantBook::GrantBook(std::uint8_t ipv6_prefix, std::uint64_t seed, GrantBookWorld world)
    : world_(std::move(world)), slides_(kSlideQueue), grants_(ipv6_prefix, seed) {}

GrantBook::~GrantBook() { CHECK(!follower_.joinable() && !worker_.joinable()); }

std::size_t GrantBook::size() const {
  const std::scoped_lock lock(mutex_);
  return grants_.size();
}

void GrantBook::regroup(std::uint8_t ipv6_prefix) {
  const std::scoped_lock lock(mutex_);
  grants_.regroup(ipv6_prefix);
}

// --- What is done on demand ------------------------------------------------------------------

std::expected<Grant, GrantFailure> GrantBook::open(const Grant& grant) {
  return open_by(grant, "visitor");
}

std::expected<Grant, GrantFailure> GrantBook::open_by(const Grant& wanted, std::string_view who) {
  if (mistake_in(wanted)) return std::unexpected(GrantFailure::bad);
  if (!world_.audit->has_room()) return std::unexpected(GrantFailure::unavailable);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::unique_lock lock(mutex_);
    Grant grant = grants_.merged(wanted);
    const bool fresh = grant.id == 0;
    if (fresh && grants_.size() >= kMaxGrants) return std::unexpected(GrantFailure::full);
    if (world_.store == nullptr) {
      if (fresh) grant.id = ++last_id_;
      put(grant, 0, false, who);
      publish();
      return grant;
    }
    const Known before = fresh ? Known() : known_.at(grant.id);
    lock.unlock();
    switch (fresh ? write_new(grant, who) : rewrite(grant, before, who)) {
      case Written::done: return grant;
      case Written::failed: return std::unexpected(GrantFailure::unavailable);
      case Written::beaten: break;
    }
  }
  return std::unexpected(GrantFailure::unavailable);
}

std::expected<void, GrantFailure> GrantBook::end(std::uint64_t id, std::string_view why) {
  const Written removed = remove(id, why);
  if (removed == Written::failed) return std::unexpected(GrantFailure::unavailable);
  std::unique_lock lock(mutex_);
  if (removed == Written::beaten && grants_.find(id) == nullptr) {
    return std::unexpected(GrantFailure::unknown);
  }
  drop(id, "grant_ended", why);
  publish();
  lock.unlock();
  recheck_if_due();
  return {};
}

std::expected<std::uint32_t, GrantFailure> GrantBook::end_these(
    const std::vector<GrantPointer>& grants, std::string_view who) {
  std::uint32_t ended = 0;
  bool well = true;
  for (std::size_t at = 0; well && at < grants.size(); at += kEndedTogether) {
    std::vector<std::uint64_t> gone;
    for (std::size_t i = at; i < std::min(at + kEndedTogether, grants.size()) && well; ++i) {
      well = remove(grants[i]->id, who) != Written::failed;
      if (well) gone.push_back(grants[i]->id);
    }
    {
      const std::scoped_lock lock(mutex_);
      for (const std::uint64_t id : gone) drop(id, "grant_ended", who);
      publish();
    }
    recheck_if_due();
    ended += static_cast<std::uint32_t>(gone.size());
  }
  if (!well) return std::unexpected(GrantFailure::unavailable);
  return ended;
}

std::expected<std::uint32_t, GrantFailure> GrantBook::end_session(std::string_view session,
                                                                  std::string_view why) {
  std::unique_lock lock(mutex_);
  const auto grants = grants_.list_session(session);
  lock.unlock();
  return end_these(grants, why);
}

std::vector<Grant> GrantBook::of_user(std::string_view user) const {
  std::vector<Grant> grants;
  for (const GrantPointer& grant : list_user(user)) grants.push_back(*grant);
  return grants;
}

GrantPointer GrantBook::find(std::uint64_t id) const {
  const std::scoped_lock lock(mutex_);
  return grants_.find(id);
}

std::vector<GrantPointer> GrantBook::list() const {
  const std::scoped_lock lock(mutex_);
  return grants_.list();
}

std::vector<GrantPointer> GrantBook::list_user(std::string_view user) const {
  const std::scoped_lock lock(mutex_);
  return grants_.list_user(user);
}

std::vector<GrantPointer> GrantBook::list_address(const IpAddress& address) const {
  const std::scoped_lock lock(mutex_);
  return grants_.list_address(address);
}

// --- With mutex_ held ------------------------------------------------------------------------

void GrantBook::put(const Grant& grant, std::uint64_t version, bool awaited, std::string_view who) {
  touch(grant.id);
  const GrantPointer old = grants_.find(grant.id);
  recheck_due_ |= old != nullptr && grant.until_ms < old->until_ms;
  known_[grant.id] = {.version = version, .stamp = ++stamp_, .awaited = awaited};
  put_.push_back(grant);
  tell(old == nullptr ? "grant_opened" : "grant_extended", grant, who);
}

void GrantBook::drop(std::uint64_t id, std::string_view event, std::string_view who) {
  touch(id);
  end_for_good(id);
  known_.erase(id);
  const GrantPointer grant = grants_.find(id);
  if (grant == nullptr) return;
  gone_.push_back(id);
  recheck_due_ = true;
  tell(event, *grant, who);
}

/// The store's word about a grant, which may be our own of a moment ago.
void GrantBook::take(std::uint64_t id, const std::optional<verify::Record>& record, Source source) {
  if (id == 0 || ended_.contains(id)) return;
  if (touched_.contains(id)) publish();
  const auto ours = ours_.find(id);
  const std::string who = ours == ours_.end() ? "another node" : ours->second;
  const GrantPointer known = grants_.find(id);
  const std::uint64_t now_ms = world_.now_ms();
  if (!record) {
    const bool over = known != nullptr && known->until_ms <= now_ms;
    drop(id, over ? "grant_expired" : "grant_ended", over ? "time" : who);
    return;
  }
  Known held = known == nullptr ? Known() : known_.at(id);
  if (held.awaited && source == Source::watcher && held.version != record->version) return;
  if (known != nullptr && held.version == record->version) {
    known_[id].awaited = held.awaited && source == Source::asked;
    return;
  }
  const bool awaited = source == Source::asked;
  const auto grant = read_grant(id, *record);
  if (!grant) return spdlog::error("grants: what the store has of grant {} cannot be read", id);
  if (grant->until_ms <= now_ms) return;
  if (known != nullptr && *known == *grant) {
    known_[id] = {.version = record->version, .stamp = ++stamp_, .awaited = awaited};
  } else if (known != nullptr || grants_.size() < kMaxGrants) {
    put(*grant, record->version, awaited, who);
  } else {
    spdlog::error("grants: there is no room for grant {} of another node", id);
  }
}

void GrantBook::reconcile(const std::vector<verify::ListedRecord>& listed, std::uint64_t began) {
  quiet_ = !std::exchange(listed_, true);
  std::unordered_set<std::uint64_t> there;
  for (const verify::ListedRecord& each : listed) {
    const std::uint64_t id = grant_id_of(each.id);
    there.insert(id);
    const auto known = known_.find(id);
    // What was applied while the list was on its way is newer than the list.
    if (known == known_.end() || known->second.stamp <= began)
      take(id, each.record, Source::listed);
  }
  std::vector<std::uint64_t> gone;
  for (const auto& [id, known] : known_) {
    if (known.stamp <= began && !there.contains(id)) gone.push_back(id);
  }
  for (const std::uint64_t id : gone) take(id, std::nullopt, Source::listed);
  quiet_ = false;
}

std::uint64_t GrantBook::stamp_of(std::uint64_t id) const {
  const auto known = known_.find(id);
  return known == known_.end() ? 0 : known->second.stamp;
}

void GrantBook::expire() {
  for (const GrantPointer& grant : grants_.expire(world_.now_ms())) {
    known_.erase(grant->id);
    recheck_due_ = true;
    tell("grant_expired", *grant, "time");
  }
}

void GrantBook::end_for_good(std::uint64_t id) {
  if (!ended_.insert(id).second) return;
  ended_order_.push_back(id);
  if (ended_order_.size() <= kMaxEnded) return;
  ended_.erase(ended_order_.front());
  ended_order_.pop_front();
}

void GrantBook::touch(std::uint64_t id) {
  if (touched_.contains(id)) publish();
  touched_.insert(id);
}

void GrantBook::publish() {
  grants_.apply(std::exchange(put_, {}), gone_);
  gone_.clear();
  touched_.clear();
}

void GrantBook::tell(std::string_view event, const Grant& grant, std::string_view who) const {
  if (quiet_) return;
  world_.audit->push({.at_unix_ms = world_.now_ms(),
                      .event = std::string(event),
                      .grant = grant.id,
                      .user = grant.user,
                      .address = grant.address,
                      .by = grant.by,
                      .until_ms = grant.until_ms,
                      .who = std::string(who),
                      .detail = grant.reason});
}

void GrantBook::recheck_if_due() {
  std::unique_lock lock(mutex_);
  const bool due = std::exchange(recheck_due_, false);
  lock.unlock();
  if (due) world_.recheck();
}

}  // namespace sallyport::http_door
