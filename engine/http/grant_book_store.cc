// The grant book's side towards the store: what it writes there, and its two threads.

#include <algorithm>
#include <chrono>

#include <spdlog/spdlog.h>

#include "engine/http/grant_book.h"
#include "engine/http/grant_record.h"
#include "verify/thread.h"

namespace sallyport::http_door {
namespace {

using std::chrono::milliseconds;

/// An end cuts its streams off within a second, and shards that want grants extended have minutes.
constexpr milliseconds kPeriod{250};
constexpr milliseconds kRetry{1000};  ///< of a list
/// Changes of other nodes that wait. More, and the grants are listed instead.
constexpr std::size_t kMaxInbox = 65'536;
constexpr std::size_t kMaxSliding = 65'536;

}  // namespace

void GrantBook::start() {
  if (world_.store != nullptr) {
    list_wanted_ = !list_store();
    if (!list_wanted_) spdlog::info("grants: {} are open", size());
  }
  following_ = working_ = true;
  follower_ = std::thread([this] {
    verify::begin_thread("http-grants");
    follow();
  });
  worker_ = std::thread([this] {
    verify::begin_thread("http-grants-db");
    work();
  });
}

void GrantBook::stop() {
  if (!follower_.joinable()) return;
  {
    const std::scoped_lock lock(inbox_mutex_, work_mutex_);
    following_ = working_ = false;
  }
  inbox_filled_.notify_all();
  work_wanted_.notify_all();
  follower_.join();
  worker_.join();
}

void GrantBook::changed(const verify::RecordChange& change) {
  if (change.key.kind != verify::RecordKind::grant) return;
  {
    const std::scoped_lock lock(inbox_mutex_);
    if (inbox_.size() < kMaxInbox) {
      inbox_.push_back(change);
      inbox_filled_.notify_one();
      return;
    }
  }
  resync();
}

void GrantBook::resync() {
  {
    const std::scoped_lock lock(inbox_mutex_);
    inbox_.clear();
    ++resyncs_;
  }
  {
    const std::scoped_lock lock(work_mutex_);
    list_wanted_ = true;
  }
  work_wanted_.notify_one();
}

// --- What is written -------------------------------------------------------------------------

GrantBook::Written GrantBook::write_new(Grant& grant, std::string_view who) {
  do {
    const auto number = world_.store->next_number("grant");
    if (!number) return Written::failed;
    const std::scoped_lock lock(mutex_);
    // A store that has lost its data counts anew: on to a number that has not been a grant's here.
    if (known_.contains(*number) || ended_.contains(*number)) continue;
    grant.id = *number;
    ours_[grant.id] = who;
  } while (grant.id == 0);
  const auto version = world_.store->put(grant_key(grant.id), grant_value(grant), grant.until_ms);
  const std::scoped_lock lock(mutex_);
  ours_.erase(grant.id);
  // Ended meanwhile: somebody wants none of his.
  if (!version || ended_.contains(grant.id)) return Written::failed;
  if (!known_.contains(grant.id)) {
    put(grant, *version, true, who);
    publish();
  }
  return Written::done;
}

GrantBook::Written GrantBook::rewrite(const Grant& grant, const Known& before,
                                      std::string_view who) {
  if (before.version == 0) return refresh(grant.id);
  {
    const std::scoped_lock lock(mutex_);
    ours_[grant.id] = who;
  }
  const verify::RecordKey key = grant_key(grant.id);
  const auto replaced =
      world_.store->replace(key, before.version, grant_value(grant), grant.until_ms);
  // Which version has come of it, and perhaps another's after it.
  const auto record = replaced && *replaced ? world_.store->get(key)
                                            : std::unexpected(verify::StoreError::unavailable);
  std::unique_lock lock(mutex_);
  auto written = replaced ? Written::done : Written::failed;
  // If the watcher has told of this change already, or of one after it, that stands.
  if (replaced && *replaced && stamp_of(grant.id) == before.stamp) {
    if (record) {
      take(grant.id, *record, Source::asked);
    } else {
      put(grant, 0, false, who);
    }
    publish();
  }
  if (ended_.contains(grant.id)) written = Written::beaten;
  ours_.erase(grant.id);
  lock.unlock();
  return replaced && !*replaced ? refresh(grant.id) : written;
}

GrantBook::Written GrantBook::remove(std::uint64_t id, std::string_view who) {
  if (world_.store == nullptr) return Written::beaten;
  {
    const std::scoped_lock lock(mutex_);
    ours_[id] = who;
  }
  const auto removed = world_.store->remove(grant_key(id));
  const std::scoped_lock lock(mutex_);
  ours_.erase(id);
  if (!removed) return Written::failed;
  return *removed ? Written::done : Written::beaten;
}

GrantBook::Written GrantBook::refresh(std::uint64_t id) {
  std::unique_lock lock(mutex_);
  const std::uint64_t before = stamp_of(id);
  lock.unlock();
  const auto record = world_.store->get(grant_key(id));
  if (!record) return Written::failed;
  lock.lock();
  if (stamp_of(id) == before) take(id, *record, Source::asked);
  publish();
  lock.unlock();
  recheck_if_due();
  return Written::beaten;
}

bool GrantBook::list_store() {
  std::unique_lock lock(mutex_);
  const std::uint64_t began = stamp_;
  lock.unlock();
  const auto listed = world_.store->list(verify::RecordKind::grant, "");
  if (!listed) {
    if (!std::exchange(away_, true)) {
      spdlog::error("grants: {}; those that are known here go on, others wait",
                    verify::to_text(listed.error()));
    }
    return false;
  }
  if (std::exchange(away_, false)) spdlog::info("grants: the store is back");
  lock.lock();
  reconcile(*listed, began);
  publish();
  lock.unlock();
  recheck_if_due();
  return true;
}

GrantBook::Written GrantBook::slide(std::uint64_t id) {
  std::unique_lock lock(mutex_);
  const GrantPointer known = grants_.find(id);
  if (known == nullptr) return Written::done;
  Grant longer = *known;
  longer.until_ms = std::min(world_.now_ms() + known->slides_ms, known->latest_ms);
  if (longer.until_ms <= known->until_ms) return Written::done;
  if (world_.store == nullptr) {
    put(longer, 0, false, "use");
    publish();
    return Written::done;
  }
  const Known before = known_.at(id);
  lock.unlock();
  return rewrite(longer, before, "use");
}

void GrantBook::slide_all() {
  std::uint64_t id = 0;
  while (sliding_.size() < kMaxSliding && slides_.try_pop(id)) sliding_.insert(id);
  while (!sliding_.empty()) {
    auto written = Written::beaten;
    for (int attempt = 0; attempt < kAttempts && written == Written::beaten; ++attempt) {
      written = slide(*sliding_.begin());
    }
    if (written == Written::failed) return;  // again later: shards tell once
    sliding_.erase(sliding_.begin());
  }
}

// --- The threads -----------------------------------------------------------------------------

void GrantBook::follow() {
  std::unique_lock inbox(inbox_mutex_);
  while (following_) {
    const auto changes = std::exchange(inbox_, {});
    const std::uint64_t resyncs = resyncs_;
    inbox.unlock();
    milliseconds rest = kPeriod;
    {
      const std::scoped_lock lock(mutex_);
      for (const verify::RecordChange& change : changes) {
        if (resyncs != resyncs_) break;
        take(grant_id_of(change.key.id), change.record, Source::watcher);
      }
      publish();
      expire();
      if (const auto end_ms = grants_.next_end_ms()) {
        const std::uint64_t now_ms = world_.now_ms();
        const std::uint64_t left_ms = *end_ms > now_ms ? *end_ms - now_ms : 0;
        rest = std::min(rest, milliseconds(left_ms));
      }
    }
    recheck_if_due();
    inbox.lock();
    inbox_filled_.wait_for(inbox, rest, [this] { return !following_ || !inbox_.empty(); });
  }
}

void GrantBook::work() {
  std::unique_lock lock(work_mutex_);
  while (working_) {
    const bool list = std::exchange(list_wanted_, false);
    lock.unlock();
    const bool well = !list || list_store();
    slide_all();
    lock.lock();
    list_wanted_ |= !well;
    work_wanted_.wait_for(lock, well ? kPeriod : kRetry,
                          [&] { return !working_ || (well && list_wanted_); });
  }
}

}  // namespace sallyport::http_door
