#pragma once
// What a browser calls itself, in a few words for people. Pure; any thread.

#include <cstddef>
#include <string>
#include <string_view>

namespace sallyport::http {

inline constexpr std::size_t kMaxDeviceName = 64;

/// "Firefox on Linux", "curl"; "Unknown device" when there is nothing to tell by. Only words of our
/// own table, or a product's name in letters, digits and "-._": never markup, at most
/// kMaxDeviceName octets.
[[nodiscard]] std::string device_name(std::string_view user_agent);

}  // namespace sallyport::http
