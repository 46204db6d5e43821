#pragma once
// The buffers of a shard's streams: some lent to the kernel to receive into (a provided-buffer
// ring), the others counted by the slices that refer to them. A buffer whose last slice is released
// goes back to the kernel, or to the free list. One thread.

#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "engine/ring/ring.h"
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
  std::uint32_t lent = 512;   ///< to the kernel at most; a power of two
  std::uint32_t most = 4096;  ///< in all; memory is touched only when used
};

class BufferPool {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<BufferPool>, std::string> open(
      Ring& ring, const BufferPlan& plan);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  [[nodiscard]] std::uint16_t group() const noexcept;
  [[nodiscard]] std::uint32_t octets_each() const noexcept;
  /// A completion brought this buffer of the kernel's, with so many octets: now a slice of ours.
  [[nodiscard]] Slice arrived(std::uint16_t id, std::size_t octets) noexcept;
  /// A free buffer to write into, as a slice of full length; buffer is kNone when there is none.
  [[nodiscard]] Slice allocate() noexcept;
  void retain(const Slice& slice) noexcept;  ///< one more reference to its buffer
  void release(const Slice& slice) noexcept;
  [[nodiscard]] bool shared(const Slice& slice) const noexcept;
  [[nodiscard]] Octets octets(const Slice& slice) const noexcept;
  [[nodiscard]] MutableOctets writable(const Slice& slice) noexcept;
  /// Lends what was released to the kernel; once a turn.
  void publish() noexcept;
  [[nodiscard]] std::uint32_t in_use() const noexcept;  ///< referred to by slices
  [[nodiscard]] std::uint32_t most() const noexcept;

 private:
  struct Impl;
  explicit BufferPool(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::ring
