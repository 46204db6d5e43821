#pragma once
// The UDP sockets of a server of the lab: one for each of its threads, on one address. The kernel
// gives each datagram to the socket numbered Identifier mod threads, as the daemon has it.

#include <expected>
#include <string>
#include <vector>

#include "engine/ring/file_descriptor.h"
#include "protocol/ip_address.h"

namespace sallyport::lab {

struct SocketGroup {
  std::vector<ring::FileDescriptor> sockets;  ///< blocking, with large buffers
  Endpoint bound;                             ///< with the port that was taken
};

/// `listen`: port 0 takes a free one. `threads`: at least 1. The error is one line.
[[nodiscard]] std::expected<SocketGroup, std::string> open_socket_group(const Endpoint& listen,
                                                                        unsigned threads);

/// A socket connected to `remote`, from any port of ours.
[[nodiscard]] std::expected<ring::FileDescriptor, std::string> open_connected(
    const Endpoint& remote);

}  // namespace sallyport::lab
