#pragma once
// The answer to a challenge that CHAP (RFC 1994 §4.1) and EAP-MD5 (RFC 3748 §5.4) have in common.

#include <array>
#include <cstdint>

#include "protocol/octets.h"

namespace sallyport::lab {

/// MD5(identifier + password + challenge).
[[nodiscard]] std::array<std::uint8_t, 16> chap_response(std::uint8_t identifier, Octets password,
                                                         Octets challenge) noexcept;

}  // namespace sallyport::lab
