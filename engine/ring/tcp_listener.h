#pragma once
// Sockets that accept TCP connections on one address: a SO_REUSEPORT group with one for each shard,
// so that the kernel spreads connections. Main thread.

#include <cstddef>
#include <expected>
#include <vector>

#include "engine/ring/file_descriptor.h"
#include "protocol/ip_address.h"

namespace sallyport::ring {

inline constexpr int kListenBacklog = 4096;

struct TcpListeners {
  Endpoint bound;                       ///< port 0 is resolved
  std::vector<FileDescriptor> sockets;  ///< by shard; listening, without delay, with keep-alive
};

/// All or nothing; the error is an errno.
[[nodiscard]] std::expected<TcpListeners, int> open_tcp_listeners(Endpoint address,
                                                                  std::size_t shards);

}  // namespace sallyport::ring
