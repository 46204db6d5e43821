#include "tests/engine/radius/allocation_counter.h"

#include <atomic>
#include <cstdlib>
#include <new>

#if !defined(__has_feature)  // GCC, which has no preset with sanitizers
#define __has_feature(feature) 0
#endif

namespace {

[[maybe_unused]] thread_local bool counted = false;
std::atomic<std::uint64_t> allocations{0};

[[maybe_unused]] void* allocate(std::size_t octets) {
  if (counted) allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(octets == 0 ? 1 : octets);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// ThreadSanitizer brings these as one piece with what it needs: there nothing is counted.
#if !__has_feature(thread_sanitizer)
// The other forms (array, nothrow) end in these by the standard's default definitions.
void* operator new(std::size_t octets) { return allocate(octets); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

void* operator new(std::size_t octets, std::align_val_t alignment) {
  if (counted) allocations.fetch_add(1, std::memory_order_relaxed);
  const auto align = static_cast<std::size_t>(alignment);
  void* const memory = std::aligned_alloc(align, (octets + align - 1) / align * align);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
#endif

namespace sallyport::testing {

void count_allocations_of_this_thread(bool on) noexcept { counted = on; }
std::uint64_t counted_allocations() noexcept { return allocations.load(); }

}  // namespace sallyport::testing
