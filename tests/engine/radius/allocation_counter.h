#pragma once
// Counts what a thread takes from the heap. Replaces the global operator new of the test program.

#include <cstdint>

namespace sallyport::testing {

/// From now on the calling thread's allocations are counted, or no longer.
void count_allocations_of_this_thread(bool counted = true) noexcept;
/// By all counted threads.
[[nodiscard]] std::uint64_t counted_allocations() noexcept;

}  // namespace sallyport::testing
