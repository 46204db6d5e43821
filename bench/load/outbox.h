#pragma once
// Requests on their way into the kernel: one entry of the ring each, or, with UDP GSO, one for all
// that follow each other on one socket and are equally long (UDP_SEGMENT, udp(7)): the kernel then
// walks its stack once for up to 64 of them. Nothing is copied here: what is queued stays where it
// is until it has been submitted.

#include <cstdint>
#include <memory>

#include <sys/socket.h>

#include "bench/load/exchanges.h"
#include "engine/ring/ring.h"
#include "protocol/octets.h"

namespace sallyport::lab {

class Outbox final : public Sender {
 public:
  /// `ring` outlives it.
  Outbox(ring::Ring& ring, bool gso);

  /// `file`: a connected socket in the ring's file table.
  void send(std::uint32_t file, Octets datagram) noexcept override;
  /// Nothing more follows in this turn. Call before each submission.
  void flush() noexcept;

 private:
  static constexpr std::size_t kMessages = 256;
  static constexpr std::size_t kSegments = 64;           ///< UDP_MAX_SEGMENTS before Linux 6.9
  static constexpr std::size_t kMessageOctets = 65'000;  ///< of a UDP datagram, less headers

  struct Message {
    msghdr header;
    iovec parts[kSegments];
    alignas(cmsghdr) std::uint8_t control[CMSG_SPACE(sizeof(std::uint16_t))];
  };

  ring::Ring& ring_;
  std::unique_ptr<Message[]> messages_;  ///< null: without GSO
  std::size_t used_ = 0;                 ///< messages [0, used_) belong to the ring's queue
  std::size_t parts_ = 0;                ///< of messages_[used_], which is being filled
  std::uint32_t file_ = 0;
};

}  // namespace sallyport::lab
