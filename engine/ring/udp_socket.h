#pragma once
// UDP sockets as the engine wants them, and the layout of one received message. Set-up only: after
// start all I/O goes through the ring.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

#include <sys/socket.h>

#include "engine/ring/file_descriptor.h"
#include "protocol/ip_address.h"
#include "protocol/octets.h"

namespace sallyport::ring {

/// Socket buffers we ask for; the kernel grants net.core.rmem_max unless we have CAP_NET_ADMIN.
inline constexpr int kSocketBufferOctets = 4 * 1024 * 1024;

/// An unbound socket of the family of `address`; its messages tell the address they came to. IPv6
/// takes IPv6 only. The error is errno.
[[nodiscard]] std::expected<FileDescriptor, int> open_udp(const IpAddress& address);
[[nodiscard]] std::expected<void, int> share_port(const FileDescriptor& socket);  ///< SO_REUSEPORT
[[nodiscard]] std::expected<void, int> bind_to(const FileDescriptor& socket, const Endpoint& local);
/// The same for a socket that is to listen. Where the port is in use, it is tried for two seconds:
/// after a kill -9 the kernel lets go of an io_uring and its sockets a little later than of their
/// process. May wait so long; never on a shard's thread.
[[nodiscard]] std::expected<void, int> bind_when_free(const FileDescriptor& socket,
                                                      const Endpoint& local);
[[nodiscard]] std::expected<void, int> connect_to(const FileDescriptor& socket,
                                                  const Endpoint& remote);
[[nodiscard]] Endpoint local_endpoint(const FileDescriptor& socket);

/// Room for the name and for either family's packet info: what a receive asks for.
inline constexpr std::size_t kNameOctets = 28;
inline constexpr std::size_t kControlOctets = 64;
[[nodiscard]] msghdr message_layout() noexcept;

/// One datagram in a receive buffer.
struct Datagram {
  Endpoint source;
  IpAddress local;  ///< the address it was sent to
  Octets payload;
};
/// Reads what a multishot recvmsg with message_layout() put into a buffer. Empty: too short, or
/// without the address it was sent to.
[[nodiscard]] std::optional<Datagram> read_message(Octets buffer) noexcept;

/// The next datagram of a socket of open_udp(), without the ring, into `buffer`; what does not fit
/// is cut. Does not wait. Empty: there is none, or it does not tell the address it was sent to.
[[nodiscard]] std::optional<Datagram> receive_one(const FileDescriptor& socket,
                                                  MutableOctets buffer) noexcept;

/// Control data that lets a datagram leave from `local`. Writes at most kControlOctets to `out` and
/// returns the octets used.
[[nodiscard]] std::size_t write_source(const IpAddress& local, MutableOctets out) noexcept;

}  // namespace sallyport::ring
