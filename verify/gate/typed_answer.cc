#include "verify/gate/typed_answer.h"

#include "verify/gate/lockout.h"
#include "verify/gate/sessions.h"

namespace sallyport::verify {

Outcome<> begin_typed_answer(const Turn& turn, std::string_view user) {
  if (const auto may = turn.limit(Limited::check, user); !may) return may;
  const auto found = signed_in(turn);
  if (!found) return std::unexpected(found.error());
  const bool is_his = *found && subject_of((*found)->user) == subject_of(user);
  return begin_answer(turn, answerer_of(turn, user, is_his ? (*found)->id : std::string{}));
}

Outcome<Present> count_answer(const Turn& turn, const Present& present, VisitState asking) {
  const std::string challenge =
      asking == VisitState::passkey ? random_secret(thread_random()) : std::string{};
  return change_visit(*turn.core, present.secret, {}, turn.now_ms(),
                      [&](Visit& visit, std::string_view) -> Outcome<SecretFate> {
                        if (visit.state != asking || visit.wrong >= turn.settings->tries) {
                          return std::unexpected(GateError::no_request);
                        }
                        if (visit.challenge != present.visit.challenge) {
                          return std::unexpected(GateError::bad_passkey);
                        }
                        ++visit.wrong;
                        visit.challenge = challenge;
                        return SecretFate::stays;
                      });
}

Outcome<SecretFate> count_wrong(const Turn& turn, Visit& visit, GateError error) {
  if (++visit.wrong < turn.settings->tries) return SecretFate::stays;
  if (!move(visit, VisitState::ended)) return std::unexpected(GateError::no_request);
  visit.error = error;
  return SecretFate::stays;
}

GateReply wrong_answer(const Turn& turn, const Present& present, GateError error) {
  if (present.visit.wrong < turn.settings->tries) return visit_page(turn, present, error);
  const auto ended = change_visit(*turn.core, present.secret, {}, turn.now_ms(),
                                  [&](Visit& visit, std::string_view) -> Outcome<SecretFate> {
                                    if (!move(visit, VisitState::ended)) {
                                      return std::unexpected(GateError::no_request);
                                    }
                                    visit.error = error;
                                    return SecretFate::stays;
                                  });
  if (!ended) return visit_failed(turn, present, ended.error());
  return visit_page(turn, *ended);
}

GateReply approve_and_claim(const Turn& turn, const Present& present, VisitState asking) {
  const std::string next = random_secret(thread_random());
  const auto approved = change_visit(*turn.core, present.secret, next, turn.now_ms(),
                                     [&](Visit& visit, std::string_view) -> Outcome<SecretFate> {
                                       if (visit.state != asking)
                                         return std::unexpected(GateError::no_request);
                                       visit.address = turn.request.visitor;
                                       if (const auto done = approve(visit); !done)
                                         return std::unexpected(done.error());
                                       return SecretFate::changes;
                                     });
  if (!approved) return visit_failed(turn, present, approved.error());
  return claim(turn, *approved);
}

}  // namespace sallyport::verify
