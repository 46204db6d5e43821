#pragma once
// What a process that takes over must know of the requests of the one before it: which of them are
// remembered there, still owed or answered. Those datagrams it hands back, so that nobody is asked
// twice and an answer is repeated octet by octet. Pure.

#include <cstdint>
#include <span>
#include <vector>

#include "engine/radius/door.h"
#include "protocol/octets.h"
#include "protocol/radius/authenticator.h"
#include "protocol/radius/codes.h"

namespace sallyport::radius_door {

/// Stands for one request in 64 bits: who sent it where, its Identifier and its authenticator.
/// Never 0. The same in both processes. That two requests have one mark costs the second one some
/// seconds of silence, and happens once in 10^13 requests.
[[nodiscard]] std::uint64_t mark_of(const ClientPath& path, radius::Identifier identifier,
                                    const radius::Authenticator& authenticator) noexcept;
/// Of a datagram that nobody has looked at; 0: it is no RADIUS packet.
[[nodiscard]] std::uint64_t mark_of(const ClientDatagram& datagram) noexcept;

/// A set of marks. Immutable; any thread.
class RememberedRequests {
 public:
  explicit RememberedRequests(std::span<const std::uint64_t> marks);
  [[nodiscard]] bool contains(std::uint64_t mark) const noexcept;

 private:
  std::vector<std::uint64_t> cells_;  ///< open addressing, half full at most; 0: free
};

/// Goes before a datagram that is handed back.
struct ReturnHeader {
  Endpoint source;
  IpAddress local;
  std::uint16_t socket = 0;
};
static_assert(sizeof(ReturnHeader) == 36 && std::has_unique_object_representations_v<ReturnHeader>);

}  // namespace sallyport::radius_door
