#pragma once
// Text of bounded length inside a struct: what crosses a mailbox may not own memory.

#include <cstdint>
#include <string_view>

#include "protocol/octets.h"

namespace sallyport::verify {

/// At most Capacity octets (1..255); longer input is cut. Not terminated, may hold any octet.
template <std::size_t Capacity>
class ShortText {
  static_assert(Capacity >= 1 && Capacity <= 255);

 public:
  ShortText() = default;
  explicit ShortText(std::string_view text) noexcept { assign(text); }
  void assign(std::string_view text) noexcept {
    size_ = static_cast<std::uint8_t>(text.copy(octets_, Capacity));
  }
  void assign(Octets octets) noexcept { assign(as_text(octets)); }
  [[nodiscard]] std::string_view view() const noexcept { return {octets_, size_}; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

 private:
  std::uint8_t size_ = 0;
  char octets_[Capacity];
};

}  // namespace sallyport::verify
