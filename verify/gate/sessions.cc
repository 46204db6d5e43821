#include "verify/gate/sessions.h"

#include <algorithm>
#include <functional>

#include "protocol/base64url.h"

namespace sallyport::verify {
namespace {

constexpr std::size_t kMaxSessionCookie = 512;
/// More a session does not remember; the oldest are forgotten.
constexpr std::size_t kMaxOpened = 64;

void change_session(Core& core, std::string_view user, std::string_view id,
                    const std::function<void(Session&)>& edit) {
  const RecordKey key = session_key(user, id);
  for (int conflicts = 0; conflicts < kConflicts; ++conflicts) {
    auto held = core.load<Session>(key);
    if (!held || !*held) return;
    edit((*held)->record);
    const auto done = core.world.store.replace(key, (*held)->version, write((*held)->record),
                                               (*held)->record.until_ms);
    if (!done || *done) return;
  }
}

}  // namespace

std::string session_cookie(std::string_view secret, std::string_view user) {
  return std::string(secret) + "." + base64url(as_octets(user));
}

Outcome<std::optional<SignedIn>> signed_in(const Turn& turn) {
  const std::string& cookie = turn.request.session_cookie;
  const std::size_t dot = cookie.find('.');
  if (cookie.size() > kMaxSessionCookie || dot == std::string::npos) return std::nullopt;
  const auto user = from_base64url(std::string_view(cookie).substr(dot + 1));
  if (!user || !is_user_id(*user)) return std::nullopt;
  SignedIn who;
  who.user = *user;
  who.secret = cookie.substr(0, dot);
  who.id = hash_of(who.secret);
  auto held = turn.core->load<Session>(session_key(who.user, who.id));
  if (!held) return std::unexpected(held.error());
  if (!*held || (*held)->record.until_ms <= turn.now_ms()) return std::nullopt;
  who.session = std::move((*held)->record);
  who.version = (*held)->version;
  return who;
}

bool is_strong(const Session& session, std::uint64_t now_ms) noexcept {
  const bool more_than_mail =
      session.by == Factor::otp || session.by == Factor::push || session.by == Factor::passkey;
  return more_than_mail && now_ms < session.since_ms + kFreshMs;
}

void remember_opened(Core& core, std::string_view user, std::string_view id, Session::Opened opened,
                     std::uint64_t now_ms) {
  change_session(core, user, id, [&](Session& session) {
    std::erase_if(session.opened, [&](const Session::Opened& old) {
      return old.id == opened.id || old.until_ms <= now_ms;
    });
    if (session.opened.size() >= kMaxOpened) session.opened.erase(session.opened.begin());
    session.opened.push_back(opened);
  });
}

void forget_opened(Core& core, std::string_view user, std::string_view id, std::uint64_t grant) {
  change_session(core, user, id, [&](Session& session) {
    std::erase_if(session.opened,
                  [&](const Session::Opened& opened) { return opened.id == grant; });
  });
}

bool was_revoked(const Core& core, const SignedIn& who, std::uint64_t now_ms) {
  const std::vector<Grant> open = core.world.grants.of_user(who.user);
  return std::ranges::any_of(who.session.opened, [&](const Session::Opened& opened) {
    return opened.until_ms > now_ms && std::ranges::find(open, opened.id, &Grant::id) == open.end();
  });
}

Outcome<> end_session(Core& core, std::string_view user, std::string_view id,
                      std::string_view why) {
  if (!core.world.grants.end_session(id, why)) return std::unexpected(GateError::unavailable);
  const auto removed = core.checked(core.world.store.remove(session_key(user, id)));
  if (!removed) return std::unexpected(removed.error());
  return {};
}

}  // namespace sallyport::verify
