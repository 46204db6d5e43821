#pragma once
// Which source port of the relay belongs to which client: one port for each address and port of a
// client, so that Identifiers need no mapping. Pure; no memory is taken after construction.

#include <cstdint>
#include <span>
#include <vector>

#include <netinet/in.h>

#include "protocol/octets.h"

namespace sallyport::lab {

/// An address as the kernel writes and reads it.
struct SocketName {
  union {
    sockaddr_in v4;
    sockaddr_in6 v6;
  } address;
  std::uint32_t octets = 0;  ///< 0: none

  /// `name`: a sockaddr_in or sockaddr_in6, not aligned.
  [[nodiscard]] static SocketName from(Octets name) noexcept;
};

class ClientPorts {
 public:
  /// `ports`: 1 or more.
  explicit ClientPorts(std::uint32_t ports);

  /// The port of a client. A new one gets a free port or, when all are taken, the one that has
  /// been a client's for longest. `name`: as for SocketName::from.
  [[nodiscard]] std::uint32_t port_of(Octets name) noexcept;
  /// Null: nobody's yet. Valid until the next port_of.
  [[nodiscard]] const SocketName* client_of(std::uint32_t port) const noexcept {
    return port < clients_.size() && clients_[port].octets != 0 ? &clients_[port] : nullptr;
  }
  /// Ports that were taken from one client for another.
  [[nodiscard]] std::uint64_t taken_over() const noexcept { return taken_over_; }

 private:
  static constexpr std::uint32_t kEmpty = 0xffff'ffff;

  [[nodiscard]] std::uint32_t slot_of(Octets name) const noexcept;
  std::uint32_t add(Octets name) noexcept;

  std::vector<SocketName> clients_;   ///< by port
  std::vector<std::uint32_t> slots_;  ///< ports, by hash of their client; at most half are full
  std::uint64_t clients_seen_ = 0;
  std::uint64_t taken_over_ = 0;
};

}  // namespace sallyport::lab
