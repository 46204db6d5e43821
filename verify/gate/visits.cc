#include "verify/gate/visits.h"

#include <algorithm>

namespace sallyport::verify {
namespace {

/// What is left under a secret that has changed: it leads nowhere, and says so.
constexpr std::uint64_t kTombstoneMs = kMinute;

}  // namespace

std::uint64_t visit_end(const Visit& visit, std::uint64_t now_ms) noexcept {
  if (visit.state == VisitState::approved) return now_ms + kClaimMs;
  return std::max(now_ms, visit.until_ms) + kVisitMs;
}

Outcome<Present> present_visit(const Turn& turn) {
  const std::string& secret = turn.request.visit_cookie;
  if (secret.empty()) return std::unexpected(GateError::no_visit);
  auto held = turn.core->load<Visit>(visit_key(hash_of(secret)));
  if (!held) return std::unexpected(held.error());
  if (!*held) return std::unexpected(GateError::no_visit);
  return Present{.visit = std::move((*held)->record), .secret = secret};
}

Outcome<Present> begin_visit(const Turn& turn, Visit visit, std::string_view secret,
                             const VisitEdit& edit) {
  if (const auto edited = edit(visit, secret); !edited) return std::unexpected(edited.error());
  visit.expires_ms = visit_end(visit, turn.now_ms());
  const auto added = turn.core->checked(
      turn.core->world.store.add(visit_key(hash_of(secret)), write(visit), visit.expires_ms));
  if (!added) return std::unexpected(added.error());
  if (!*added) return std::unexpected(GateError::busy);
  return Present{.visit = std::move(visit), .secret = std::string(secret)};
}

namespace {

/// One try. Nothing: another was faster.
Outcome<std::optional<Present>> try_change(Core& core, const Held<Visit>& held, std::string_view id,
                                           std::string_view next_secret, std::uint64_t now_ms,
                                           const VisitEdit& edit) {
  Store& store = core.world.store;
  Visit visit = held.record;
  const auto fate = edit(visit, next_secret);
  if (!fate) return std::unexpected(fate.error());
  visit.expires_ms = visit_end(visit, now_ms);
  if (*fate == SecretFate::stays) {
    const auto done =
        core.checked(store.replace(visit_key(id), held.version, write(visit), visit.expires_ms));
    if (!done) return std::unexpected(done.error());
    if (!*done) return std::nullopt;
    return Present{.visit = std::move(visit), .secret = {}};
  }
  // The new one first: were the old one dead and this failed, the visit would be lost. Until the
  // old one is dead nobody has learnt the new secret.
  const RecordKey next = visit_key(hash_of(next_secret));
  const auto put = core.checked(store.put(next, write(visit), visit.expires_ms));
  if (!put) return std::unexpected(put.error());
  Visit tombstone;
  tombstone.state = VisitState::ended;
  tombstone.error = GateError::no_visit;
  tombstone.expires_ms = now_ms + kTombstoneMs;
  const auto done = core.checked(
      store.replace(visit_key(id), held.version, write(tombstone), tombstone.expires_ms));
  if (done && *done) return Present{.visit = std::move(visit), .secret = std::string(next_secret)};
  static_cast<void>(store.remove(next));
  if (!done) return std::unexpected(done.error());
  return std::nullopt;
}

Outcome<Present> change(Core& core, std::string_view id, std::string_view next_secret,
                        std::uint64_t now_ms, const VisitEdit& edit) {
  for (int conflicts = 0; conflicts < kConflicts; ++conflicts) {
    const auto held = core.load<Visit>(visit_key(id));
    if (!held) return std::unexpected(held.error());
    if (!*held) return std::unexpected(GateError::no_visit);
    auto done = try_change(core, **held, id, next_secret, now_ms, edit);
    if (!done) return std::unexpected(done.error());
    if (!*done) continue;
    if (core.world.notify) core.world.notify(id);
    return std::move(**done);
  }
  return std::unexpected(GateError::busy);
}

}  // namespace

Outcome<Present> change_visit(Core& core, std::string_view secret, std::string_view next_secret,
                              std::uint64_t now_ms, const VisitEdit& edit) {
  auto changed = change(core, hash_of(secret), next_secret, now_ms, edit);
  if (changed && changed->secret.empty()) changed->secret = secret;
  return changed;
}

Outcome<Visit> change_visit_of_id(Core& core, std::string_view id, std::uint64_t now_ms,
                                  const std::function<Outcome<>(Visit&)>& edit) {
  auto changed =
      change(core, id, {}, now_ms, [&](Visit& visit, std::string_view) -> Outcome<SecretFate> {
        if (const auto edited = edit(visit); !edited) {
          return std::unexpected(edited.error());
        }
        return SecretFate::stays;
      });
  if (!changed) return std::unexpected(changed.error());
  return std::move(changed->visit);
}

}  // namespace sallyport::verify
