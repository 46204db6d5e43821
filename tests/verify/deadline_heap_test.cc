#include "verify/deadline_heap.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace sallyport::verify {
namespace {

TEST(DeadlineHeap, AgreesWithASortedMapWhateverIsDone) {
  std::mt19937 random(7);
  DeadlineHeap heap;
  std::map<std::uint32_t, std::uint64_t> expected;
  for (int step = 0; step < 20'000; ++step) {
    const std::uint32_t index = random() % 64;
    const std::uint64_t at_ms = random() % 1'000;
    switch (random() % 4) {
      case 0:
      case 1:
        heap.schedule(index, at_ms);
        expected[index] = at_ms;
        break;
      case 2:
        heap.cancel(index);
        expected.erase(index);
        break;
      case 3: {
        const auto due = heap.take_due(at_ms);
        std::uint64_t earliest = UINT64_MAX;
        for (const auto& [i, at] : expected) earliest = std::min(earliest, at);
        ASSERT_EQ(due.has_value(), earliest <= at_ms);
        if (due) {
          ASSERT_EQ(expected.at(*due), earliest);
          expected.erase(*due);
        }
        break;
      }
    }
    ASSERT_EQ(heap.next_ms().has_value(), !expected.empty());
  }
}

TEST(DeadlineHeap, NeverIsNotScheduled) {
  DeadlineHeap heap;
  heap.schedule(3, 10);
  heap.schedule(3, UINT64_MAX);
  EXPECT_EQ(heap.next_ms(), std::nullopt);
}

}  // namespace
}  // namespace sallyport::verify
