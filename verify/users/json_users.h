#pragma once
// Users as JSON: one object, as a command prints it, or an array of them, as a file has it.
//
//     {"id": "alice", "name": "Alice", "mail": "alice@example.net", "mobile": "+49151…",
//      "telephone": "", "language": "de", "groups": ["staff"]}
//
// "uid" and "email" are taken for "id" and "mail" (doorman's names); other keys are passed over.
// Pure; any thread.

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "verify/users/directory.h"

namespace sallyport::verify {

// An error is a sentence without its full stop that quotes nothing of the text.
[[nodiscard]] std::expected<User, std::string> read_user(std::string_view json);
[[nodiscard]] std::expected<std::vector<User>, std::string> read_users(std::string_view json);

}  // namespace sallyport::verify
