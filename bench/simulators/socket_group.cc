#include "bench/simulators/socket_group.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "engine/radius/steering.h"
#include "engine/ring/udp_socket.h"

namespace sallyport::lab {
namespace {

/// As the daemon's, but that its messages do not tell the address they came to: whoever listens on
/// one address need not ask.
std::expected<ring::FileDescriptor, int> open_plain(const IpAddress& address) {
  auto socket = ring::open_udp(address);
  if (!socket) return socket;
  const int off = 0;
  const int level = address.is_v4() ? IPPROTO_IP : IPPROTO_IPV6;
  const int option = address.is_v4() ? IP_PKTINFO : IPV6_RECVPKTINFO;
  if (::setsockopt(socket->get(), level, option, &off, sizeof off) != 0)
    return std::unexpected(errno);
  return socket;
}

std::expected<SocketGroup, int> open_group(const Endpoint& listen, unsigned threads) {
  SocketGroup group = {.sockets = {}, .bound = listen};
  for (unsigned thread = 0; thread < threads; ++thread) {
    auto socket = open_plain(listen.address);
    if (!socket) return std::unexpected(socket.error());
    if (threads > 1) {
      if (const auto shared = ring::share_port(*socket); !shared)
        return std::unexpected(shared.error());
    }
    if (const auto bound = ring::bind_to(*socket, group.bound); !bound)
      return std::unexpected(bound.error());
    if (thread == 0) {
      group.bound = ring::local_endpoint(*socket);
      if (threads > 1) {
        const auto steered = radius_door::steer_by_identifier(*socket, threads);
        if (!steered) return std::unexpected(steered.error());
      }
    }
    group.sockets.push_back(std::move(*socket));
  }
  return group;
}

}  // namespace

std::expected<SocketGroup, std::string> open_socket_group(const Endpoint& listen,
                                                          unsigned threads) {
  auto group = open_group(listen, threads);
  if (group) return std::move(*group);
  return std::unexpected(
      fmt::format("cannot listen on {}: {}", listen.text(), std::strerror(group.error())));
}

std::expected<ring::FileDescriptor, std::string> open_connected(const Endpoint& remote) {
  auto socket = open_plain(remote.address);
  std::expected<void, int> connected;
  if (socket) connected = ring::connect_to(*socket, remote);
  if (socket && connected) return std::move(*socket);
  return std::unexpected(fmt::format("cannot open a port towards {}: {}", remote.text(),
                                     std::strerror(socket ? connected.error() : socket.error())));
}

}  // namespace sallyport::lab
