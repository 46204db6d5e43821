#pragma once
// The buffers of a shard's streams: some lent to the kernel to receive into (a provided-buffer
// ring), the others counted by the slices that refer to them. A buffer whose last slice is released
// goes back to the kernel, or to the free list. One thread.

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/ring/ring.h"
#include "protocol/check.h"
#include "protocol/octets.h"

namespace sallyport::ring {

/// Part of a buffer; a value that carries one reference. Whoever holds it releases or passes it on.
struct Slice {
  static constexpr std::uint32_t kNone = 0xffff'ffff;
  std::uint32_t buffer = kNone;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  [[nodiscard]] bool empty() const noexcept { return length == 0; }
};

struct BufferPlan {
  std::uint16_t group = 1;
  std::uint32_t octets_each = 16 * 1024;
  std::uint32_t lent = 512;   ///< to the kernel at most; a power of two, at most half of `most`
  std::uint32_t most = 4096;  ///< in all, up to 65,536; memory is touched only when used
};

class BufferPool {
 public:
  /// Registered with `ring` for the ring's life, so the pool must outlive it.
  [[nodiscard]] static std::expected<std::unique_ptr<BufferPool>, std::string> open(
      Ring& ring, const BufferPlan& plan);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  [[nodiscard]] std::uint16_t group() const noexcept { return plan_.group; }
  [[nodiscard]] std::uint32_t octets_each() const noexcept { return plan_.octets_each; }
  /// A completion brought this buffer of the kernel's, with so many octets: now a slice of ours.
  [[nodiscard]] Slice arrived(std::uint16_t id, std::size_t octets) noexcept;
  /// A free buffer to write into, as a slice of full length; buffer is kNone when there is none.
  [[nodiscard]] Slice allocate() noexcept;
  /// One more reference to its buffer.
  void retain(const Slice& slice) noexcept {
    CHECK(is_ours(slice));
    ++references_[slice.buffer];
  }
  void release(const Slice& slice) noexcept {
    CHECK(is_ours(slice));
    if (--references_[slice.buffer] > 0) return;
    free_.push_back(static_cast<std::uint16_t>(slice.buffer));
    --in_use_;
  }
  /// Somebody else refers to its buffer too. If not, all of the buffer is the holder's to write to.
  [[nodiscard]] bool shared(const Slice& slice) const noexcept {
    return references_[slice.buffer] > 1;
  }
  [[nodiscard]] Octets octets(const Slice& slice) const noexcept {
    return {at(slice.buffer) + slice.offset, slice.length};
  }
  [[nodiscard]] MutableOctets writable(const Slice& slice) noexcept {
    return {at(slice.buffer) + slice.offset, slice.length};
  }
  /// Lends what was released to the kernel; once a turn.
  void publish() noexcept;
  /// Referred to by slices.
  [[nodiscard]] std::uint32_t in_use() const noexcept { return in_use_; }
  [[nodiscard]] std::uint32_t most() const noexcept { return plan_.most; }
  /// With the kernel, as far as its completions have told.
  [[nodiscard]] std::uint32_t lent() const noexcept { return lent_; }

 private:
  static constexpr std::uint32_t kLent = 0xffff'ffff;

  explicit BufferPool(const BufferPlan& plan);
  [[nodiscard]] std::uint8_t* at(std::uint32_t buffer) const noexcept {
    return memory_ + std::size_t{buffer} * plan_.octets_each;
  }
  [[nodiscard]] bool is_ours(const Slice& slice) const noexcept {
    return slice.buffer < plan_.most && references_[slice.buffer] - 1 < kLent - 1;
  }
  void adapt() noexcept;

  const BufferPlan plan_;
  io_uring_buf_ring* ring_ = nullptr;  ///< mapped: page-aligned as the kernel asks
  std::uint8_t* memory_ = nullptr;     ///< mapped
  std::vector<std::uint32_t> references_;
  std::vector<std::uint16_t> free_;  ///< last released first: it is still in cache
  std::uint32_t in_use_ = 0;
  std::uint32_t lent_ = 0;
  // The kernel takes lent buffers in a circle, so lending many that are not needed empties the
  // cache. How many are lent follows the need.
  std::uint32_t target_;
  std::uint32_t fewest_ = kLent;  ///< lent at the end of a turn, the least of this period
  std::uint32_t turns_ = 0;       ///< of this period
};

}  // namespace sallyport::ring
