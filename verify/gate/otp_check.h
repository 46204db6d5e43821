#pragma once
// Codes of an authenticator app, and recovery codes. Any thread.

#include <optional>
#include <string_view>

#include "verify/gate/core.h"

namespace sallyport::verify {

/// Whether `code` is the user's: of a step that was not used before, or a recovery code. What is
/// used is dead in the store before this says so: of two nodes that are asked at once, one says
/// yes. bad_code: wrong, or he has no app. `user`: as the directory spells it; nothing: there is no
/// such user, which takes as long.
[[nodiscard]] Outcome<> use_otp_code(const Turn& turn, const std::optional<std::string>& user,
                                     std::string_view code);

}  // namespace sallyport::verify
