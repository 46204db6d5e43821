#include "engine/ring/buffer_pool.h"

#include <array>
#include <map>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "engine/ring/file_descriptor.h"

namespace sallyport::ring {
namespace {

class BufferPoolTest : public ::testing::Test {
 protected:
  void open(const BufferPlan& plan) {
    auto ring = Ring::open({.submission_entries = 16, .completion_entries = 256, .files = 1});
    ASSERT_TRUE(ring) << ring.error();
    ring_ = std::move(*ring);
    auto pool = BufferPool::open(*ring_, plan);
    ASSERT_TRUE(pool) << pool.error();
    pool_ = std::move(*pool);
    ring_->enable();
  }

  std::unique_ptr<BufferPool> pool_;  // outlives the ring
  std::unique_ptr<Ring> ring_;
};

TEST_F(BufferPoolTest, CountsReferences) {
  open({.octets_each = 4096, .lent = 4, .most = 16});
  const Slice slice = pool_->allocate();
  EXPECT_EQ(slice.length, 4096u);
  EXPECT_EQ(pool_->in_use(), 1u);
  EXPECT_FALSE(pool_->shared(slice));
  const Slice part{.buffer = slice.buffer, .offset = 100, .length = 5};
  pool_->retain(part);
  EXPECT_TRUE(pool_->shared(slice));
  copy_octets(as_octets("hello"), pool_->writable(part));
  pool_->release(slice);
  EXPECT_EQ(pool_->in_use(), 1u);
  EXPECT_EQ(as_text(pool_->octets(part)), "hello");
  pool_->release(part);
  EXPECT_EQ(pool_->in_use(), 0u);
}

TEST_F(BufferPoolTest, GivesOutUntilNoneIsLeft) {
  open({.octets_each = 4096, .lent = 4, .most = 16});
  EXPECT_EQ(pool_->lent(), 4u);
  std::map<std::uint32_t, Slice> taken;
  for (;;) {
    const Slice slice = pool_->allocate();
    if (slice.buffer == Slice::kNone) break;
    EXPECT_TRUE(taken.emplace(slice.buffer, slice).second) << "given out twice";
  }
  EXPECT_EQ(taken.size(), 12u);
  for (const auto& [id, slice] : taken) pool_->release(slice);
  EXPECT_NE(pool_->allocate().buffer, Slice::kNone);
}

TEST_F(BufferPoolTest, LendsMoreWhenMoreIsNeededAndFewerLater) {
  open({.octets_each = 4096, .lent = 256, .most = 1024});
  const std::uint32_t at_first = pool_->lent();
  EXPECT_LT(at_first, 256u);
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()), 0);
  const FileDescriptor near(pair[0]);
  const FileDescriptor far(pair[1]);
  const Tag tag{.operation = Operation::stream_receive, .index = 1};
  std::array<Completion, 256> completions;
  std::vector<Slice> slices;
  for (int round = 0; round < 4; ++round) {  // each takes nearly all that are lent
    const std::uint32_t lent = pool_->lent();
    for (std::uint32_t packet = 0; packet + 1 < lent; ++packet) {
      ring_->receive_stream(near.get(), pool_->group(), false, tag);
      ASSERT_EQ(::send(far.get(), "x", 1, 0), 1);
      ring_->submit();
      ring_->submit_and_wait(1'000'000'000);
      const std::size_t count = ring_->harvest(completions);
      for (std::size_t at = 0; at < count; ++at) {
        if (const auto buffer = completions[at].buffer()) {
          slices.push_back(pool_->arrived(*buffer, 1));
        }
      }
      ring_->cancel(tag, {.operation = Operation::stream_cancel});
      ring_->submit_and_wait(1'000'000'000);
      static_cast<void>(ring_->harvest(completions));
    }
    EXPECT_LE(pool_->lent(), 1u);
    pool_->publish();
    for (const Slice& slice : slices) pool_->release(slice);
    slices.clear();
  }
  EXPECT_EQ(pool_->lent(), 256u);
  // Idle: the target shrinks again, though what is lent stays lent until it is used.
  for (int turn = 0; turn < 20'000; ++turn) pool_->publish();
  EXPECT_EQ(pool_->lent(), 256u);
}

TEST_F(BufferPoolTest, KeepsAReserveForWhatIsToBeSent) {
  open({.octets_each = 4096, .lent = 16, .most = 32});
  std::vector<Slice> taken;
  for (int count = 0; count < 16; ++count) taken.push_back(pool_->allocate());
  EXPECT_EQ(pool_->allocate().buffer, Slice::kNone);
  pool_->release(taken.back());
  taken.pop_back();
  pool_->publish();
  EXPECT_EQ(pool_->lent(), 16u);
  EXPECT_NE(pool_->allocate().buffer, Slice::kNone);
}

using BufferPoolDeathTest = BufferPoolTest;

TEST_F(BufferPoolDeathTest, ReleasingTwiceIsAMistake) {
  open({.octets_each = 4096, .lent = 4, .most = 16});
  const Slice slice = pool_->allocate();
  pool_->release(slice);
  EXPECT_DEATH(pool_->release(slice), "CHECK");
}

}  // namespace
}  // namespace sallyport::ring
