#pragma once
// Octets that wait on one HTTP/2 stream, as slices in their order. Small pieces are put together,
// so that what waits pins not much more memory than it has octets: a frame of one octet would
// otherwise hold the whole buffer that it came in. One thread.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/ring/buffer_pool.h"

namespace sallyport::http_door {

class H2Slices {
 public:
  explicit H2Slices(ring::BufferPool& pool) : pool_(pool) {}
  ~H2Slices() { clear(); }
  H2Slices(const H2Slices&) = delete;
  H2Slices& operator=(const H2Slices&) = delete;

  void push(ring::Slice slice);  ///< takes it over
  /// The first octets, at most `most` (not 0) of them; the caller takes the slice over. Not empty.
  [[nodiscard]] ring::Slice pop(std::size_t most = SIZE_MAX);
  void clear() noexcept;
  [[nodiscard]] std::size_t octets() const noexcept { return octets_; }
  [[nodiscard]] bool empty() const noexcept { return octets_ == 0; }
  /// Buffers that are held, or nearly so: two slices may share one.
  [[nodiscard]] std::size_t slices() const noexcept { return slices_.size() - first_; }

 private:
  /// Pieces smaller than this are copied together while others wait before them.
  static constexpr std::uint32_t kSmallOctets = 2048;
  [[nodiscard]] bool gather(const ring::Slice& slice);

  ring::BufferPool& pool_;
  std::vector<ring::Slice> slices_;  ///< those before first_ are gone
  std::size_t first_ = 0;
  std::size_t octets_ = 0;
  /// Free octets behind the last slice, in a buffer that only this queue writes into.
  std::uint32_t room_ = 0;
};

}  // namespace sallyport::http_door
