#pragma once
// The buffers that the kernel fills by itself (a provided-buffer ring), and the count of those that
// are out. The kernel picks one for each datagram; whoever gets it gives it back in the same turn.
// Lent buffers become the kernel's again with publish(), once a turn.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/ring/ring.h"
#include "protocol/octets.h"

namespace sallyport::ring {

class ReceiveBuffers {
 public:
  /// `count`: a power of two up to 32,768. Registered with `ring` as `group` for the ring's life;
  /// must outlive the ring.
  [[nodiscard]] static std::expected<std::unique_ptr<ReceiveBuffers>, std::string> open(
      Ring& ring, std::uint16_t group, std::uint32_t count, std::uint32_t octets_each);
  ~ReceiveBuffers();
  ReceiveBuffers(const ReceiveBuffers&) = delete;
  ReceiveBuffers& operator=(const ReceiveBuffers&) = delete;

  [[nodiscard]] std::uint16_t group() const noexcept { return group_; }
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }

  /// A completion brought this buffer. The view holds until give_back. Taking one that is already
  /// out is a broken invariant.
  [[nodiscard]] Octets take(std::uint16_t id, std::size_t octets) noexcept;
  void give_back(std::uint16_t id) noexcept;
  /// Lets the kernel have what was given back.
  void publish() noexcept;
  /// Taken and not given back.
  [[nodiscard]] std::uint32_t out() const noexcept { return out_; }

 private:
  ReceiveBuffers(std::uint16_t group, std::uint32_t count, std::uint32_t octets_each);
  [[nodiscard]] std::uint8_t* at(std::uint16_t id) const noexcept {
    return memory_ + std::size_t{id} * octets_each_;
  }
  void add(std::uint16_t id) noexcept;

  const std::uint16_t group_;
  const std::uint32_t count_;
  const std::uint32_t octets_each_;
  io_uring_buf_ring* ring_ = nullptr;  ///< mapped: page-aligned as the kernel asks
  std::uint8_t* memory_ = nullptr;     ///< mapped
  std::vector<bool> is_out_;
  std::uint32_t out_ = 0;
  int unpublished_ = 0;
};

}  // namespace sallyport::ring
