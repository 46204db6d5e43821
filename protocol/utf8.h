#pragma once
// One character of UTF-8, read strictly (RFC 3629 §3, §4). Pure; any thread; no heap.

#include <cstddef>
#include <string_view>

namespace sallyport {

struct Utf8Character {
  char32_t point = 0;
  std::size_t octets = 0;  ///< 0: there is none
};

/// Of one that is not ASCII.
[[nodiscard]] Utf8Character decode_long_utf8(std::string_view text) noexcept;

/// The character at the front of `text`. No overlong forms, no surrogates, nothing beyond U+10FFFF.
[[nodiscard]] inline Utf8Character decode_utf8(std::string_view text) noexcept {
  if (text.empty()) return {};
  // Nearly all there is.
  const auto first = static_cast<unsigned char>(text[0]);
  return first < 0x80 ? Utf8Character{first, 1} : decode_long_utf8(text);
}

}  // namespace sallyport
