#include "verify/gate/claim.h"

#include <algorithm>
#include <span>

#include "verify/gate/lockout.h"
#include "verify/gate/pairing.h"

namespace sallyport::verify {
namespace {

constexpr std::string_view kByOperator = "operator";

/// Of a user's open grants those that he opened himself, oldest first, but for `but`.
std::vector<Grant> own_grants(const Turn& turn, std::string_view user, std::uint64_t but) {
  std::vector<Grant> grants = turn.core->world.grants.of_user(user);
  std::erase_if(grants, [&](const Grant& grant) {
    return grant.id == but || grant.until_ms <= turn.now_ms() || grant.by == kByOperator;
  });
  std::ranges::sort(grants, {},
                    [](const Grant& grant) { return std::pair(grant.since_ms, grant.id); });
  return grants;
}

void evict(const Turn& turn, const Grant& opened) {
  const std::vector<Grant> grants = own_grants(turn, opened.user, opened.id);
  const std::uint32_t most = turn.settings->max_grants_per_user;
  if (most == 0 || grants.size() < most) return;
  const std::size_t too_many = grants.size() + 1 - most;
  for (const Grant& grant : std::span(grants).first(too_many)) {
    if (!turn.core->world.grants.end(grant.id, "evicted")) continue;
    if (!grant.session.empty()) {
      forget_opened(*turn.core, grant.user, grant.session, grant.id);
    }
    turn.core->audit("evicted", grant.user, grant.address);
  }
}

GateError error_of(GrantFailure failure) noexcept {
  return failure == GrantFailure::full ? GateError::busy : GateError::unavailable;
}

/// The visit is over, for good.
GateReply end_claim(const Turn& turn, const Present& present, GateError error) {
  const auto ended = change_visit(*turn.core, present.secret, {}, turn.now_ms(),
                                  [&](Visit& visit, std::string_view) -> Outcome<SecretFate> {
                                    if (!move(visit, VisitState::ended)) {
                                      return std::unexpected(GateError::no_visit);
                                    }
                                    visit.error = error;
                                    return SecretFate::stays;
                                  });
  return ended ? visit_page(turn, *ended) : message(turn, ended.error());
}

/// Who is let in, and by which secrets. They are derived, so that a second claim makes no second
/// session; and with the nonce, which was never outside of the store, so that who knew the visit's
/// secret from before it was approved knows none of them.
struct Claim {
  Claim(const Present& present, std::string_view its_user)
      : user(its_user),
        visit(present.visit),
        session_secret(keyed_hash(present.secret, "session " + present.visit.nonce)),
        session_id(hash_of(session_secret)),
        visit_secret(keyed_hash(present.secret, "visit " + present.visit.nonce)) {}

