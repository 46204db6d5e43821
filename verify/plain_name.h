#pragma once
// A user's name for whatever counts or denies: without what can be written into it without making
// it another's. Servers that look names up pass over white space at their ends; so a name with it
// is the same user's here. Who is let in, or sent on, has his name octet for octet instead.

#include <cstddef>
#include <string_view>

#include "protocol/ascii.h"

namespace sallyport::verify {

/// Longer names are cut: no attribute of RADIUS holds one.
class PlainName {
 public:
  static constexpr std::size_t kMaxOctets = 253;

  /// Without spaces and control characters at its ends, and beside its @ and \, which are the ends
  /// of the user and the realm. Their case stays.
  explicit constexpr PlainName(std::string_view name) noexcept {
    for (const char c : name.substr(0, kMaxOctets)) {
      const bool begins = size_ == 0 || is_mark(octets_[size_ - 1]);
      if (is_blank(c) && begins) continue;
      if (is_mark(c)) drop_blanks();
      octets_[size_++] = c;
    }
    drop_blanks();
  }
  [[nodiscard]] constexpr std::string_view view() const noexcept { return {octets_, size_}; }

 private:
  static constexpr bool is_blank(char c) noexcept { return c == ' ' || is_control(c); }
  static constexpr bool is_mark(char c) noexcept { return c == '@' || c == '\\'; }
  constexpr void drop_blanks() noexcept {
    while (size_ > 0 && is_blank(octets_[size_ - 1])) --size_;
  }

  char octets_[kMaxOctets] = {};
  std::size_t size_ = 0;
};

}  // namespace sallyport::verify
