#pragma once
// Strong types for the header's fields.

#include <array>
#include <cstdint>

#include "protocol/octets.h"

namespace sallyport::radius {

/// RFC 2865 §3: matches a request with its reply.
struct Identifier {
  std::uint8_t value = 0;
  auto operator<=>(const Identifier&) const = default;
};

/// The 16 octets of a Request or Response Authenticator (RFC 2865 §3). Compared in constant time.
/// RADIUS/1.1 has a Token of 4 octets in their place, and zeros behind it (RFC 9765 §4.1).
struct Authenticator {
  std::array<std::uint8_t, 16> octets{};
  friend bool operator==(const Authenticator& a, const Authenticator& b) noexcept {
    return equal_constant_time(a.octets, b.octets);
  }
};

inline constexpr std::size_t kTokenOctets = 4;

}  // namespace sallyport::radius
