#pragma once
// What operators ask of the gate about users. Any thread but a shard's; they wait for the store.
// Whoever passes their commands on tells the audit log who has given them.

#include <string>
#include <string_view>

#include "verify/gate/core.h"

namespace sallyport::verify {

/// Lines "key: value". `has_directory`: else nobody can say who is a user.
[[nodiscard]] std::string describe_user(Core& core, std::string_view user,
                                        bool has_directory = true);
[[nodiscard]] Changed unlock(Core& core, std::string_view user);
[[nodiscard]] Changed remove_otp(Core& core, std::string_view user);
[[nodiscard]] Changed remove_passkeys(Core& core, std::string_view user);
/// For a user who has no app: a secret is made and kept, and what his app reads is returned. Its
/// first code counts as soon as he logs in with it; recovery codes he makes himself, at the gate.
[[nodiscard]] Registered register_app(Core& core, std::string_view user);

}  // namespace sallyport::verify
