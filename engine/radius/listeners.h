#pragma once
// The sockets that clients send to: for each configured address one SO_REUSEPORT group with a
// socket for each shard, steered by Identifier. Opened on the main thread in shard order and closed
// all together: a group that loses one member sends the others' datagrams astray.

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include "engine/ring/file_descriptor.h"
#include "protocol/ip_address.h"

namespace sallyport::radius_door {

struct ListenGroup {
  Endpoint bound;                             ///< a configured port 0 is resolved
  std::vector<ring::FileDescriptor> sockets;  ///< by shard
};

/// All or nothing. An error is one line: which address, what is wrong, what to do.
[[nodiscard]] std::expected<std::vector<ListenGroup>, std::string> open_listeners(
    std::span<const Endpoint> addresses, std::size_t shards);

}  // namespace sallyport::radius_door
