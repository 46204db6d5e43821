#pragma once
// A bounded multi-producer queue without locks (Vyukov's ring of sequence numbers), for values of
// fixed size.

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "protocol/check.h"

namespace sallyport::verify {

/// Any number of producers, one consumer. Memory is taken at construction. Full: try_push says
/// false.
template <typename Value>
class BoundedQueue {
  static_assert(std::is_trivially_copyable_v<Value>);

 public:
  /// `capacity` is a power of two.
  explicit BoundedQueue(std::size_t capacity)
      : mask_(capacity - 1), cells_(std::make_unique_for_overwrite<Cell[]>(capacity)) {
    CHECK(std::has_single_bit(capacity) && capacity >= 2);
    for (std::size_t i = 0; i < capacity; ++i)
      cells_[i].sequence.store(i, std::memory_order_relaxed);
  }

  [[nodiscard]] bool try_push(const Value& value) noexcept {
    std::uint64_t position = tail_.load(std::memory_order_relaxed);
    for (;;) {
      Cell& cell = cells_[position & mask_];
      const std::uint64_t sequence = cell.sequence.load(std::memory_order_acquire);
      const auto lead = static_cast<std::int64_t>(sequence - position);
      if (lead < 0) return false;
      if (lead == 0 &&
          tail_.compare_exchange_weak(position, position + 1, std::memory_order_relaxed)) {
        cell.value = value;
        cell.sequence.store(position + 1, std::memory_order_release);
        return true;
      }
      if (lead > 0) position = tail_.load(std::memory_order_relaxed);
    }
  }

  /// The consumer's thread only.
  [[nodiscard]] bool try_pop(Value& value) noexcept {
    Cell& cell = cells_[head_ & mask_];
    if (cell.sequence.load(std::memory_order_acquire) != head_ + 1) return false;
    value = cell.value;
    cell.sequence.store(head_ + mask_ + 1, std::memory_order_release);
    ++head_;
    return true;
  }

  /// The consumer's thread only: nothing to pop at this moment.
  [[nodiscard]] bool empty() const noexcept {
    return cells_[head_ & mask_].sequence.load(std::memory_order_acquire) != head_ + 1;
  }

 private:
  struct Cell {
    std::atomic<std::uint64_t> sequence;
    Value value;
  };
  const std::uint64_t mask_;
  std::unique_ptr<Cell[]> cells_;
  alignas(64) std::atomic<std::uint64_t> tail_{0};
  alignas(64) std::uint64_t head_ = 0;
};

}  // namespace sallyport::verify
