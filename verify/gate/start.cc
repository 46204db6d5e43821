// The first form, renewal without a factor, and the captcha.

#include <algorithm>
#include <optional>

#include "verify/gate/asking.h"
#include "verify/gate/captcha_of_visit.h"
#include "verify/gate/flows.h"
#include "verify/gate/sessions.h"

namespace sallyport::verify {
namespace {

/// The visit's first step behind the captcha: the only factor, or the choice.
class FirstStep {
 public:
  FirstStep(const Turn& turn, const std::vector<Factor>& factors) {
    if (factors.size() == 1) asking_.emplace(turn, factors.front());
  }
  [[nodiscard]] Outcome<> prepare(const Visit& visit, std::string_view secret) const {
    if (!asking_) return {};
    if (const auto may = asking_->limit(visit.user); !may) return may;
    return asking_->prepare(visit, secret);
  }
  [[nodiscard]] Outcome<> take(Visit& visit, std::string_view secret) const {
    if (asking_) return asking_->write_into(visit, secret);
    if (!move(visit, VisitState::choosing)) return std::unexpected(GateError::no_visit);
    return {};
  }
  void send(const Present& present) const {
    if (asking_) asking_->send(present);
  }

 private:
  std::optional<Asking> asking_;
};

[[nodiscard]] bool show_new_captcha(Visit& visit) {
  if (!move(visit, VisitState::captcha)) return false;
  visit.captcha_seed = random_secret(thread_random());
  return true;
}

Visit fresh_visit(const Turn& turn, std::string_view user) {
  Visit visit;
  visit.user = user;
  visit.address = turn.request.visitor;
  visit.language = turn.request.language;
  if (turn.request.return_url.size() <= kMaxReturnUrl) visit.return_url = turn.request.return_url;
  visit.factors = usable_factors(turn);
  visit.access_ms = turn.request.access_ms;
  visit.form_token = random_secret(thread_random());
  return visit;
}

/// Whether the browser is signed in so that it can open this address by itself.
Outcome<std::optional<SignedIn>> who_can_renew(const Turn& turn) {
  if (!turn.settings->renew_silently) return std::nullopt;
  auto found = signed_in(turn);
  if (!found || !*found) return found;
  const SignedIn& who = **found;
  const std::vector<Factor> factors = usable_factors(turn);
  if (std::ranges::find(factors, who.session.by) == factors.end()) return std::nullopt;
  if (was_revoked(*turn.core, who, turn.now_ms())) return std::nullopt;
  return found;
}

/// Nothing: it asks for a factor.
Outcome<std::optional<GateReply>> renew(const Turn& turn, std::string_view user) {
  const auto found = who_can_renew(turn);
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::nullopt;
  const SignedIn& who = **found;
  if (!user.empty() && subject_of(user) != subject_of(who.user)) return std::nullopt;
  const auto known = turn.core->find_user(who.user);
  if (!known) return std::unexpected(known.error());
  if (!*known || is_denied_user(*turn.settings, who.user)) return std::nullopt;
  Opening opening;
  opening.user = who.user;
  opening.by = who.session.by;
  opening.address = turn.request.visitor;
  opening.until_ms = std::min(access_end(turn, turn.request.access_ms), who.session.until_ms);
  opening.session = who.id;
  opening.reason = "renewed";
  const auto grant = open_grant(turn, opening);
  if (!grant) return std::unexpected(grant.error());
  turn.audit("renewed", who.user);
  GateReply reply = redirect(turn.request.return_url.empty() ? "/access" : turn.request.return_url);
  add_access_cookie(turn, *grant, reply);
  return reply;
}

GateReply start_failed(const Turn& turn, std::string_view user, GateError error) {
  GateReply reply = page(turn, PageId::start, error);
  reply.view.user = user;
  reply.view.return_url = turn.request.return_url;
  return reply;
}

}  // namespace

GateReply answer_first_page(const Turn& turn) {
  GateReply reply = page(turn, PageId::start);
  reply.view.return_url = turn.request.return_url;
  const auto who = who_can_renew(turn);
  if (!who || !*who) return reply;
  reply.view.user = (*who)->user;
  reply.view.can_renew = true;
  return reply;
}

GateReply answer_start(const Turn& turn) {
  const std::string_view user = turn.form("user");
  if (const auto may = turn.limit(Limited::start, user); !may) {
    return start_failed(turn, user, may.error());
  }
  auto renewed = renew(turn, user);
  if (!renewed) return start_failed(turn, user, renewed.error());
  if (*renewed) return std::move(**renewed);
  if (!is_user_id(user)) return start_failed(turn, user, GateError::bad_user);
  const Visit visit = fresh_visit(turn, user);
  if (visit.factors.empty()) return message(turn, GateError::unavailable);

  const std::string secret = random_secret(thread_random());
  const bool captcha = turn.settings->captcha != CaptchaMode::off;
  const FirstStep first(turn, visit.factors);
  if (!captcha) {
    if (const auto may = first.prepare(visit, secret); !may) {
      return start_failed(turn, user, may.error());
    }
  }
  const auto begun = begin_visit(turn, visit, secret,
                                 [&](Visit& fresh, std::string_view its) -> Outcome<SecretFate> {
                                   if (captcha) {
                                     if (show_new_captcha(fresh)) return SecretFate::stays;
                                     return std::unexpected(GateError::no_visit);
                                   }
                                   const auto taken = first.take(fresh, its);
                                   if (!taken) return std::unexpected(taken.error());
                                   return SecretFate::stays;
                                 });
  if (!begun) return start_failed(turn, user, begun.error());
  if (!captcha) first.send(*begun);
  turn.audit("started", user);
  GateReply reply = to_visit(*begun);
  reply.location = "/visit?begun=1";
  return reply;
}

GateReply answer_captcha_picture(const Turn& turn) {
  if (const auto may = turn.limit(Limited::captcha, {}); !may) return message(turn, may.error());
  const auto present = present_visit(turn);
  if (!present) return message(turn, present.error());
  if (present->visit.state != VisitState::captcha) return message(turn, GateError::not_found);
  GateReply reply;
  reply.kind = GateReply::Kind::octets;
  reply.octets = captcha_of(present->visit, turn.settings->captcha).png;
  reply.content_type = "image/png";
  return reply;
}

GateReply answer_captcha(const Turn& turn) {
  const auto present = present_visit(turn);
  if (!present) return message(turn, present.error());
  const Visit& asked = present->visit;
  if (!has_form_token(turn, asked.form_token)) {
    return visit_failed(turn, *present, GateError::not_same_origin);
  }
  if (asked.state != VisitState::captcha) return after_form(turn, *present);
  if (const auto may = turn.limit(Limited::captcha, {}); !may) {
    return visit_failed(turn, *present, may.error());
  }
  const bool another = !turn.form("renew").empty();
  const bool solved =
      !another && is_solved(asked, turn.settings->captcha, turn.form("answer"), turn.form("proof"));
  const std::string next = random_secret(thread_random());
  const FirstStep first(turn, asked.factors);
  if (solved) {
    if (const auto may = first.prepare(asked, next); !may) {
      return visit_failed(turn, *present, may.error());
    }
  }
  const auto edit = [&](Visit& visit, std::string_view secret) -> Outcome<SecretFate> {
    // Good once: who else solved this one has been faster.
    if (visit.captcha_seed != asked.captcha_seed) return std::unexpected(GateError::bad_captcha);
    if (solved) {
      const auto taken = first.take(visit, secret);
      if (!taken) return std::unexpected(taken.error());
      return SecretFate::changes;
    }
    if (!another && ++visit.captchas_wrong >= turn.settings->tries) {
      if (!move(visit, VisitState::ended)) return std::unexpected(GateError::no_visit);
      visit.error = GateError::bad_captcha;
      return SecretFate::stays;
    }
    if (!show_new_captcha(visit)) return std::unexpected(GateError::no_visit);
    return SecretFate::stays;
  };
  const auto changed = change_visit(*turn.core, present->secret, next, turn.now_ms(), edit);
  if (!changed) return visit_failed(turn, *present, changed.error());
  if (solved) {
    first.send(*changed);
    return to_visit(*changed);
  }
  if (another) return after_form(turn, *changed);
  turn.audit("captcha_wrong", asked.user);
  return visit_page(turn, *changed, GateError::bad_captcha);
}

}  // namespace sallyport::verify
