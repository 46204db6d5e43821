#pragma once
// The five states of the service in words: what each means and what to look at. Used by /health, by
// /status and by `sallyport status`; docs/operations.md says more of each.

#include <string>
#include <string_view>

#include "verify/pool.h"

namespace sallyport::admin {

struct HealthWords {
  std::string_view title;    ///< one line, as an operator reads it first
  std::string_view meaning;  ///< what is known
  std::string_view look_at;  ///< what to check next
};

[[nodiscard]] const HealthWords& words_for(verify::HealthState state) noexcept;

/// The state's title; for `other_error` with the error's own text.
[[nodiscard]] std::string title_of(const verify::Health& health);

/// The state of this name ("ok", "not_running", …); `other_error` for a name we do not know.
[[nodiscard]] verify::HealthState state_named(std::string_view name) noexcept;

}  // namespace sallyport::admin
