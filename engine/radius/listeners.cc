#include "engine/radius/listeners.h"

#include <cerrno>
#include <system_error>

#include "engine/radius/steering.h"
#include "engine/ring/udp_socket.h"

namespace sallyport::radius_door {
namespace {

std::string explain_bind(const Endpoint& address, int error) {
  const std::string where = "cannot listen on " + address.text() + ": ";
  const std::string port = std::to_string(address.port);
  switch (error) {
    case EADDRINUSE:  // another process, or ourselves twice
      return where + "port " + port + " is in use: stop what uses it (ss -ulpn 'sport = :" + port +
             "' names it), or choose another address in radius.listen";
    case EACCES:  // below net.ipv4.ip_unprivileged_port_start
      return where +
             "ports below 1024 need CAP_NET_BIND_SERVICE: grant it (AmbientCapabilities= in the "
             "systemd unit, --cap-add in a container), or choose a higher port";
    case EADDRNOTAVAIL:  // not an address of this machine, or not yet
      return where +
             "this machine has no such address: correct radius.listen, or start after the "
             "network is up";
    case EAFNOSUPPORT:  // IPv6 switched off
      return where + "this machine has IPv6 switched off: remove the address from radius.listen";
    case EMFILE:  // RLIMIT_NOFILE
      return where + "no file descriptor is left: raise LimitNOFILE= or ulimit -n";
    default:  // its own text must do
      return where + std::generic_category().message(error);
  }
}

/// Whether somebody has the port. SO_REUSEPORT lets two servers of one user share a port in
/// silence, each with half of the datagrams; a socket without it is refused.
std::expected<void, int> probe(const Endpoint& address) {
  const auto socket = ring::open_udp(address.address);
  if (!socket) return std::unexpected(socket.error());
  return ring::bind_to(*socket, address);
}

std::expected<ListenGroup, int> open_group(const Endpoint& address, std::size_t shards) {
  ListenGroup group{.bound = address, .sockets = {}};
  for (std::size_t shard = 0; shard < shards; ++shard) {
    auto socket = ring::open_udp(address.address);
    if (!socket) return std::unexpected(socket.error());
    if (const auto shared = ring::share_port(*socket); !shared) {
      return std::unexpected(shared.error());
    }
    if (const auto bound = ring::bind_to(*socket, group.bound); !bound) {
      return std::unexpected(bound.error());
    }
    if (shard == 0) {
      group.bound = ring::local_endpoint(*socket);
      const auto steered = steer_by_identifier(*socket, static_cast<std::uint32_t>(shards));
      if (!steered) return std::unexpected(steered.error());
    }
    group.sockets.push_back(std::move(*socket));
  }
  return group;
}

}  // namespace

std::expected<std::vector<ListenGroup>, std::string> open_listeners(
    std::span<const Endpoint> addresses, std::size_t shards) {
  // All probes come first: 0.0.0.0 and 127.0.0.1 on one port are two groups that live together,
  // but a probe of the second would meet the first.
  for (const Endpoint& address : addresses) {
    if (const auto free = probe(address); !free) {
      return std::unexpected(explain_bind(address, free.error()));
    }
  }
  std::vector<ListenGroup> groups;
  for (const Endpoint& address : addresses) {
    auto group = open_group(address, shards);
    if (!group) return std::unexpected(explain_bind(address, group.error()));
    groups.push_back(std::move(*group));
  }
  return groups;
}

}  // namespace sallyport::radius_door
