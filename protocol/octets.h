#pragma once
// Views of octets. A view never owns; whoever hands one out says how long it lives.

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "protocol/check.h"

namespace sallyport {

using Octets = std::span<const std::uint8_t>;
using MutableOctets = std::span<std::uint8_t>;

inline Octets as_octets(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(Octets octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

/// Copies all of `from` to the front of `to`, which has room for it; they do not overlap. (GCC 12's
/// std::ranges::copy goes octet by octet when it reads constant memory.)
inline void copy_octets(Octets from, MutableOctets to) noexcept {
  CHECK(from.size() <= to.size());
  if (!from.empty()) std::memcpy(to.data(), from.data(), from.size());
}

/// Equal length and equal octets, in a time that depends on the lengths only.
[[nodiscard]] bool equal_constant_time(Octets a, Octets b) noexcept;

/// Overwrites with zeros; the compiler may not drop it.
void wipe(MutableOctets octets) noexcept;

}  // namespace sallyport
