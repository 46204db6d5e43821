// "My access": a user's own grants, browsers and factors, and how each of them ends.

#include <charconv>

#include "verify/gate/flows.h"
#include "verify/gate/otp_check.h"
#include "verify/gate/pairing.h"
#include "verify/gate/passkey_store.h"
#include "verify/gate/senders.h"
#include "verify/gate/typed_answer.h"

namespace sallyport::verify {
namespace {

void list_grants(const Turn& turn, const SignedIn& who, View& view) {
  const Prefix here = prefix_of(turn.request.visitor, turn.settings->ipv6_prefix);
  for (const Grant& grant : turn.core->world.grants.of_user(who.user)) {
    if (grant.until_ms <= turn.now_ms()) continue;
    view.grants.push_back({.id = std::to_string(grant.id),
                           .address = grant.address.text(),
                           .device = {},
                           .by = grant.by,
                           .since_ms = grant.since_ms,
                           .until_ms = grant.until_ms,
                           .this_one = here.contains(grant.address)});
  }
}

Outcome<> list_sessions(const Turn& turn, const SignedIn& who, View& view) {
  const auto stored =
      turn.core->checked(turn.core->world.store.list(RecordKind::session, who.user));
  if (!stored) return std::unexpected(stored.error());
  for (const ListedRecord& listed : *stored) {
    const auto session = read<Session>(listed.record.value);
    if (!session) continue;
    view.sessions.push_back({.id = listed.id,
                             .address = session->address.text(),
                             .device = session->device,
                             .by = to_text(session->by),
                             .since_ms = session->since_ms,
                             .until_ms = session->until_ms,
                             .this_one = listed.id == who.id});
  }
  return {};
}

Outcome<> list_factors(const Turn& turn, const SignedIn& who, View& view) {
  const auto otp = turn.core->load<OtpRecord>(otp_key(who.user));
  if (!otp) return std::unexpected(otp.error());
  view.has_otp = otp->has_value();
  if (*otp) {
    view.recovery_left = static_cast<std::uint32_t>((*otp)->record.recovery_hashes.size());
  }
  const auto passkeys = list_passkeys(*turn.core, who.user);
  if (!passkeys) return std::unexpected(passkeys.error());
  for (const ListedPasskey& listed : *passkeys) {
    view.passkeys.push_back(
        {.id = listed.id, .name = listed.passkey.name, .since_ms = listed.passkey.since_ms});
  }
  const bool sends = turn.core->world.messages != nullptr;
  view.can_register_otp = sends && turn.settings->otp_registration;
  view.can_register_passkey = sends && turn.settings->passkey_registration;
  view.asks_current_code = !is_strong(who.session, turn.now_ms());
  return {};
}

GateReply access_page(const Turn& turn, const SignedIn& who, GateError error) {
  GateReply reply = page(turn, PageId::access, error);
  reply.view.form_token = form_token_of(who.secret);
  reply.view.user = who.user;
  reply.view.pair_url = pair_url_of(turn, who);
  list_grants(turn, who, reply.view);
  if (const auto listed = list_sessions(turn, who, reply.view); !listed) {
    return message(turn, listed.error());
  }
  if (const auto listed = list_factors(turn, who, reply.view); !listed) {
    return message(turn, listed.error());
  }
  return reply;
}

/// The sign-in page, and no cookie that signs nobody in.
GateReply sign_in_first(const Turn& turn) {
  GateReply reply = redirect("/");
  if (!turn.request.session_cookie.empty()) {
    reply.cookies.push_back({.name = GateCookie::Name::session, .value = {}, .max_age_s = 0});
  }
  return reply;
}

GateReply signed_out() {
  GateReply reply = redirect("/");
  for (const auto name :
       {GateCookie::Name::session, GateCookie::Name::access, GateCookie::Name::visit}) {
    reply.cookies.push_back({.name = name, .value = {}, .max_age_s = 0});
  }
  return reply;
}

Outcome<> done_by(const Turn& turn, std::expected<void, GrantFailure> ended) {
  // Whoever ended it before: it is gone.
  if (ended || ended.error() == GrantFailure::unknown) return {};
  turn.audit("end_failed", {});
  return std::unexpected(GateError::unavailable);
}

/// One of his own grants.
Outcome<> end_grant(const Turn& turn, const SignedIn& who, std::string_view text) {
  std::uint64_t id = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), id);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) {
    return std::unexpected(GateError::bad_form);
  }
  for (const Grant& grant : turn.core->world.grants.of_user(who.user)) {
    if (grant.id != id) continue;
    turn.audit("grant_ended", who.user, grant.address.text());
    return done_by(turn, turn.core->world.grants.end(id, "ended by the user"));
  }
  return {};
}

