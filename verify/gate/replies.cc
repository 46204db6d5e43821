#include "verify/gate/replies.h"

#include <algorithm>

#include "protocol/base64url.h"
#include "protocol/check.h"
#include "verify/captcha/captcha.h"
#include "verify/gate/captcha_of_visit.h"

namespace sallyport::verify {
namespace {

constexpr std::uint32_t kUnavailableRetryS = 5;
constexpr std::uint32_t kTooOftenRetryS = 60;

std::uint32_t retry_after_of(const Turn& turn, GateError error) noexcept {
  if (error == GateError::unavailable || error == GateError::busy) return kUnavailableRetryS;
  if (error == GateError::too_often) return kTooOftenRetryS;
  if (error == GateError::locked) return std::max(1U, turn.settings->lock_ms / 1'000);
  return 0;
}

PageId page_of(const Turn& turn, const Visit& visit) noexcept {
  switch (visit.state) {
    case VisitState::captcha: return PageId::captcha;
    case VisitState::choosing: return PageId::choose;
    case VisitState::token:
      return is_expired(visit, turn.now_ms()) && !can_send_again(visit) ? PageId::ended
                                                                        : PageId::token;
    case VisitState::otp: return PageId::otp;
    case VisitState::link: return is_expired(visit, turn.now_ms()) ? PageId::ended : PageId::link;
    case VisitState::push: return is_expired(visit, turn.now_ms()) ? PageId::ended : PageId::push;
    case VisitState::passkey: return PageId::passkey;
    case VisitState::done: return PageId::done;
    case VisitState::fresh:
    case VisitState::approved:
    case VisitState::ended: return PageId::ended;
  }
  CHECK(false);
}

void show_factor(const Turn& turn, const Visit& visit, View& view) {
  view.factors = visit.factors;
  view.until_ms = visit.until_ms;
  view.begun_ms = visit.begun_ms;
  if (turn.settings->number_matching) view.number = visit.number;
  view.can_send_again = can_send_again(visit);
  const bool sends = turn.core->world.messages != nullptr;
  if (visit.state == VisitState::otp) {
    view.can_register_otp = sends && turn.settings->otp_registration;
  }
  if (visit.state == VisitState::passkey) {
    view.can_register_passkey = sends && turn.settings->passkey_registration;
    view.challenge = base64url(as_octets(visit.challenge));
    view.relying_party = relying_party_of(turn);
  }
}

}  // namespace

std::uint16_t status_of(GateError error) noexcept {
  switch (error) {
    case GateError::none: return 200;
    case GateError::bad_user:
    case GateError::bad_form:
    case GateError::cookies_off: return 400;
    case GateError::bad_captcha:
    case GateError::bad_code:
    case GateError::bad_passkey:
    case GateError::denied:
    case GateError::expired:
    case GateError::no_visit:
    case GateError::not_same_origin:
    case GateError::not_allowed:
    case GateError::too_many_grants: return 403;
    case GateError::no_request:
    case GateError::not_found: return 404;
    case GateError::too_often:
    case GateError::locked: return 429;
    case GateError::unavailable:
    case GateError::busy: return 503;
  }
  CHECK(false);
}

GateReply page(const Turn& turn, PageId id, GateError error) {
  GateReply reply;
  reply.status = status_of(error);
  reply.retry_after_s = retry_after_of(turn, error);
  reply.view.page = id;
  reply.view.error = error;
  reply.view.language = turn.request.language;
  reply.view.now_ms = turn.now_ms();
  return reply;
}

GateReply message(const Turn& turn, GateError error) {
  GateReply reply = page(turn, PageId::message, error);
  // A script that waits for a visit which is no more finds the one that came of it.
  reply.view.reload = error == GateError::no_visit;
  return reply;
}

GateReply redirect(std::string location) {
  GateReply reply;
  reply.kind = GateReply::Kind::redirect;
  reply.status = 303;
  reply.location = std::move(location);
  return reply;
}

GateReply visit_page(const Turn& turn, const Present& present, GateError error) {
  const Visit& visit = present.visit;
  const bool expired = is_expired(visit, turn.now_ms());
  if (error == GateError::none) error = expired ? GateError::expired : visit.error;
  if (visit.state == VisitState::ended && visit.error == GateError::no_visit) {
    return message(turn, GateError::no_visit);
  }
  GateReply reply = page(turn, page_of(turn, visit), error);
  View& view = reply.view;
  view.form_token = visit.form_token;
  view.user = visit.user;
  view.return_url = visit.return_url;
  if (visit.state == VisitState::captcha) show_captcha(visit, view);
  if (visit.state == VisitState::choosing) view.factors = visit.factors;
  if (is_asking(visit.state)) show_factor(turn, visit, view);
  return reply;
}

GateReply visit_failed(const Turn& turn, const Present& present, GateError error) {
  // The form is still good when what failed was not what it held.
  return error == GateError::no_visit ? message(turn, error) : visit_page(turn, present, error);
}

GateReply to_visit(const Present& present) {
  GateReply reply = redirect("/visit");
  reply.cookies.push_back(
      {.name = GateCookie::Name::visit, .value = present.secret, .max_age_s = 0});
  return reply;
}

GateReply after_form(const Turn& turn, const Present& present) {
  GateReply reply = to_visit(present);
  if (present.secret == turn.request.visit_cookie) reply.cookies.clear();
  return reply;
}

bool has_form_token(const Turn& turn, std::string_view expected) noexcept {
  return same_secret(expected, turn.form("form_token"));
}

std::string form_token_of(std::string_view secret) { return keyed_hash(secret, "form"); }

bool is_expired(const Visit& visit, std::uint64_t now_ms) noexcept {
  return is_asking(visit.state) && visit.until_ms != 0 && visit.until_ms <= now_ms;
}

bool can_send_again(const Visit& visit) noexcept {
  const bool sends = visit.state == VisitState::token || visit.state == VisitState::link ||
                     visit.state == VisitState::push;
  return sends && visit.sends < kMaxSends;
}

std::string origin_of(const Turn& turn) {
  return (turn.request.https ? "https://" : "http://") + turn.request.host;
}

std::string relying_party_of(const Turn& turn) {
  if (!turn.settings->relying_party.empty()) return turn.settings->relying_party;
  const std::string& host = turn.request.host;
  // Without the port; an IPv6 address is no relying party anyway.
  return host.substr(0, host.starts_with('[') ? std::string::npos : host.find(':'));
}

}  // namespace sallyport::verify
