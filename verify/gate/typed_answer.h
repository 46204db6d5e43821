#pragma once
// Answers that can be wrong: codes and passkeys. Each is counted, against the limits, against who
// tries, and against the visit, before it is looked at. Any thread.

#include "verify/gate/claim.h"
#include "verify/gate/core.h"
#include "verify/gate/visits.h"

namespace sallyport::verify {

/// Counts it against the limits and locks. too_often, locked, unavailable.
[[nodiscard]] Outcome<> begin_typed_answer(const Turn& turn, std::string_view user);

/// Counts it against the visit, which is asking for this factor; a passkey's challenge is replaced,
/// so that it is good once. The visit that comes of it, to go on with.
[[nodiscard]] Outcome<Present> count_answer(const Turn& turn, const Present& present,
                                            VisitState asking);
/// It was wrong: with the last try the visit ends.
[[nodiscard]] GateReply wrong_answer(const Turn& turn, const Present& present, GateError error);
/// The same within an edit that has found out by itself.
[[nodiscard]] Outcome<SecretFate> count_wrong(const Turn& turn, Visit& visit, GateError error);

/// It was right: the visit is approved for this request's address, under a new secret, and claimed.
[[nodiscard]] GateReply approve_and_claim(const Turn& turn, const Present& present,
                                          VisitState asking);

}  // namespace sallyport::verify
