#pragma once
// Copies of the datagrams that wait for the next submission, each with its address and control
// data. Datagrams of one length that go to one destination one after the other share a slot, and
// the kernel cuts them apart below its IP layer (UDP_SEGMENT): all but the first cost a fraction.
// A slot is free again as soon as the kernel has taken the queue: sends complete while they are
// submitted (Ring::send). So a few slots at the front do most of the work and stay in cache.

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
  /// Datagrams that may share a slot: UDP_MAX_SEGMENTS of every kernel since 4.18.
  static constexpr std::uint32_t kMaxShared = 64;
  /// Longer ones go alone: one that shares must fit the path's MTU, and 1280 is IPv6's least.
  static constexpr std::size_t kMaxSharedOctets = 1'200;

  /// `ring` outlives the slots. Memory is touched on first use only.
  SendSlots(Ring& ring, std::uint32_t count);
  ~SendSlots();
  SendSlots(const SendSlots&) = delete;
  SendSlots& operator=(const SendSlots&) = delete;

  /// Takes a datagram to `to`, leaving from `from` when that is given. False: it cannot be taken
  /// (no slot even after submitting, or longer than a slot).
  [[nodiscard]] bool send_to(std::uint32_t file, const Endpoint& to, const IpAddress* from,
                             Octets datagram) noexcept;
  /// Takes a datagram on a connected socket.
  [[nodiscard]] bool send(std::uint32_t file, Octets datagram) noexcept;
  /// Queues the slot that others could still share. Before each submission.
  void flush() noexcept;

  /// A send was refused: how many datagrams were lost. When it was because they shared a slot,
  /// which not every network device bears, each goes alone from now on.
  [[nodiscard]] std::uint32_t refused(const Completion& completion) noexcept;

 private:
  struct Slot {
    msghdr message;
    iovec payload_part;
    sockaddr_storage name;
    alignas(cmsghdr) std::uint8_t control[kControlOctets + CMSG_SPACE(sizeof(std::uint16_t))];
    std::uint8_t payload[kPayloadOctets];
  };
  /// Where a datagram goes.
  struct Route {
    std::uint32_t file = 0;
    bool connected = false;
    bool from_given = false;
    Endpoint to;     ///< not of a connected one
    IpAddress from;  ///< only where given
    bool operator==(const Route&) const = default;
  };

  [[nodiscard]] bool add(const Route& route, Octets datagram) noexcept;
  [[nodiscard]] bool can_share(const Route& route, Octets datagram) const noexcept;
  [[nodiscard]] bool begin(const Route& route, Octets datagram) noexcept;
  void queue_message(Slot& slot, Tag tag) noexcept;

  Ring& ring_;
  const std::uint32_t count_;
  Slot* slots_;             ///< mapped
  std::uint32_t used_ = 0;  ///< slots [0, used_) belong to the kernel's queue, or are open
  bool may_share_ = true;

  // The open slot is the last one used.
  std::uint32_t open_datagrams_ = 0;  ///< 0: none is open
  std::uint32_t open_octets_ = 0;
  std::uint16_t segment_octets_ = 0;  ///< of each datagram in it
  Route open_route_;
};

}  // namespace sallyport::ring
