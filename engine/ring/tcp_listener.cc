#include "engine/ring/tcp_listener.h"

#include <cerrno>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "engine/ring/congestion.h"
#include "engine/ring/keep_alive.h"
#include "engine/ring/udp_socket.h"

namespace sallyport::ring {
namespace {

std::expected<FileDescriptor, int> open_tcp(const Endpoint& address, bool share) {
  FileDescriptor socket(::socket(address.address.is_v4() ? AF_INET : AF_INET6,
                                 SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return std::unexpected(errno);
  const int on = 1;
  const bool set =
      ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
      // Inherited by what is accepted: an answer waits for no acknowledgement.
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
      (address.address.is_v4() ||
       ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
      (!share || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0);
  if (!set || !find_dead_peers(socket.get())) return std::unexpected(errno);
  spare_congestion_control(socket.get(), address.address);
  const auto bound = share ? bind_to(socket, address) : bind_when_free(socket, address);
  if (!bound) return std::unexpected(bound.error());
  return socket;
}

}  // namespace

std::expected<TcpListeners, int> open_tcp_listeners(Endpoint address, std::size_t shards) {
  // SO_REUSEPORT lets two servers of one user share a port in silence; a socket without it is
  // refused, so it asks first.
  if (const auto probe = open_tcp(address, false); !probe) return std::unexpected(probe.error());
  TcpListeners group;
  for (std::size_t shard = 0; shard < shards; ++shard) {
    auto socket = open_tcp(address, true);
    if (!socket) return std::unexpected(socket.error());
    if (::listen(socket->get(), kListenBacklog) != 0) return std::unexpected(errno);
    address = local_endpoint(*socket);
    group.sockets.push_back(std::move(*socket));
  }
  group.bound = address;
  return group;
}

}  // namespace sallyport::ring
