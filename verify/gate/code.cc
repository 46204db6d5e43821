// Codes that a visitor types: the token of a message, the app's code, a recovery code.

#include "protocol/ascii.h"
#include "verify/gate/flows.h"
#include "verify/gate/lockout.h"
#include "verify/gate/otp_check.h"
#include "verify/gate/typed_answer.h"

namespace sallyport::verify {
namespace {

/// Of all who try this visit's code at once, each is counted before the next is looked at.
Outcome<Present> try_token(const Turn& turn, const Present& present, std::string_view code,
                           bool& wrong) {
  const std::string next = random_secret(thread_random());
  return change_visit(*turn.core, present.secret, next, turn.now_ms(),
                      [&](Visit& visit, std::string_view) -> Outcome<SecretFate> {
                        wrong = false;
                        if (visit.state != VisitState::token)
                          return std::unexpected(GateError::no_request);
                        if (is_expired(visit, turn.now_ms()))
                          return std::unexpected(GateError::expired);
                        wrong = !same_secret(visit.code_hash, keyed_hash(present.secret, code));
                        if (wrong) return count_wrong(turn, visit, GateError::bad_code);
                        visit.address = turn.request.visitor;
                        if (const auto approved = approve(visit); !approved) {
                          return std::unexpected(approved.error());
                        }
                        return SecretFate::changes;
                      });
}

/// Without what people put between digits.
std::string digits_of(std::string_view code) {
  std::string digits;
  for (const char c : code) {
    if (is_digit(c)) digits += c;
  }
  return digits;
}

/// Who answers are counted against: the directory may know him by more spellings than he has locks.
Outcome<std::string> counted_as(const Turn& turn, const Present& present) {
  const auto user = turn.core->find_user(present.visit.user);
  if (!user) return std::unexpected(user.error());
  return *user ? (*user)->id : present.visit.user;
}

GateReply answer_token(const Turn& turn, const Present& present) {
  // A code whose time is over is no wrong answer, and no right one.
  if (is_expired(present.visit, turn.now_ms())) {
    return visit_failed(turn, present, GateError::expired);
  }
  const auto subject = counted_as(turn, present);
  if (!subject) return visit_failed(turn, present, subject.error());
  if (const auto may = begin_typed_answer(turn, *subject); !may) {
    return visit_failed(turn, present, may.error());
  }
  bool wrong = false;
  const auto tried = try_token(turn, present, digits_of(turn.form("code")), wrong);
  if (!tried) return visit_failed(turn, present, tried.error());
  if (!wrong) return claim(turn, *tried);
  turn.audit("token_wrong", present.visit.user);
  return visit_page(turn, *tried, GateError::bad_code);
}

GateReply answer_otp(const Turn& turn, const Present& present) {
  const auto user = turn.core->find_user(present.visit.user);
  if (!user) return visit_failed(turn, present, user.error());
  const std::optional<std::string> id = *user ? std::optional((*user)->id) : std::nullopt;
  if (const auto may = begin_typed_answer(turn, id.value_or(present.visit.user)); !may) {
    return visit_failed(turn, present, may.error());
  }
  const auto counted = count_answer(turn, present, VisitState::otp);
  if (!counted) return visit_failed(turn, present, counted.error());
  const auto used = use_otp_code(turn, id, turn.form("code"));
  if (used) return approve_and_claim(turn, *counted, VisitState::otp);
  if (used.error() == GateError::bad_code) {
    turn.audit("otp_wrong", present.visit.user);
    return wrong_answer(turn, *counted, GateError::bad_code);
  }
  return visit_failed(turn, *counted, used.error());
}

}  // namespace

GateReply answer_code(const Turn& turn) {
  const auto present = present_visit(turn);
  if (!present) return message(turn, present.error());
  if (!has_form_token(turn, present->visit.form_token)) {
    return visit_failed(turn, *present, GateError::not_same_origin);
  }
  if (turn.form("code").empty() || turn.form("code").size() > kMaxCode) {
    return visit_failed(turn, *present, GateError::bad_code);
  }
  if (present->visit.state == VisitState::token) return answer_token(turn, *present);
  if (present->visit.state == VisitState::otp) return answer_otp(turn, *present);
  return after_form(turn, *present);
}

}  // namespace sallyport::verify
