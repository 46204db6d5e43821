#include "engine/radius/source_ports.h"

#include <cerrno>
#include <system_error>

#include "engine/ring/udp_socket.h"

namespace sallyport::radius_door {
namespace {

std::string explain_source(const Endpoint& downstream, const std::optional<IpAddress>& source,
                           int error) {
  const std::string where = "cannot open a port towards the downstream " + downstream.text() + ": ";
  switch (error) {
    case EADDRNOTAVAIL:  // not ours, or no ephemeral port is left
      if (source) {
        return where + "this machine has no address " + source->text() +
               ": correct downstream.source_address";
      }
      return where + "no local port is free: widen net.ipv4.ip_local_port_range";
    case ENETUNREACH:
    case EHOSTUNREACH:  // no route
      return where + "there is no route to it: correct downstream.host or the routing table";
    case EAFNOSUPPORT:  // IPv6 switched off
      return where + "this machine has IPv6 switched off: use an IPv4 address as downstream.host";
    case EMFILE:  // RLIMIT_NOFILE
      return where +
             "no file descriptor is left: raise LimitNOFILE= or ulimit -n, or lower "
             "downstream.max_source_ports";
    default:  // its own text must do
      return where + std::generic_category().message(error);
  }
}

std::expected<ring::FileDescriptor, int> open_one(const Endpoint& downstream,
                                                  const std::optional<IpAddress>& source) {
  auto socket = ring::open_udp(downstream.address);
  if (!socket) return std::unexpected(socket.error());
  if (source) {
    const auto bound = ring::bind_to(*socket, {.address = *source, .port = 0});
    if (!bound) return std::unexpected(bound.error());
  }
  const auto connected = ring::connect_to(*socket, downstream);
  if (!connected) return std::unexpected(connected.error());
  return socket;
}

}  // namespace

std::expected<std::vector<ring::FileDescriptor>, std::string> open_source_ports(
    const Endpoint& downstream, const std::optional<IpAddress>& source, std::size_t count) {
  std::vector<ring::FileDescriptor> ports;
  ports.reserve(count);
  while (ports.size() < count) {
    auto port = open_one(downstream, source);
    if (!port) return std::unexpected(explain_source(downstream, source, port.error()));
    ports.push_back(std::move(*port));
  }
  return ports;
}

}  // namespace sallyport::radius_door
