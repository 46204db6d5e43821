#pragma once
// Which shard gets a datagram: RADIUS Identifier mod shards, decided by the kernel (classic BPF on
// the reuseport group). A client with one source port is spread over all shards, and a
// retransmission still reaches the shard that holds its exchange; the kernel's own hash does
// neither.

#include <cstdint>
#include <expected>

#include "engine/ring/file_descriptor.h"

namespace sallyport::radius_door {

/// Attaches the program to the group of `socket`. Once for each group, when its first socket is
/// bound and before the second is: so no datagram that the program could place is placed by the
/// hash, and none meets a program being exchanged. (Attached before the bind, the socket could not
/// share its port with a group on another address: udp_lib_lport_inuse, net/ipv4/udp.c.) The
/// group's n-th bound socket is shard n. The error is errno.
[[nodiscard]] std::expected<void, int> steer_by_identifier(const ring::FileDescriptor& socket,
                                                           std::uint32_t shards);

}  // namespace sallyport::radius_door
