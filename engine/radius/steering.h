#pragma once
// Which shard gets a datagram: RADIUS Identifier mod shards, decided by the kernel (classic BPF on
// the reuseport group). A client with one source port is spread over all shards, and a
// retransmission still reaches the shard that holds its exchange; the kernel's own hash does
// neither.

#include <cstdint>
#include <expected>

#include "engine/ring/file_descriptor.h"

namespace sallyport::radius_door {

/// Attaches the program to the group of `socket`, which has SO_REUSEPORT set. Once for each group,
/// on its first socket, before that is bound: then no datagram is ever placed by the hash. The
/// group's n-th bound socket is shard n. The error is errno.
[[nodiscard]] std::expected<void, int> steer_by_identifier(const ring::FileDescriptor& socket,
                                                           std::uint32_t shards);

}  // namespace sallyport::radius_door
