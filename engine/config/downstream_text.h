#pragma once
// Texts of [[downstream.route]]: each appends what it says to a list, or says what is wrong with
// it.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/checks.h"

namespace sallyport::config {

/// "example.com", "*.example.com", "*", "" (no realm)
[[nodiscard]] Finding add_realm(std::string_view text, std::vector<std::string>& realms);
[[nodiscard]] Finding add_client_name(std::string_view text, std::vector<std::string>& names);
/// Of a Called-Station-Id, with * for any octets.
[[nodiscard]] Finding add_pattern(std::string_view text, std::vector<std::string>& patterns);

}  // namespace sallyport::config
