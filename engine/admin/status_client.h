#pragma once
// Asks a running daemon how it is: GET /status of its admin listener. For `sallyport status` only;
// blocks.

#include <cstdint>
#include <expected>
#include <string>

#include "protocol/ip_address.h"

namespace sallyport::admin {

inline constexpr std::uint32_t kStatusTimeoutMs = 5'000;

/// Where a client reaches a listener bound to `listen`: the any address is asked on loopback.
[[nodiscard]] Endpoint reachable(const Endpoint& listen);

/// The body, or why there is none.
[[nodiscard]] std::expected<std::string, std::string> fetch_status(
    const Endpoint& admin, std::uint32_t timeout_ms = kStatusTimeoutMs);

}  // namespace sallyport::admin
