#pragma once
// Congestion control (RFC 5681) where nothing is congested: between two programs of one machine.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "protocol/ip_address.h"

namespace sallyport::ring {

/// A socket that is to be connected to `address`, or to listen there, uses Reno if that is on this
/// machine: every kernel has it, and anybody may choose it. What the system uses for the Internet
/// only costs there: BBR models a path that is none, and paces what it sends. What is accepted
/// inherits it; chosen for a connection, it would leave that paced. Refused: slower, not wrong.
inline void spare_congestion_control(int fd, const IpAddress& address) noexcept {
  constexpr char kReno[] = "reno";
  if (!address.is_loopback()) return;
  static_cast<void>(::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, kReno, sizeof(kReno) - 1));
}

}  // namespace sallyport::ring
