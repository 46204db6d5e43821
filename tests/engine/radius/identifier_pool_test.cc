#include "engine/radius/identifier_pool.h"

#include <set>

#include <gtest/gtest.h>

namespace sallyport::radius_door {
namespace {

TEST(IdentifierPool, WantsAPortWhenAQuarterOrLessIsFree) {
  IdentifierPool pool(2);
  EXPECT_TRUE(pool.wants_port());
  EXPECT_EQ(pool.take(0, 0), std::nullopt);
  pool.add_port();
  for (std::uint32_t slot = 0; slot < 191; ++slot) ASSERT_TRUE(pool.take(slot, 0));
  EXPECT_FALSE(pool.wants_port());
  ASSERT_TRUE(pool.take(191, 0));
  EXPECT_TRUE(pool.wants_port());
  pool.add_port();
  EXPECT_FALSE(pool.wants_port());
}

TEST(IdentifierPool, GivesEveryIdentifierOnceAndThenNone) {
  IdentifierPool pool(2);
  pool.add_port();
  pool.add_port();
  std::set<Channel> taken;
  for (std::uint32_t slot = 0; slot < 512; ++slot) {
    const auto channel = pool.take(slot, 0);
    ASSERT_TRUE(channel);
    EXPECT_EQ(pool.owner(*channel), slot);
    EXPECT_TRUE(taken.insert(*channel).second);
  }
  EXPECT_EQ(pool.take(512, 0), std::nullopt);
}

TEST(IdentifierPool, TakesTheOneUsedLongestAgo) {
  IdentifierPool pool(1);
  pool.add_port();
  const Channel first = *pool.take(0, 0);
  const Channel second = *pool.take(1, 0);
  pool.give_back(second);
  pool.give_back(first);
  for (int i = 0; i < 254; ++i) {
    const Channel channel = *pool.take(2, 0);
    EXPECT_NE(channel, first);
    EXPECT_NE(channel, second);
  }
  EXPECT_EQ(*pool.take(3, 0), second);
  EXPECT_EQ(*pool.take(4, 0), first);
}

TEST(IdentifierPool, AnUnusedOneIsTheNextTaken) {
  IdentifierPool pool(1);
  pool.add_port();
  const Channel channel = *pool.take(0, 0);
  pool.give_back_unused(channel);
  EXPECT_EQ(pool.owner(channel), std::nullopt);
  EXPECT_EQ(*pool.take(1, 0), channel);
}

TEST(IdentifierPool, AReservedOneIsNobodysUntilItsTime) {
  IdentifierPool pool(1);
  pool.add_port();
  const Channel reserved = *pool.take(0, 1'000);
  pool.reserve(reserved, 6'000);
  EXPECT_EQ(pool.owner(reserved), std::nullopt);
  for (std::uint32_t slot = 1; slot < 256; ++slot) {
    const auto channel = pool.take(slot, 5'999);
    ASSERT_TRUE(channel);
    EXPECT_NE(*channel, reserved);
  }
  EXPECT_EQ(pool.take(256, 5'999), std::nullopt);
  EXPECT_EQ(pool.take(256, 6'000), reserved);
}

TEST(IdentifierPool, KeepsTheFirstIdentifierOfAConnection) {
  IdentifierPool pool(2);
  pool.open_port(1);
  EXPECT_EQ(pool.ports(), 1u);
  std::set<Channel> taken;
  for (std::uint32_t slot = 0; slot < 255; ++slot) {
    const auto channel = pool.take(slot, 0);
    ASSERT_TRUE(channel);
    EXPECT_EQ(channel->source_port, 1u);
    EXPECT_NE(channel->identifier.value, 0);
    EXPECT_TRUE(taken.insert(*channel).second);
  }
  EXPECT_EQ(pool.take(255, 0), std::nullopt);
  EXPECT_EQ(pool.in_flight(), 255u);
  EXPECT_TRUE(pool.wants_port());
}

TEST(IdentifierPool, TakesAllOfAConnectionAwayWithIt) {
  IdentifierPool pool(2);
  pool.open_port(0);
  pool.open_port(1);
  std::set<std::uint32_t> on_first;
  Channel reserved{};
  for (std::uint32_t slot = 0; slot < 300; ++slot) {
    const Channel channel = *pool.take(slot, 0);
    if (channel.source_port == 0) on_first.insert(slot);
    if (channel.source_port == 0 && on_first.size() == 1) reserved = channel;
  }
  on_first.erase(*pool.owner(reserved));
  pool.reserve(reserved, 1'000);
  IdentifierPool::Released released;
  pool.close_port(0, released);
  EXPECT_EQ(std::set(released.slots.begin(), released.slots.begin() + released.count), on_first);
  EXPECT_EQ(pool.reserved_count(), 0u);
  EXPECT_EQ(pool.in_flight() + pool.free_count(), 255u);
  EXPECT_EQ(pool.ports(), 1u);
  while (const auto channel = pool.take(1'000, 2'000)) EXPECT_EQ(channel->source_port, 1u);
  // Its number is used again, and all of it is new.
  pool.open_port(0);
  EXPECT_EQ(pool.free_count(), 255u);
  EXPECT_EQ(pool.take(2'000, 2'000)->source_port, 0u);
}

}  // namespace
}  // namespace sallyport::radius_door
