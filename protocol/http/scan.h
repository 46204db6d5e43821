#pragma once
// Looking for the end of a piece of a head: octet by octet where it is short, eight at a time in
// what is long. Pure; any thread.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sallyport::http {

/// Octets of some kind, by their value.
using OctetSet = std::array<bool, 256>;

[[nodiscard]] constexpr bool is_in(const OctetSet& set, char c) noexcept {
  return set[static_cast<unsigned char>(c)];
}

/// How many octets of `set` `text` begins with.
[[nodiscard]] constexpr std::size_t count_leading(const OctetSet& set,
                                                  std::string_view text) noexcept {
  std::size_t count = 0;
  while (count < text.size() && is_in(set, text[count])) ++count;
  return count;
}

/// What a field value may hold: no control but the tab (RFC 9110 §5.5).
[[nodiscard]] constexpr bool is_text(char c) noexcept {
  const auto octet = static_cast<unsigned char>(c);
  return c == '\t' || (octet >= 0x20 && octet != 0x7f);
}

/// The first control but the tab, which ends what a field value may hold (RFC 9110 §5.5), or the
/// first `also`, which is ASCII; or `end`.
template <char also = '\r'>
[[nodiscard]] inline const char* find_control(const char* at, const char* end) noexcept {
  constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101;
  constexpr std::uint64_t kHighs = kOnes * 0x80;
  constexpr std::ptrdiff_t kStep = sizeof(std::uint64_t);
  static_assert(std::endian::native == std::endian::little);
  while (end - at >= kStep) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    // The high bit of each octet that is below 0x20, 0x7f or `also`. Borrows may set it in octets
    // behind such a one, so only the first can be told.
    std::uint64_t found = (word - kOnes * 0x20) | ((word ^ kOnes * 0x7f) - kOnes);
    if constexpr (also >= ' ') found |= (word ^ kOnes * also) - kOnes;
    found &= ~word & kHighs;
    if (found == 0) {
      at += kStep;
      continue;
    }
    at += std::countr_zero(found) / 8;
    if (*at != '\t') return at;
    ++at;
  }
  while (at != end && is_text(*at) && *at != also) ++at;
  return at;
}

}  // namespace sallyport::http
