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

}  // namespace
}  // namespace sallyport::radius_door
