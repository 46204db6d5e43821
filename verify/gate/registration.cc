// Registering an authenticator app or a passkey: a link by mail, its page, the first code. Who has
// factors already must show one of them, too: a mailbox alone replaces nothing.

#include "protocol/base64url.h"
#include "protocol/otp/totp.h"
#include "protocol/webauthn/webauthn.h"
#include "verify/gate/flows.h"
#include "verify/gate/otp_check.h"
#include "verify/gate/passkey_store.h"
#include "verify/gate/senders.h"
#include "verify/gate/typed_answer.h"
#include "verify/otp/recovery_codes.h"

namespace sallyport::verify {
namespace {

constexpr std::size_t kMaxSecret = 128;
constexpr std::size_t kMaxField = 65'536;  ///< of a form, in base64url

/// A registration whose message's secret the request has.
struct Begun {
  std::string secret;
  RecordKey key;
  Registration registration;
  bool is_first = false;     ///< he has no app and no passkey yet
  bool needs_proof = false;  ///< he has, and no fresh session by one of them
};

/// Whether the user has an app or a passkey.
Outcome<bool> has_factors(const Turn& turn, const std::string& user) {
  const auto otp = turn.core->checked(turn.core->world.store.get(otp_key(user)));
  if (!otp) return std::unexpected(otp.error());
  if (*otp) return true;
  const auto passkeys = turn.core->checked(turn.core->world.store.list(RecordKind::passkey, user));
  if (!passkeys) return std::unexpected(passkeys.error());
  return !passkeys->empty();
}

/// Whether the request comes from a browser that the user has just signed in with, by more than his
/// mailbox.
Outcome<bool> is_proved(const Turn& turn, const std::string& user) {
  const auto who = signed_in(turn);
  if (!who) return std::unexpected(who.error());
  return *who && (*who)->user == user && is_strong((*who)->session, turn.now_ms());
}

/// no_request: used, too late, or never sent.
Outcome<Begun> begun_registration(const Turn& turn, std::string_view secret) {
  if (const auto may = turn.limit(Limited::registration, {}); !may) {
    return std::unexpected(may.error());
  }
  if (secret.empty() || secret.size() > kMaxSecret) return std::unexpected(GateError::no_request);
  Begun begun;
  begun.secret = secret;
  begun.key = registration_key(hash_of(secret));
  auto held = turn.core->load<Registration>(begun.key);
  if (!held) return std::unexpected(held.error());
  if (!*held || (*held)->record.until_ms <= turn.now_ms()) {
    return std::unexpected(GateError::no_request);
  }
  begun.registration = std::move((*held)->record);
  const auto has = has_factors(turn, begun.registration.user);
  if (!has) return std::unexpected(has.error());
  const auto proved = is_proved(turn, begun.registration.user);
  if (!proved) return std::unexpected(proved.error());
  begun.is_first = !*has;
  begun.needs_proof = *has && !*proved;
  return begun;
}

std::string in_groups_of_four(std::string_view text) {
  std::string grouped;
  for (std::size_t at = 0; at < text.size(); at += 4) {
    if (at > 0) grouped += ' ';
    grouped += text.substr(at, 4);
  }
  return grouped;
}

GateReply registration_page(const Turn& turn, const Begun& begun, GateError error) {
  const Registration& registration = begun.registration;
  const bool otp = registration.factor == Factor::otp;
  GateReply reply = page(turn, otp ? PageId::register_otp : PageId::register_passkey, error);
  View& view = reply.view;
  view.form_token = form_token_of(begun.secret);
  view.registration = begun.secret;
  view.user = registration.user;
  view.until_ms = registration.until_ms;
  view.asks_current_code = begun.needs_proof;
  if (otp) {
    const auto secret = turn.core->world.sealer.open(begun.key, registration.sealed_secret);
    if (!secret) return message(turn, GateError::unavailable);
    view.secret_text = in_groups_of_four(otp::base32(as_octets(*secret)));
    view.otpauth_url =
        otp::otpauth_url(turn.settings->issuer, registration.user, as_octets(*secret), kOtpDigits);
  } else {
    view.challenge = base64url(as_octets(registration.challenge));
    view.relying_party = relying_party_of(turn);
    view.user_handle = base64url(as_octets(user_handle_of(registration.user)));
  }
  return reply;
}

/// The app's code, or a recovery code, of one who has factors already.
Outcome<> check_proof(const Turn& turn, const Begun& begun) {
  if (!begun.needs_proof) return {};
  const std::string& user = begun.registration.user;
  if (const auto may = begin_typed_answer(turn, user); !may) return may;
  return use_otp_code(turn, user, turn.form("current_code"));
}

/// Of two who confirm at once, one does.
Outcome<> use_up(const Turn& turn, const Begun& begun) {
  const auto taken = turn.core->checked(turn.core->world.store.take(begun.key));
  if (!taken) return std::unexpected(taken.error());
  if (!*taken) return std::unexpected(GateError::no_request);
  return {};
}

void tell_changed(const Turn& turn, const std::string& user, std::string_view what) {
  turn.audit(what, user);
  Sending sending;
  sending.user = user;
  sending.address = turn.request.visitor;
  sending.language = turn.request.language;
  sending.at_ms = turn.now_ms();
  send_changed(turn.core, turn.settings, sending, what);
}

/// Where there was none when the proof was waived, there must still be none.
Outcome<> keep_otp(const Turn& turn, const Begun& begun, const OtpRecord& otp) {
  const Core& core = *turn.core;
  const RecordKey key = otp_key(begun.registration.user);
  if (!begun.is_first) {
    const auto put = core.checked(core.world.store.put(key, write(otp), 0));
    if (!put) return std::unexpected(put.error());
    return {};
  }
  const auto added = core.checked(core.world.store.add(key, write(otp), 0));
  if (!added) return std::unexpected(added.error());
  if (!*added) return std::unexpected(GateError::no_request);
  return {};
}

GateReply confirm_otp(const Turn& turn, const Begun& begun) {
  const Core& core = *turn.core;
  const std::string& user = begun.registration.user;
  const auto secret = core.world.sealer.open(begun.key, begun.registration.sealed_secret);
  if (!secret) return message(turn, GateError::unavailable);
  const auto step = otp::find_step(as_octets(*secret), turn.form("code").substr(0, kMaxCode),
                                   kOtpDigits, turn.now_ms() / 1'000, 0);
  if (!step) return registration_page(turn, begun, GateError::bad_code);
  if (const auto proved = check_proof(turn, begun); !proved) {
    return registration_page(turn, begun, proved.error());
  }
  if (const auto used = use_up(turn, begun); !used) return message(turn, used.error());
  RecoveryCodes recovery = make_recovery_codes(thread_random());
  OtpRecord otp;
  otp.sealed_secret = core.world.sealer.seal(otp_key(user), *secret, thread_random());
  otp.last_step = *step;
  otp.since_ms = turn.now_ms();
  otp.recovery_hashes = std::move(recovery.hashes);
  if (const auto kept = keep_otp(turn, begun, otp); !kept) return message(turn, kept.error());
  tell_changed(turn, user, "otp_registered");
  GateReply reply = page(turn, PageId::recovery_codes);
  reply.view.user = user;
  reply.view.recovery_codes = std::move(recovery.codes);
  return reply;
}

std::optional<std::string> octets_of(const Turn& turn, std::string_view name) {
  const std::string_view text = turn.form(name);
  if (text.empty() || text.size() > kMaxField) return std::nullopt;
  return from_base64url(text);
}

/// At most so many octets, and no half character at the end.
std::string cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return std::string(text.substr(0, most));
}

Outcome<PasskeyRecord> checked_passkey(const Turn& turn, const Begun& begun) {
  const auto client_data = octets_of(turn, "client_data");
  const auto attestation = octets_of(turn, "attestation");
  if (!client_data || !attestation) return std::unexpected(GateError::bad_form);
  const std::string origin = origin_of(turn);
  const std::string relying_party = relying_party_of(turn);
  auto credential = webauthn::check_registration({.challenge = begun.registration.challenge,
                                                  .origin = origin,
                                                  .relying_party = relying_party,
                                                  .user_verification = true},
                                                 *client_data, *attestation);
  if (!credential) {
    turn.audit("passkey_wrong", begun.registration.user, webauthn::to_text(credential.error()));
    return std::unexpected(GateError::bad_passkey);
  }
  PasskeyRecord passkey;
  passkey.credential = std::move(credential->id);
  passkey.public_key = std::move(credential->public_key);
  passkey.sign_count = credential->sign_count;
  passkey.backed_up = credential->backed_up;
  passkey.name = cut(turn.form("name"), kMaxPasskeyName);
  passkey.since_ms = turn.now_ms();
  return passkey;
}

/// To where he came from: "My access", the visit's page, or the beginning.
GateReply after_registration(const Turn& turn) {
  const auto who = signed_in(turn);
  if (who && *who) return redirect("/access");
  return redirect(turn.request.visit_cookie.empty() ? "/" : "/visit");
}

GateReply confirm_passkey(const Turn& turn, const Begun& begun) {
  const Core& core = *turn.core;
  const std::string& user = begun.registration.user;
  const auto passkey = checked_passkey(turn, begun);
  if (!passkey) return registration_page(turn, begun, passkey.error());
  const auto passkeys = list_passkeys(core, user);
  if (!passkeys) return message(turn, passkeys.error());
  if (passkeys->size() >= kMaxPasskeys) return message(turn, GateError::too_often);
  if (const auto proved = check_proof(turn, begun); !proved) {
    return registration_page(turn, begun, proved.error());
  }
  if (const auto used = use_up(turn, begun); !used) return message(turn, used.error());
  const RecordKey key = passkey_key(user, hash_of(passkey->credential));
  const auto added = core.checked(core.world.store.add(key, sealed(core, key, *passkey), 0));
  if (!added) return message(turn, added.error());
  if (!*added) return message(turn, GateError::bad_passkey);
  tell_changed(turn, user, "passkey_registered");
  return after_registration(turn);
}

/// The captcha buys so many messages and no more, whatever they are about.
Outcome<> count_send(const Turn& turn, const Present& present) {
  const auto counted = change_visit(*turn.core, present.secret, {}, turn.now_ms(),
                                    [](Visit& visit, std::string_view) -> Outcome<SecretFate> {
                                      if (visit.sends >= kMaxSends) {
                                        return std::unexpected(GateError::too_often);
                                      }
                                      ++visit.sends;
                                      return SecretFate::stays;
                                    });
  if (!counted) return std::unexpected(counted.error());
  return {};
}

/// Sends the link to who is at the gate, or signed in.
GateReply begin_registration(const Turn& turn, Factor factor) {
  const bool on =
      factor == Factor::otp ? turn.settings->otp_registration : turn.settings->passkey_registration;
  if (!on || turn.core->world.messages == nullptr) return message(turn, GateError::not_found);
  const auto who = signed_in(turn);
  if (!who) return message(turn, who.error());
  Sending sending;
  if (*who && has_form_token(turn, form_token_of((*who)->secret))) {
    sending.user = (*who)->user;
  } else {
    const auto present = present_visit(turn);
    if (!present) return message(turn, present.error());
    if (!has_form_token(turn, present->visit.form_token)) {
      return visit_failed(turn, *present, GateError::not_same_origin);
    }
    // Behind the captcha, and where the page has offered it.
    if (present->visit.state != state_of(factor)) return after_form(turn, *present);
    if (const auto counted = count_send(turn, *present); !counted) {
      return visit_failed(turn, *present, counted.error());
    }
    sending.user = present->visit.user;
  }
  for (const Limited what : {Limited::registration, Limited::send}) {
    if (const auto may = turn.limit(what, sending.user); !may) return message(turn, may.error());
  }
  sending.address = turn.request.visitor;
  sending.language = turn.request.language;
  send_registration(turn.core, turn.settings, sending, factor);
  GateReply reply = page(turn, PageId::register_sent);
  reply.view.user = sending.user;
  return reply;
}

}  // namespace

GateReply show_registration(const Turn& turn) {
  const auto begun = begun_registration(turn, turn.query("k"));
  if (!begun) return message(turn, begun.error());
  return registration_page(turn, *begun, GateError::none);
}

GateReply answer_registration(const Turn& turn) {
  const std::string_view secret = turn.form("k");
  if (secret.empty()) {
    const auto factor = read_factor(turn.form("factor"));
    if (factor == Factor::otp || factor == Factor::passkey) {
      return begin_registration(turn, *factor);
    }
    return message(turn, GateError::bad_form);
  }
  const auto begun = begun_registration(turn, secret);
  if (!begun) return message(turn, begun.error());
  if (!has_form_token(turn, form_token_of(secret))) {
    return registration_page(turn, *begun, GateError::not_same_origin);
  }
  return begun->registration.factor == Factor::otp ? confirm_otp(turn, *begun)
                                                   : confirm_passkey(turn, *begun);
}

}  // namespace sallyport::verify
