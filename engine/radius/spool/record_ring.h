#pragma once
// Records on their way from one shard to the spool: a ring of octets without locks, so that each
// takes the room that its packet needs. One producer, one consumer; memory is taken at
// construction.

#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>

#include "protocol/check.h"
#include "protocol/ip_address.h"
#include "protocol/octets.h"
#include "protocol/radius/codes.h"
#include "verify/verification.h"

namespace sallyport::radius_door {

/// An authentic Accounting-Request that is to be stored.
struct StorageRequest {
  verify::Ticket ticket;  ///< of the exchange that waits for the answer
  IpAddress client;
  Octets packet;  ///< as it came; copied by whoever keeps it
};

class RecordRing {
 public:
  /// `capacity`: octets, a power of two.
  explicit RecordRing(std::size_t capacity)
      : mask_(capacity - 1), octets_(std::make_unique<std::uint8_t[]>(capacity)) {
    CHECK(std::has_single_bit(capacity) && capacity > sizeof(Head) + radius::kMaxPacketOctets);
  }

  /// The producer's thread. False: no room.
  [[nodiscard]] bool push(const StorageRequest& request) noexcept {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    const std::size_t needed = sizeof(Head) + request.packet.size();
    if (needed > mask_ + 1 - (tail - head_.load(std::memory_order_acquire))) return false;
    const Head head{.ticket = request.ticket,
                    .client = request.client,
                    .octets = static_cast<std::uint32_t>(request.packet.size())};
    write(tail, {reinterpret_cast<const std::uint8_t*>(&head), sizeof(head)});
    write(tail + sizeof(head), request.packet);
    tail_.store(tail + needed, std::memory_order_release);
    return true;
  }

  /// The consumer's thread. `room`: 4096 octets, which the request's packet will refer to. False:
  /// nothing is there.
  [[nodiscard]] bool pop(StorageRequest& request, MutableOctets room) noexcept {
    const std::uint64_t at = head_.load(std::memory_order_relaxed);
    if (tail_.load(std::memory_order_acquire) == at) return false;
    Head head;
    read(at, {reinterpret_cast<std::uint8_t*>(&head), sizeof(head)});
    const MutableOctets packet = room.first(head.octets);
    read(at + sizeof(head), packet);
    head_.store(at + sizeof(head) + head.octets, std::memory_order_release);
    request = {.ticket = head.ticket, .client = head.client, .packet = packet};
    return true;
  }

  /// The consumer's thread.
  [[nodiscard]] bool empty() const noexcept {
    return tail_.load(std::memory_order_acquire) == head_.load(std::memory_order_relaxed);
  }

 private:
  struct Head {
    verify::Ticket ticket;
    IpAddress client;
    std::uint32_t octets;
  };

  /// Up to the end, and the rest from the beginning.
  [[nodiscard]] std::size_t up_to_end(std::uint64_t at, std::size_t size) const noexcept {
    return std::min<std::size_t>(size, mask_ + 1 - (at & mask_));
  }
  void write(std::uint64_t at, Octets from) noexcept {
    const std::size_t first = up_to_end(at, from.size());
    std::memcpy(octets_.get() + (at & mask_), from.data(), first);
    std::memcpy(octets_.get(), from.data() + first, from.size() - first);
  }
  void read(std::uint64_t at, MutableOctets to) const noexcept {
    const std::size_t first = up_to_end(at, to.size());
    std::memcpy(to.data(), octets_.get() + (at & mask_), first);
    std::memcpy(to.data() + first, octets_.get(), to.size() - first);
  }

  const std::uint64_t mask_;
  std::unique_ptr<std::uint8_t[]> octets_;
  alignas(64) std::atomic<std::uint64_t> tail_{0};  ///< the producer's
  alignas(64) std::atomic<std::uint64_t> head_{0};  ///< the consumer's
};

}  // namespace sallyport::radius_door
