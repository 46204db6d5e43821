#pragma once
// base64url without padding (RFC 4648 §5), as WebAuthn and links have it. Pure; any thread.

#include <optional>
#include <string>
#include <string_view>

#include "protocol/octets.h"

namespace sallyport {

[[nodiscard]] std::string base64url(Octets octets);

/// Nothing for padding, white space, the letters of plain base64, a length that none has, and for
/// spare bits that are not zero: each octet sequence has one text.
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text);

}  // namespace sallyport
