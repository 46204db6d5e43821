#pragma once
// Characters and pieces of header field values (RFC 9110 §5.6). Pure; any thread.

#include <algorithm>
#include <string_view>

#include "protocol/ascii.h"

namespace sallyport::http {

/// tchar of RFC 9110 §5.6.2.
[[nodiscard]] constexpr bool is_token_character(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

using sallyport::equal_ignoring_case;
using sallyport::to_lower;

[[nodiscard]] constexpr bool starts_ignoring_case(std::string_view text,
                                                  std::string_view start) noexcept {
  return equal_ignoring_case(text.substr(0, start.size()), start);
}

/// Without the spaces and tabs (OWS, RFC 9110 §5.6.3) in front.
[[nodiscard]] constexpr std::string_view trim_left(std::string_view text) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text;
}

/// Without the spaces and tabs at either end.
[[nodiscard]] constexpr std::string_view trim(std::string_view text) noexcept {
  text = trim_left(text);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

}  // namespace sallyport::http
