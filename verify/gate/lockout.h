#pragma once
// Wrong answers are counted before it is known whether they are wrong: however many ask at once, no
// more than so many are looked at. Counted for a user from one address prefix, or from one of his
// signed-in browsers, so that nobody can lock a user out from elsewhere; and for a user from
// anywhere, after which only places that he has come from before may try. Kept in the store, for
// all nodes and restarts.

#include "verify/gate/core.h"

namespace sallyport::verify {

/// Whose answer it is and where it comes from.
struct Answerer {
  std::string subject;  ///< subject_of(user)
  std::string from;     ///< the address prefix, or the session, that is locked or not
  std::string prefix;
};
/// `session`: id of the user's own, if the request has one; empty: none.
[[nodiscard]] Answerer answerer_of(const Turn& turn, std::string_view user,
                                   std::string_view session);

/// Counts an answer and says whether it may be looked at. locked, or unavailable.
[[nodiscard]] Outcome<> begin_answer(const Turn& turn, const Answerer& answerer);
// Best effort: what fails only makes the gate stricter.
/// It was right: what was counted is forgotten.
void answer_was_right(const Turn& turn, const Answerer& answerer);
/// He was let in from there.
void remember_place(const Turn& turn, const Answerer& answerer);

/// Ends all locks of a user.
[[nodiscard]] Outcome<bool> end_locks(Core& core, std::string_view user);

}  // namespace sallyport::verify
