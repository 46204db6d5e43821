#pragma once
// An array of fixed capacity in memory of its own, in huge pages where the system has them: a
// look-up in a large table then costs one miss instead of two or three (the walk through the page
// tables).

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include <sys/mman.h>

#include "protocol/check.h"

namespace sallyport::radius_door {

/// Elements are added at the end and never move. Memory is touched when an element is added.
template <typename T>
class HugeArray {
 public:
  /// std::bad_alloc when the address space is refused.
  explicit HugeArray(std::size_t capacity) : capacity_(capacity) {
    if (capacity == 0) return;
    void* const memory = ::mmap(nullptr, capacity * sizeof(T), PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    // A hint: without it, or where huge pages are switched off, all is the same but slower.
    static_cast<void>(::madvise(memory, capacity * sizeof(T), MADV_HUGEPAGE));
    items_ = static_cast<T*>(memory);
  }
  ~HugeArray() {
    std::destroy_n(items_, size_);
    if (items_ != nullptr) ::munmap(items_, capacity_ * sizeof(T));
  }
  HugeArray(const HugeArray&) = delete;
  HugeArray& operator=(const HugeArray&) = delete;

  template <typename... Arguments>
  T& emplace_back(Arguments&&... arguments) {
    CHECK(size_ < capacity_);
    return *std::construct_at(items_ + size_++, std::forward<Arguments>(arguments)...);
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] T& operator[](std::size_t index) noexcept { return items_[index]; }
  [[nodiscard]] const T& operator[](std::size_t index) const noexcept { return items_[index]; }

 private:
  const std::size_t capacity_;
  std::size_t size_ = 0;
  T* items_ = nullptr;
};

}  // namespace sallyport::radius_door
