#pragma once
// Visits in the store: found by their secret, changed by replacing. Any thread.

#include <functional>
#include <string>
#include <string_view>

#include "verify/gate/core.h"

namespace sallyport::verify {

/// A visit and the secret that names it.
struct Present {
  Visit visit;
  std::string secret;
};

/// What is done to a visit. It may be called several times, each time with the visit as it is then.
/// `secret`: that it will have. An error: nothing is written.
enum class SecretFate : std::uint8_t { stays, changes };
using VisitEdit = std::function<Outcome<SecretFate>(Visit& visit, std::string_view secret)>;

/// The visit that the request's cookie names. no_visit: none.
[[nodiscard]] Outcome<Present> present_visit(const Turn& turn);

/// Puts a fresh visit into the store, after `edit` (which gives it its state).
[[nodiscard]] Outcome<Present> begin_visit(const Turn& turn, Visit visit, std::string_view secret,
                                           const VisitEdit& edit);

/// Edits the visit of this secret. When its secret changes, the old one is dead from then on: of
/// all who know it, only who changed it learns the new one.
[[nodiscard]] Outcome<Present> change_visit(Core& core, std::string_view secret,
                                            std::string_view next_secret, std::uint64_t now_ms,
                                            const VisitEdit& edit);

/// The same for who does not know the secret and cannot change it: an approval, a phone's answer.
[[nodiscard]] Outcome<Visit> change_visit_of_id(Core& core, std::string_view id,
                                                std::uint64_t now_ms,
                                                const std::function<Outcome<>(Visit&)>& edit);

/// The end of a visit that is written now.
[[nodiscard]] std::uint64_t visit_end(const Visit& visit, std::uint64_t now_ms) noexcept;

}  // namespace sallyport::verify
