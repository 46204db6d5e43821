#pragma once
// The small RADIUS server's users and their passwords: "alice wonderland" or "alice=wonderland",
// one a line. Pure.

#include <expected>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "protocol/secret.h"

namespace sallyport::lab {

using UserPasswords = std::map<std::string, Secret, std::less<>>;

/// Blank lines and those that begin with # are skipped. The error names the line, never a password.
[[nodiscard]] std::expected<UserPasswords, std::string> parse_users(std::string_view text);

}  // namespace sallyport::lab
