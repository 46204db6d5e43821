#include "engine/radius/steering.h"

#include <array>
#include <cerrno>

#include <linux/filter.h>
#include <sys/socket.h>

namespace sallyport::radius_door {

std::expected<void, int> steer_by_identifier(const ring::FileDescriptor& socket,
                                             std::uint32_t shards) {
  // Offsets count from the UDP payload (net/core/sock_reuseport.c). A datagram of one octet has no
  // Identifier: the load fails, which means 0, and shard 0 drops it as malformed.
  constexpr std::uint32_t kIdentifierOffset = 1;
  std::array<sock_filter, 3> program{{
      {.code = BPF_LD | BPF_B | BPF_ABS, .jt = 0, .jf = 0, .k = kIdentifierOffset},
      {.code = BPF_ALU | BPF_MOD | BPF_K, .jt = 0, .jf = 0, .k = shards},
      {.code = BPF_RET | BPF_A, .jt = 0, .jf = 0, .k = 0},
  }};
  const sock_fprog filter{.len = static_cast<unsigned short>(program.size()),
                          .filter = program.data()};
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &filter, sizeof(filter)) !=
      0) {
    return std::unexpected(errno);
  }
  return {};
}

}  // namespace sallyport::radius_door