  std::string user;
  const Visit& visit;
  std::string session_secret;
  std::string session_id;
  std::string visit_secret;
};

Outcome<Session> make_session(const Turn& turn, const Claim& claim) {
  Session session;
  session.by = claim.visit.by;
  session.since_ms = turn.now_ms();
  session.until_ms = turn.now_ms() + turn.settings->session_duration_ms;
  session.address = claim.visit.address;
  session.device = claim.visit.device;
  // Not for long, until it has opened something: a claim that fails leaves no session behind.
  const auto put = turn.core->checked(turn.core->world.store.put(
      session_key(claim.user, claim.session_id), write(session), turn.now_ms() + kClaimMs));
  if (!put) return std::unexpected(put.error());
  return session;
}

/// The place is known from now on. The browser's session of before ends with what it had opened:
/// the new one has taken its place.
void settle(const Turn& turn, const Claim& claim) {
  const auto found = signed_in(turn);
  const bool is_his = found && *found && (*found)->user == claim.user;
  const std::string earlier = is_his ? (*found)->id : std::string{};
  const Answerer answerer = answerer_of(turn, claim.user, earlier);
  if (claim.visit.by != Factor::link && claim.visit.by != Factor::push) {
    answer_was_right(turn, answerer);
  }
  remember_place(turn, answerer);
  if (!earlier.empty() && earlier != claim.session_id) {
    static_cast<void>(end_session(*turn.core, claim.user, earlier, "signed in again"));
  }
}

GateReply claimed(const Turn& turn, const Claim& claim, const Present& done, const Grant& grant) {
  GateReply reply =
      turn.request.post && !turn.request.script ? redirect("/visit") : visit_page(turn, done);
  SignedIn who;
  who.user = claim.user;
  who.id = claim.session_id;
  reply.view.pair_url = pair_url_of(turn, who);
  reply.cookies.push_back({.name = GateCookie::Name::visit, .value = done.secret, .max_age_s = 0});
  reply.cookies.push_back(
      {.name = GateCookie::Name::session,
       .value = session_cookie(claim.session_secret, claim.user),
       .max_age_s = static_cast<std::uint32_t>(turn.settings->session_duration_ms / 1'000)});
  add_access_cookie(turn, grant, reply);
  return reply;
}

GateReply finish(const Turn& turn, const Present& present, const Claim& claim, const Grant& grant) {
  Present done = present;
  done.secret = claim.visit_secret;
  if (!move(done.visit, VisitState::done)) return message(turn, GateError::no_visit);
  done.visit.expires_ms = visit_end(done.visit, turn.now_ms());
  const auto put = turn.core->checked(turn.core->world.store.put(
      visit_key(hash_of(done.secret)), write(done.visit), done.visit.expires_ms));
  if (!put) return message(turn, put.error());
  // Best effort from here: he is let in. The old secret leads at most to this same visit.
  const auto old = change_visit(*turn.core, present.secret, {}, turn.now_ms(),
                                [](Visit& visit, std::string_view) -> Outcome<SecretFate> {
                                  if (!move(visit, VisitState::ended)) {
                                    return std::unexpected(GateError::no_visit);
                                  }
                                  visit.error = GateError::no_visit;
                                  return SecretFate::stays;
                                });
  settle(turn, claim);
  if (old) turn.core->audit("granted", claim.user, grant.address, grant.by);
  return claimed(turn, claim, done, grant);
}

}  // namespace

std::uint64_t access_end(const Turn& turn, std::uint64_t access_ms) noexcept {
  return turn.now_ms() + (access_ms != 0 ? access_ms : turn.settings->access_duration_ms);
}

Outcome<Grant> open_grant(const Turn& turn, const Opening& opening) {
  const GateSettings& settings = *turn.settings;
  Core& core = *turn.core;
  if (!settings.evict_oldest && settings.max_grants_per_user != 0) {
    const std::vector<Grant> own = own_grants(turn, opening.user, 0);
    const bool anew = std::ranges::any_of(own, [&](const Grant& grant) {
      return grant.address == opening.address && grant.session == opening.session;
    });
    if (!anew && own.size() >= settings.max_grants_per_user) {
      return std::unexpected(GateError::too_many_grants);
    }
  }
  Grant wanted;
  wanted.address = opening.address;
  wanted.user = opening.user;
  wanted.since_ms = turn.now_ms();
  wanted.until_ms = opening.until_ms;
  wanted.by = to_text(opening.by);
  wanted.reason = opening.reason;
  wanted.session = opening.session;
  if (settings.sliding) {
    wanted.slides_ms = opening.until_ms - turn.now_ms();
    wanted.latest_ms = turn.now_ms() +
                       (settings.max_access_ms != 0 ? settings.max_access_ms : kDefaultMaxAccessMs);
  }
  const auto opened = core.world.grants.open(wanted);
  if (!opened) {
    core.audit("grant_failed", opening.user, opening.address);
    return std::unexpected(error_of(opened.error()));
  }
  remember_opened(core, opening.user, opening.session,
                  {.id = opened->id, .until_ms = opened->until_ms}, turn.now_ms());
  evict(turn, *opened);
  return *opened;
}

Outcome<> approve(Visit& visit) {
  if (!is_asking(visit.state)) return std::unexpected(GateError::no_visit);
  const Factor by = factor_of(visit.state);
  if (!move(visit, VisitState::approved)) return std::unexpected(GateError::no_visit);
  visit.by = by;
  visit.nonce = random_secret(thread_random());
  return {};
}

GateReply claim(const Turn& turn, const Present& present) {
  const Visit& visit = present.visit;
  if (visit.expires_ms <= turn.now_ms()) return message(turn, GateError::no_visit);
  const auto user = turn.core->find_user(visit.user);
  if (!user) return message(turn, user.error());
  // A code that was guessed for somebody who is not: as wrong as any.
  if (!*user) return end_claim(turn, present, GateError::bad_code);
  if (is_denied_user(*turn.settings, visit.user) || is_denied_user(*turn.settings, (*user)->id)) {
    turn.audit("user_denied", (*user)->id);
    return end_claim(turn, present, GateError::not_allowed);
  }
  const Claim claim(present, (*user)->id);
  const auto session = make_session(turn, claim);
  if (!session) return message(turn, session.error());
  Opening opening;
  opening.user = claim.user;
  opening.by = visit.by;
  opening.address = visit.address;
  opening.until_ms = access_end(turn, visit.access_ms);
  opening.session = claim.session_id;
  const auto grant = open_grant(turn, opening);
  if (grant) return finish(turn, present, claim, *grant);
  if (grant.error() == GateError::too_many_grants) {
    return end_claim(turn, present, grant.error());
  }
  return message(turn, grant.error());
}

void add_access_cookie(const Turn& turn, const Grant& grant, GateReply& reply) {
  if (turn.settings->bind == Bind::address) return;
  const std::uint64_t until_ms = std::max(grant.until_ms, grant.latest_ms);
  reply.cookies.push_back(
      {.name = GateCookie::Name::access,
       .value = std::to_string(grant.id) + "." + random_secret(thread_random()),
       .max_age_s = static_cast<std::uint32_t>((until_ms - turn.now_ms()) / 1'000)});
}

}  // namespace sallyport::verify
