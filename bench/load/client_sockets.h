#pragma once
// The simulated clients: source addresses, and for each of them some connected sockets. Set-up
// only.

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "engine/ring/file_descriptor.h"
#include "protocol/ip_address.h"

namespace sallyport::lab {

/// `clients` addresses: of `network`, from its first host address on; without a network the ones
/// after 127.0.0.0 when `target` is a loopback address. One client without a network: empty, which
/// leaves the choice to the kernel. An error says why there are not so many.
[[nodiscard]] std::expected<std::vector<IpAddress>, std::string> source_addresses(
    const IpAddress& target, std::uint32_t clients, const std::optional<Prefix>& network);

/// Raises the limit of open files as far as it must and may.
[[nodiscard]] std::expected<void, std::string> allow_open_files(std::uint64_t count);

/// `ports` sockets for each source address, each with a port of its own, connected to `target`.
/// Neighbours have different addresses.
[[nodiscard]] std::expected<std::vector<ring::FileDescriptor>, std::string> open_client_sockets(
    const Endpoint& target, const std::vector<IpAddress>& sources, std::uint32_t ports);

}  // namespace sallyport::lab
