#include "verify/gate/asking.h"

#include <algorithm>
#include <array>

#include "protocol/http/user_agent.h"
#include "verify/gate/flows.h"
#include "verify/gate/pairing.h"
#include "verify/gate/senders.h"

namespace sallyport::verify {
namespace {

constexpr std::size_t kChallengeOctets = 32;

std::string random_challenge() {
  std::array<std::uint8_t, kChallengeOctets> octets{};
  thread_random().fill(octets);
  return std::string(as_text(octets));
}

bool is_offered(const Visit& visit, Factor factor) {
  return std::ranges::find(visit.factors, factor) != visit.factors.end();
}

}  // namespace

std::vector<Factor> usable_factors(const Turn& turn) {
  const std::vector<Factor>& wanted =
      turn.request.factors.empty() ? turn.settings->factors : turn.request.factors;
  std::vector<Factor> usable;
  for (const Factor factor : wanted) {
    const bool by_message = factor == Factor::token || factor == Factor::link;
    if (by_message && turn.core->world.messages == nullptr) continue;
    if (factor == Factor::push && turn.core->world.push == nullptr) continue;
    if (std::ranges::find(usable, factor) == usable.end()) usable.push_back(factor);
  }
  return usable;
}

Asking::Asking(const Turn& turn, Factor factor) : turn_(turn), factor_(factor) {
  RandomSource& random = thread_random();
  switch (factor) {
    case Factor::token:
      code_ = random_digits(random, turn.settings->token_digits);
      attempt_ = random_secret(random);
      break;
    case Factor::link:
      approval_ = random_secret(random);
      attempt_ = hash_of(approval_);
      number_ = random_digits(random, 2);
      break;
    case Factor::push:
      attempt_ = random_secret(random);
      number_ = random_digits(random, 2);
      break;
    case Factor::passkey: challenge_ = random_challenge(); break;
    case Factor::otp: break;
  }
}

Outcome<> Asking::limit(std::string_view user) const {
  if (!sends()) return {};
  return turn_.limit(Limited::send, user);
}

Outcome<> Asking::prepare(const Visit& visit, std::string_view secret) const {
  if (factor_ != Factor::link) return {};
  Approval approval;
  approval.visit = hash_of(secret);
  approval.user = visit.user;
  approval.address = turn_.request.visitor;
  approval.device = http::device_name(turn_.request.user_agent);
  approval.number = number_;
  approval.at_ms = turn_.now_ms();
  approval.until_ms = turn_.now_ms() + turn_.settings->token_duration_ms;
  const auto added = turn_.core->checked(
      turn_.core->world.store.add(approval_key(attempt_), write(approval), approval.until_ms));
  if (!added) return std::unexpected(added.error());
  return {};
}

Outcome<> Asking::write_into(Visit& visit, std::string_view secret) const {
  if (!is_offered(visit, factor_)) return std::unexpected(GateError::bad_form);
  if (sends() && visit.sends >= kMaxSends) return std::unexpected(GateError::too_often);
  if (!move(visit, state_of(factor_))) return std::unexpected(GateError::no_visit);
  if (sends()) {
    ++visit.sends;
    visit.begun_ms = turn_.now_ms();
    visit.until_ms = turn_.now_ms() + turn_.settings->token_duration_ms;
  }
  if (!code_.empty()) visit.code_hash = keyed_hash(secret, code_);
  visit.attempt = attempt_;
  visit.number = number_;
  visit.challenge = challenge_;
  // Who is let in is who asked: the page of the link shows this address and device.
  visit.address = turn_.request.visitor;
  visit.device = http::device_name(turn_.request.user_agent);
  return {};
}

void Asking::send(const Present& present) const {
  Sending sending;
  sending.user = present.visit.user;
  sending.address = present.visit.address;
  sending.device = present.visit.device;
  sending.language = present.visit.language;
  sending.visit = hash_of(present.secret);
  sending.duration_ms = turn_.settings->token_duration_ms;
  sending.at_ms = turn_.now_ms();
  sending.attempt = attempt_;
  sending.number = turn_.settings->number_matching ? number_ : std::string{};
  switch (factor_) {
    case Factor::token: send_token(turn_.core, turn_.settings, sending, code_); break;
    case Factor::link: send_link(turn_.core, turn_.settings, sending, approval_); break;
    case Factor::push: send_push(turn_.core, turn_.settings, sending); break;
    case Factor::otp:
    case Factor::passkey: break;
  }
}

Outcome<Present> ask_factor(const Turn& turn, const Present& present, Factor factor) {
  const Asking asking(turn, factor);
  if (const auto may = asking.limit(present.visit.user); !may) return std::unexpected(may.error());
  const std::string next = random_secret(thread_random());
  if (const auto prepared = asking.prepare(present.visit, next); !prepared) {
    return std::unexpected(prepared.error());
  }
  auto asked = change_visit(*turn.core, present.secret, next, turn.now_ms(),
                            [&](Visit& visit, std::string_view secret) -> Outcome<SecretFate> {
                              // A solved captcha leads here through its own form only.
                              if (visit.state == VisitState::captcha) {
                                return std::unexpected(GateError::bad_captcha);
                              }
                              if (const auto done = asking.write_into(visit, secret); !done) {
                                return std::unexpected(done.error());
                              }
                              return SecretFate::changes;
                            });
  if (asked) asking.send(*asked);
  return asked;
}

GateReply answer_visit(const Turn& turn) {
  const auto present = present_visit(turn);
  if (!present) {
    // Right after the first form a cookie that is not there was not taken.
    const bool just_begun = turn.request.visit_cookie.empty() && !turn.query("begun").empty();
    if (present.error() == GateError::no_visit && just_begun) {
      return message(turn, GateError::cookies_off);
    }
    return message(turn, present.error());
  }
  if (present->visit.state == VisitState::approved) return claim(turn, *present);
  GateReply reply = visit_page(turn, *present);
  if (present->visit.state == VisitState::done) {
    const auto who = signed_in(turn);
    if (who && *who) reply.view.pair_url = pair_url_of(turn, **who);
  }
  return reply;
}

GateReply answer_wait(const Turn& turn) {
  const auto present = present_visit(turn);
  if (!present) return message(turn, present.error());
  const Visit& visit = present->visit;
  if (visit.state == VisitState::approved) return claim(turn, *present);
  const bool waits = visit.state == VisitState::link || visit.state == VisitState::push;
  if (!waits || is_expired(visit, turn.now_ms())) return visit_page(turn, *present);
  GateReply reply = visit_page(turn, *present);
  reply.kind = GateReply::Kind::hold;
  reply.held_visit = hash_of(present->secret);
  reply.hold_ms = static_cast<std::uint32_t>(visit.until_ms - turn.now_ms());
  return reply;
}

GateReply answer_factor(const Turn& turn) {
  const auto present = present_visit(turn);
  if (!present) return message(turn, present.error());
  if (!has_form_token(turn, present->visit.form_token)) {
    return visit_failed(turn, *present, GateError::not_same_origin);
  }
  const auto factor = read_factor(turn.form("factor"));
  const bool may_choose =
      present->visit.state == VisitState::choosing || is_asking(present->visit.state);
  if (!may_choose) return after_form(turn, *present);
  if (!factor) return visit_failed(turn, *present, GateError::bad_form);
  const auto asked = ask_factor(turn, *present, *factor);
  if (!asked) return visit_failed(turn, *present, asked.error());
  return to_visit(*asked);
}

GateReply answer_again(const Turn& turn) {
  const auto present = present_visit(turn);
  if (!present) return message(turn, present.error());
  if (!has_form_token(turn, present->visit.form_token)) {
    return visit_failed(turn, *present, GateError::not_same_origin);
  }
  if (!is_asking(present->visit.state)) return after_form(turn, *present);
  const auto asked = ask_factor(turn, *present, factor_of(present->visit.state));
  if (!asked) return visit_failed(turn, *present, asked.error());
  return to_visit(*asked);
}

}  // namespace sallyport::verify
