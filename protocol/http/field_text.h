#pragma once
// Characters and pieces of header field values (RFC 9110 §5.6). Pure; any thread.

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "protocol/ascii.h"
#include "protocol/http/scan.h"

namespace sallyport::http {

/// tchar of RFC 9110 §5.6.2.
inline constexpr OctetSet kTokenOctets = [] {
  OctetSet set{};
  for (std::size_t c = 0x21; c < 0x7f; ++c) {
    set[c] = !std::string_view("\"(),/:;<=>?@[\\]{}").contains(static_cast<char>(c));
  }
  return set;
}();

[[nodiscard]] constexpr bool is_token_character(char c) noexcept { return is_in(kTokenOctets, c); }

[[nodiscard]] constexpr bool is_token(std::string_view text) noexcept {
  return !text.empty() && count_leading(kTokenOctets, text) == text.size();
}

using sallyport::equal_ignoring_case;
using sallyport::to_lower;

[[nodiscard]] constexpr bool starts_ignoring_case(std::string_view text,
                                                  std::string_view start) noexcept {
  return equal_ignoring_case(text.substr(0, start.size()), start);
}

/// Of OWS and RWS (RFC 9110 §5.6.3).
[[nodiscard]] constexpr bool is_white_space(char c) noexcept { return c == ' ' || c == '\t'; }

/// Without the spaces and tabs (OWS, RFC 9110 §5.6.3) in front.
[[nodiscard]] constexpr std::string_view trim_left(std::string_view text) noexcept {
  while (!text.empty() && is_white_space(text.front())) text.remove_prefix(1);
  return text;
}

/// Without the spaces and tabs at either end.
[[nodiscard]] constexpr std::string_view trim(std::string_view text) noexcept {
  text = trim_left(text);
  while (!text.empty() && is_white_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace sallyport::http
