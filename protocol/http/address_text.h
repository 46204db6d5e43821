#pragma once
// Addresses read from text without the heap: HTTP fields carry them in each request.

#include <optional>
#include <string_view>

#include "protocol/ip_address.h"

namespace sallyport::http {

/// "192.0.2.1" or "2001:db8::1": no brackets, no port, no zone. Any thread.
[[nodiscard]] std::optional<IpAddress> read_address(std::string_view text) noexcept;

/// A node as proxies write it: an address, "192.0.2.1:4711", "[2001:db8::1]", "[2001:db8::1]:4711".
/// The port is checked and dropped.
[[nodiscard]] std::optional<IpAddress> read_node(std::string_view text) noexcept;

/// Decimal, no sign, no leading zero, at most 65,535.
[[nodiscard]] std::optional<std::uint16_t> read_port(std::string_view text) noexcept;

}  // namespace sallyport::http
