#include "verify/gate/lockout.h"

#include <algorithm>

namespace sallyport::verify {
namespace {

constexpr std::string_view kAnywhere = "anywhere";

/// Adds one, unless there are `most`. True: it was added. A window begins with its first count
/// (`sliding`: with its last) and lasts `window_ms`.
Outcome<bool> count_one(Core& core, const RecordKey& key, std::uint32_t most,
                        std::uint64_t window_ms, bool sliding, std::uint64_t now_ms) {
  Store& store = core.world.store;
  for (int conflicts = 0; conflicts < kConflicts; ++conflicts) {
    const auto held = core.load<WrongCount>(key);
    if (!held) return std::unexpected(held.error());
    const bool is_new = !*held || (*held)->record.until_ms <= now_ms;
    WrongCount count = is_new ? WrongCount{} : (*held)->record;
    if (count.count >= most) return false;
    ++count.count;
    if (is_new || sliding) count.until_ms = now_ms + window_ms;
    const std::string value = write(count);
    const auto done =
        core.checked(*held ? store.replace(key, (*held)->version, value, count.until_ms)
                           : store.add(key, value, count.until_ms));
    if (!done) return std::unexpected(done.error());
    if (*done) return true;
  }
  return std::unexpected(GateError::busy);
}

void uncount_one(Core& core, const RecordKey& key) {
  const auto held = core.load<WrongCount>(key);
  if (!held || !*held) return;
  WrongCount count = (*held)->record;
  count.count -= std::min(count.count, 1U);
  static_cast<void>(core.world.store.replace(key, (*held)->version, write(count), count.until_ms));
}

/// Whether he has been let in from there before.
Outcome<bool> is_known(const Turn& turn, const Answerer& answerer) {
  if (answerer.from != answerer.prefix) return true;  // a browser that he is signed in with
  const auto known =
      turn.core->checked(turn.core->world.store.get(known_key(answerer.subject, answerer.prefix)));
  if (!known) return std::unexpected(known.error());
  return known->has_value();
}

/// False: too many wrong answers from anywhere, and this is no place of his.
Outcome<bool> pass_guard(const Turn& turn, const Answerer& answerer) {
  if (turn.settings->guard_after == 0) return true;
  const auto counted = count_one(*turn.core, lock_key(answerer.subject, kAnywhere),
                                 turn.settings->guard_after, kHour, false, turn.now_ms());
  if (!counted || *counted) return counted;
  return is_known(turn, answerer);
}

}  // namespace

Answerer answerer_of(const Turn& turn, std::string_view user, std::string_view session) {
  Answerer answerer;
  answerer.subject = subject_of(user);
  answerer.prefix = prefix_of(turn.request.visitor, turn.settings->ipv6_prefix).text();
  answerer.from = session.empty() ? answerer.prefix : "session " + std::string(session);
  return answerer;
}

Outcome<> begin_answer(const Turn& turn, const Answerer& answerer) {
  const GateSettings& settings = *turn.settings;
  if (settings.lock_after != 0) {
    const auto counted = count_one(*turn.core, lock_key(answerer.subject, answerer.from),
                                   settings.lock_after, settings.lock_ms, true, turn.now_ms());
    if (!counted) return std::unexpected(counted.error());
    if (!*counted) {
      turn.audit("locked", answerer.subject, answerer.from);
      return std::unexpected(GateError::locked);
    }
  }
  const auto passed = pass_guard(turn, answerer);
  if (!passed) return std::unexpected(passed.error());
  if (*passed) return {};
  turn.audit("guarded", answerer.subject, answerer.from);
  return std::unexpected(GateError::locked);
}

void answer_was_right(const Turn& turn, const Answerer& answerer) {
  Core& core = *turn.core;
  Store& store = core.world.store;
  static_cast<void>(store.remove(lock_key(answerer.subject, answerer.from)));
  // One's own count only: a right answer of the user does not hide what others tried.
  uncount_one(core, lock_key(answerer.subject, kAnywhere));
}

void remember_place(const Turn& turn, const Answerer& answerer) {
  static_cast<void>(turn.core->world.store.put(known_key(answerer.subject, answerer.prefix), "",
                                               turn.now_ms() + kKnownMs));
}

Outcome<bool> end_locks(Core& core, std::string_view user) {
  const std::string subject = subject_of(user);
  const auto locks = core.checked(core.world.store.list(RecordKind::lock, subject));
  if (!locks) return std::unexpected(locks.error());
  for (const ListedRecord& lock : *locks) {
    const auto removed = core.checked(core.world.store.remove(lock_key(subject, lock.id)));
    if (!removed) return std::unexpected(removed.error());
  }
  return !locks->empty();
}

}  // namespace sallyport::verify
