#pragma once
// Client data (WebAuthn Level 2 §5.8.1): what the browser says the ceremony is about. JSON, read by
// simdjson.

#include <expected>
#include <string_view>

#include "protocol/webauthn/webauthn.h"

namespace sallyport::webauthn {

/// Longer ones are not read. An origin has at most some 300 octets, a challenge of ours 43.
inline constexpr std::size_t kMaxClientData = 4'096;

/// `type`: "webauthn.create" or "webauthn.get".
[[nodiscard]] std::expected<void, Problem> check_client_data(const Expected& expected,
                                                             std::string_view type,
                                                             std::string_view json);

}  // namespace sallyport::webauthn
