#include "bench/load/client_sockets.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>
#include <sys/resource.h>

#include "engine/ring/udp_socket.h"

namespace sallyport::lab {
namespace {

std::string message_of(int error) { return std::generic_category().message(error); }

/// The address `number` after `base`.
IpAddress after(const IpAddress& base, std::uint32_t number) {
  IpAddress address = base;
  std::uint64_t carry = number;
  for (std::size_t i = address.octets.size(); carry > 0 && i-- > 0;) {
    carry += address.octets[i];
    address.octets[i] = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
  return address;
}

}  // namespace

std::expected<std::vector<IpAddress>, std::string> source_addresses(
    const IpAddress& target, std::uint32_t clients, const std::optional<Prefix>& network) {
  Prefix from{.address = IpAddress::v4(0x7f00'0000), .length = 104};
  if (network) {
    if (network->address.is_v4() != target.is_v4()) {
      return std::unexpected(fmt::format("{} and the target {} are of different IP versions",
                                         network->text(), target.text()));
    }
    from = *network;
  } else if (clients == 1) {
    return std::vector<IpAddress>{};
  } else if (!target.is_v4() || !target.is_loopback()) {
    return std::unexpected(
        "more than one client needs --source-network, with addresses of this "
        "machine to send from");
  }
  if (from.length == 128 && clients == 1) return std::vector{from.address};
  std::vector<IpAddress> addresses;
  for (std::uint32_t i = 1; i <= clients; ++i) {
    addresses.push_back(after(from.address, i));
    if (!from.contains(addresses.back())) {
      return std::unexpected(
          fmt::format("{} has no {} host addresses for the clients", from.text(), clients));
    }
  }
  return addresses;
}

std::expected<void, std::string> allow_open_files(std::uint64_t count) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::unexpected(message_of(errno));
  if (limit.rlim_cur >= count) return {};
  limit.rlim_cur = count;
  limit.rlim_max = std::max<rlim_t>(limit.rlim_max, count);  // taken only from a privileged user
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return {};
  return std::unexpected(
      fmt::format("{} sockets need more open files than this process may have ({}): ulimit -n",
                  count, message_of(errno)));
}

std::expected<std::vector<ring::FileDescriptor>, std::string> open_client_sockets(
    const Endpoint& target, const std::vector<IpAddress>& sources, std::uint32_t ports) {
  std::vector<ring::FileDescriptor> sockets;
  const std::size_t addresses = std::max<std::size_t>(sources.size(), 1);
  for (std::size_t i = 0; i < addresses * ports; ++i) {
    auto socket = ring::open_udp(target.address);
    if (!socket) return std::unexpected("cannot open a socket: " + message_of(socket.error()));
    if (!sources.empty()) {
      const IpAddress& source = sources[i % sources.size()];
      if (const auto bound = ring::bind_to(*socket, {.address = source, .port = 0}); !bound) {
        return std::unexpected(
            fmt::format("cannot send from {}: {}", source.text(), message_of(bound.error())));
      }
    }
    if (const auto connected = ring::connect_to(*socket, target); !connected) {
      return std::unexpected(
          fmt::format("cannot send to {}: {}", target.text(), message_of(connected.error())));
    }
    sockets.push_back(std::move(*socket));
  }
  return sockets;
}

}  // namespace sallyport::lab