/// One of his own browsers.
Outcome<> end_one_session(const Turn& turn, const SignedIn& who, std::string_view id) {
  const auto held = turn.core->load<Session>(session_key(who.user, id.substr(0, 128)));
  if (!held) return std::unexpected(held.error());
  if (!*held) return {};
  turn.audit("session_ended", who.user);
  return end_session(*turn.core, who.user, id, "ended by the user");
}

Outcome<> end_all(const Turn& turn, const SignedIn& who) {
  turn.audit("all_ended", who.user);
  for (const Grant& grant : turn.core->world.grants.of_user(who.user)) {
    const auto ended = done_by(turn, turn.core->world.grants.end(grant.id, "ended by the user"));
    if (!ended) return ended;
  }
  const auto sessions =
      turn.core->checked(turn.core->world.store.list(RecordKind::session, who.user));
  if (!sessions) return std::unexpected(sessions.error());
  // His own last: until then he can try again.
  for (const ListedRecord& listed : *sessions) {
    if (listed.id == who.id) continue;
    const auto ended = end_session(*turn.core, who.user, listed.id, "ended by the user");
    if (!ended) return ended;
  }
  return end_session(*turn.core, who.user, who.id, "ended by the user");
}

/// Changing factors takes one: the fresh session's, or a code now.
Outcome<> check_may_change(const Turn& turn, const SignedIn& who) {
  if (is_strong(who.session, turn.now_ms())) return {};
  if (turn.form("current_code").empty()) return std::unexpected(GateError::bad_code);
  if (const auto may = begin_typed_answer(turn, who.user); !may) return may;
  return use_otp_code(turn, who.user, turn.form("current_code"));
}

Outcome<> remove_factor(const Turn& turn, const SignedIn& who, const RecordKey& key,
                        std::string_view event) {
  if (const auto may = check_may_change(turn, who); !may) return may;
  const auto removed = turn.core->checked(turn.core->world.store.remove(key));
  if (!removed) return std::unexpected(removed.error());
  if (!*removed) return {};
  turn.audit(event, who.user);
  Sending sending;
  sending.user = who.user;
  sending.address = turn.request.visitor;
  sending.language = turn.request.language;
  sending.at_ms = turn.now_ms();
  send_changed(turn.core, turn.settings, sending, event);
  return {};
}

Outcome<> act(const Turn& turn, const SignedIn& who, std::string_view action) {
  const std::string_view id = turn.form("id");
  if (action == "end-grant") return end_grant(turn, who, id);
  if (action == "end-session") return end_one_session(turn, who, id);
  if (action == "remove-otp") return remove_factor(turn, who, otp_key(who.user), "otp_removed");
  if (action == "remove-passkey") {
    return remove_factor(turn, who, passkey_key(who.user, id.substr(0, 128)), "passkey_removed");
  }
  if (action == "end-all") return end_all(turn, who);
  if (action == "sign-out") {
    turn.audit("signed_out", who.user);
    return end_session(*turn.core, who.user, who.id, "signed out");
  }
  return std::unexpected(GateError::bad_form);
}

}  // namespace

GateReply show_access(const Turn& turn) {
  const auto who = signed_in(turn);
  if (!who) return message(turn, who.error());
  if (!*who) return sign_in_first(turn);
  return access_page(turn, **who, GateError::none);
}

GateReply answer_access(const Turn& turn) {
  const auto found = signed_in(turn);
  if (!found) return message(turn, found.error());
  if (!*found) return sign_in_first(turn);
  const SignedIn& who = **found;
  if (!has_form_token(turn, form_token_of(who.secret))) {
    return access_page(turn, who, GateError::not_same_origin);
  }
  const std::string_view action = turn.form("action");
  if (const auto acted = act(turn, who, action); !acted) {
    return access_page(turn, who, acted.error());
  }
  const bool ends_this = action == "sign-out" || action == "end-all" ||
                         (action == "end-session" && turn.form("id") == who.id);
  return ends_this ? signed_out() : redirect("/access");
}

}  // namespace sallyport::verify
