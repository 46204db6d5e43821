// Signing in with a passkey.

#include "protocol/base64url.h"
#include "protocol/webauthn/webauthn.h"
#include "verify/gate/flows.h"
#include "verify/gate/passkey_store.h"
#include "verify/gate/typed_answer.h"

namespace sallyport::verify {
namespace {

constexpr std::size_t kMaxField = 16'384;  ///< of a form, in base64url

struct Assertion {
  std::string credential;
  std::string client_data;
  std::string authenticator_data;
  std::string signature;
  std::string user_handle;
};

std::optional<std::string> octets_of(const Turn& turn, std::string_view name) {
  const std::string_view text = turn.form(name);
  if (text.size() > kMaxField) return std::nullopt;
  return from_base64url(text);
}

std::optional<Assertion> read_assertion(const Turn& turn) {
  auto credential = octets_of(turn, "credential");
  auto client_data = octets_of(turn, "client_data");
  auto authenticator_data = octets_of(turn, "authenticator_data");
  auto signature = octets_of(turn, "signature");
  auto user_handle = octets_of(turn, "user_handle");
  if (!credential || credential->empty() || !client_data || !authenticator_data || !signature ||
      !user_handle) {
    return std::nullopt;
  }
  return Assertion{.credential = std::move(*credential),
                   .client_data = std::move(*client_data),
                   .authenticator_data = std::move(*authenticator_data),
                   .signature = std::move(*signature),
                   .user_handle = std::move(*user_handle)};
}

/// bad_passkey, or unavailable.
Outcome<> check_passkey(const Turn& turn, const std::string& user, const Assertion& assertion,
                        std::string_view challenge) {
  const Core& core = *turn.core;
  const RecordKey key = passkey_key(user, hash_of(assertion.credential));
  auto held = load_passkey(core, key);
  if (!held) return std::unexpected(held.error());
  if (!*held) return std::unexpected(GateError::bad_passkey);
  if (!assertion.user_handle.empty() && assertion.user_handle != user_handle_of(user)) {
    return std::unexpected(GateError::bad_passkey);
  }
  PasskeyRecord passkey = std::move((*held)->record);
  const std::string origin = origin_of(turn);
  const std::string relying_party = relying_party_of(turn);
  const webauthn::Credential credential{.id = passkey.credential,
                                        .public_key = passkey.public_key,
                                        .sign_count = passkey.sign_count,
                                        .backed_up = passkey.backed_up};
  const auto count = webauthn::check_assertion({.challenge = challenge,
                                                .origin = origin,
                                                .relying_party = relying_party,
                                                .user_verification = true},
                                               credential, assertion.client_data,
                                               assertion.authenticator_data, assertion.signature);
  if (!count) {
    turn.audit("passkey_wrong", user, webauthn::to_text(count.error()));
    return std::unexpected(GateError::bad_passkey);
  }
  passkey.sign_count = *count;
  const auto done =
      core.checked(core.world.store.replace(key, (*held)->version, sealed(core, key, passkey), 0));
  if (!done) return std::unexpected(done.error());
  // Used elsewhere at this moment, or removed.
  if (!*done) return std::unexpected(GateError::bad_passkey);
  return {};
}

}  // namespace

GateReply answer_passkey(const Turn& turn) {
  const auto present = present_visit(turn);
  if (!present) return message(turn, present.error());
  if (!has_form_token(turn, present->visit.form_token)) {
    return visit_failed(turn, *present, GateError::not_same_origin);
  }
  if (present->visit.state != VisitState::passkey) return after_form(turn, *present);
  const auto assertion = read_assertion(turn);
  if (!assertion) return visit_failed(turn, *present, GateError::bad_form);
  const auto user = turn.core->find_user(present->visit.user);
  if (!user) return visit_failed(turn, *present, user.error());
  const std::string id = *user ? (*user)->id : std::string{};
  if (const auto may = begin_typed_answer(turn, *user ? id : present->visit.user); !may) {
    return visit_failed(turn, *present, may.error());
  }
  const auto counted = count_answer(turn, *present, VisitState::passkey);
  if (!counted) return visit_failed(turn, *present, counted.error());
  // For nobody the store is asked as well; it has none.
  const auto right = check_passkey(turn, id, *assertion, present->visit.challenge);
  if (right) return approve_and_claim(turn, *counted, VisitState::passkey);
  if (right.error() != GateError::bad_passkey) return visit_failed(turn, *counted, right.error());
  turn.audit("passkey_wrong", present->visit.user);
  return wrong_answer(turn, *counted, GateError::bad_passkey);
}

}  // namespace sallyport::verify
