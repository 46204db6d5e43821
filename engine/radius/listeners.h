#pragma once
// The sockets that clients send to: for each configured address one SO_REUSEPORT group with a
// socket for each shard, steered by Identifier. Opened on the main thread in shard order and closed
// all together: a group that loses one member sends the others' datagrams astray.

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/radsec.h"
#include "engine/ring/file_descriptor.h"
#include "protocol/ip_address.h"

namespace sallyport::radius_door {

struct ListenGroup {
  Endpoint bound;                             ///< a configured port 0 is resolved
  std::vector<ring::FileDescriptor> sockets;  ///< by shard
};

/// The listeners of one configured address, by shard.
struct ListenerCopies {
  std::string name;  ///< the address as configured
  std::vector<ring::FileDescriptor> sockets;
};

/// Why an address cannot be bound (errno) and what to do, on one line. `setting`: where it stands,
/// "radius.listen".
[[nodiscard]] std::string explain_bind(const Endpoint& address, int error,
                                       std::string_view setting);

/// All or nothing. An error is one line: which address, what is wrong, what to do.
[[nodiscard]] std::expected<std::vector<ListenGroup>, std::string> open_listeners(
    std::span<const Endpoint> addresses, std::size_t shards);

/// Where clients connect with TLS.
struct RadsecGroup {
  std::uint16_t listener = 0;  ///< index in config::Radsec::listeners
  std::string name;            ///< the address as configured
  Endpoint bound;
  std::vector<ring::FileDescriptor> sockets;  ///< by shard
};
/// The same for them.
[[nodiscard]] std::expected<std::vector<RadsecGroup>, std::string> open_radsec_listeners(
    const config::Radsec& config, std::size_t shards);
/// Those that the process before us had: the same addresses in the same order, and as many shards.
[[nodiscard]] std::expected<std::vector<RadsecGroup>, std::string> inherit_radsec_listeners(
    const config::Radsec& config, std::size_t shards, std::vector<ListenerCopies> inherited);
/// The same sockets under other descriptors, by shard; the error is errno.
[[nodiscard]] std::expected<std::vector<ring::FileDescriptor>, int> copies_of(
    std::span<const ring::FileDescriptor> sockets);

}  // namespace sallyport::radius_door
