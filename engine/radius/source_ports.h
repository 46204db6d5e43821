#pragma once
// The connected sockets that requests to the downstream leave from; each carries 256 Identifiers.
// All that a shard may ever use are opened at start, where a failure is an error message; the door
// takes them into use as load needs them.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "engine/ring/file_descriptor.h"
#include "protocol/ip_address.h"

namespace sallyport::radius_door {

/// `source`: bind to this address; empty: the route decides. An error is one line that says what to
/// do.
[[nodiscard]] std::expected<std::vector<ring::FileDescriptor>, std::string> open_source_ports(
    const Endpoint& downstream, const std::optional<IpAddress>& source, std::size_t count);

}  // namespace sallyport::radius_door
