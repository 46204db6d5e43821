#include "engine/radius/listeners.h"

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "engine/radius/steering.h"
#include "engine/ring/descriptor_copy.h"
#include "engine/ring/tcp_listener.h"
#include "engine/ring/udp_socket.h"

namespace sallyport::radius_door {
namespace {

constexpr std::string_view kUdp = "radius.listen";
constexpr std::string_view kTls = "radsec.listener.listen";

/// Whether somebody has the port. SO_REUSEPORT lets two servers of one user share a port in
/// silence, each with half of the datagrams; a socket without it is refused.
std::expected<void, int> probe(const Endpoint& address) {
  const auto socket = ring::open_udp(address.address);
  if (!socket) return std::unexpected(socket.error());
  return ring::bind_when_free(*socket, address);
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

std::string explain_bind(const Endpoint& address, int error, std::string_view setting) {
  const std::string in_setting(setting);
  const std::string where = "cannot listen on " + address.text() + ": ";
  const std::string port = std::to_string(address.port);
  switch (error) {
    case EADDRINUSE:  // another process, or ourselves twice
      return where + "port " + port + " is in use: stop what uses it (ss -" +
             (setting == kTls ? "t" : "u") + "lpn 'sport = :" + port +
             "' names it), or choose another address in " + in_setting;
    case EACCES:  // below net.ipv4.ip_unprivileged_port_start
      return where +
             "ports below 1024 need CAP_NET_BIND_SERVICE: grant it (AmbientCapabilities= in the "
             "systemd unit, --cap-add in a container), or choose a higher port";
    case EADDRNOTAVAIL:  // not an address of this machine, or not yet
      return where + "this machine has no such address: correct " + in_setting +
             ", or start after the network is up";
    case EAFNOSUPPORT:  // IPv6 switched off
      return where + "this machine has IPv6 switched off: remove the address from " + in_setting;
    case EMFILE:  // RLIMIT_NOFILE
      return where + "no file descriptor is left: raise LimitNOFILE= or ulimit -n";
    default:  // its own text must do
      return where + std::generic_category().message(error);
  }
}

std::expected<std::vector<ListenGroup>, std::string> open_listeners(
    std::span<const Endpoint> addresses, std::size_t shards) {
  // All probes come first: 0.0.0.0 and 127.0.0.1 on one port are two groups that live together,
  // but a probe of the second would meet the first.
  for (const Endpoint& address : addresses) {
    if (const auto free = probe(address); !free) {
      return std::unexpected(explain_bind(address, free.error(), kUdp));
    }
  }
  std::vector<ListenGroup> groups;
  for (const Endpoint& address : addresses) {
    auto group = open_group(address, shards);
    if (!group) return std::unexpected(explain_bind(address, group.error(), kUdp));
    groups.push_back(std::move(*group));
  }
  return groups;
}

std::expected<std::vector<RadsecGroup>, std::string> open_radsec_listeners(
    const config::Radsec& config, std::size_t shards) {
  std::vector<RadsecGroup> groups;
  for (std::size_t index = 0; index < config.listeners.size(); ++index) {
    for (const Endpoint& address : config.listeners[index].listen) {
      auto group = ring::open_tcp_listeners(address, shards);
      if (!group) return std::unexpected(explain_bind(address, group.error(), kTls));
      groups.push_back({.listener = static_cast<std::uint16_t>(index),
                        .name = address.text(),
                        .bound = group->bound,
                        .sockets = std::move(group->sockets)});
    }
  }
  return groups;
}

std::expected<std::vector<RadsecGroup>, std::string> inherit_radsec_listeners(
    const config::Radsec& config, std::size_t shards, std::vector<ListenerCopies> inherited) {
  const auto changed = [] {
    return std::unexpected(
        "radsec.listener.listen cannot change when sallyport takes over: restart it");
  };
  std::vector<RadsecGroup> groups;
  for (std::size_t index = 0; index < config.listeners.size(); ++index) {
    for (const Endpoint& address : config.listeners[index].listen) {
      if (groups.size() >= inherited.size()) return changed();
      ListenerCopies& copies = inherited[groups.size()];
      if (copies.name != address.text() || copies.sockets.size() != shards) return changed();
      groups.push_back({.listener = static_cast<std::uint16_t>(index),
                        .name = address.text(),
                        .bound = ring::local_endpoint(copies.sockets.front()),
                        .sockets = std::move(copies.sockets)});
    }
  }
  if (groups.size() != inherited.size()) return changed();
  return groups;
}

std::expected<std::vector<ring::FileDescriptor>, int> copies_of(
    std::span<const ring::FileDescriptor> sockets) {
  std::vector<ring::FileDescriptor> copies;
  for (const ring::FileDescriptor& socket : sockets) {
    copies.push_back(ring::copy_of(socket.get()));
    if (!copies.back().valid()) return std::unexpected(errno);
  }
  return copies;
}

}  // namespace sallyport::radius_door
