#pragma once
// Copies of the datagrams that wait for the next submission, each with its address and control
// data. A slot is free again as soon as the kernel has taken the queue: sends complete while they
// are submitted (Ring::send). So a few slots at the front do most of the work and stay in cache.

#include <cstdint>
#include <memory>

#include <netinet/in.h>
#include <sys/socket.h>

#include "engine/ring/ring.h"
#include "engine/ring/udp_socket.h"
#include "protocol/ip_address.h"
#include "protocol/octets.h"

namespace sallyport::ring {

class SendSlots {
 public:
  static constexpr std::size_t kPayloadOctets = 4096;

  /// `ring` outlives the slots. Memory is touched on first use only.
  SendSlots(Ring& ring, std::uint32_t count);
  ~SendSlots();
  SendSlots(const SendSlots&) = delete;
  SendSlots& operator=(const SendSlots&) = delete;

  /// Queues a datagram to `to`, leaving from `from` when that is given. False: it cannot be taken
  /// (no slot even after submitting, or longer than a slot).
  [[nodiscard]] bool send_to(std::uint32_t file, const Endpoint& to, const IpAddress* from,
                             Octets datagram) noexcept;
  /// Queues a datagram on a connected socket.
  [[nodiscard]] bool send(std::uint32_t file, Octets datagram) noexcept;

 private:
  struct Slot {
    msghdr message;
    iovec payload_part;
    sockaddr_storage name;
    alignas(cmsghdr) std::uint8_t control[kControlOctets];
    std::uint8_t payload[kPayloadOctets];
  };
  /// A free slot holding a copy of `datagram`, or null.
  [[nodiscard]] Slot* fill(Octets datagram) noexcept;
  [[nodiscard]] Tag tag_of(const Slot& slot) const noexcept {
    return {.operation = Operation::send, .index = static_cast<std::uint32_t>(&slot - slots_)};
  }

  Ring& ring_;
  const std::uint32_t count_;
  Slot* slots_;             ///< mapped
  std::uint32_t used_ = 0;  ///< slots [0, used_) belong to the kernel's queue
};

}  // namespace sallyport::ring
