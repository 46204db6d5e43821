#include "bench/load/channel_table.h"

#include <set>

#include <gtest/gtest.h>

namespace sallyport::lab {
namespace {

TEST(ChannelTable, HasEveryIdentifierOfEverySocketOnce) {
  ChannelTable table(3);
  std::set<Channel> taken;
  for (std::uint32_t i = 0; i < 3 * kIdentifiers; ++i) {
    const auto socket = table.next_socket();
    ASSERT_TRUE(socket);
    const auto channel = table.take(*socket);
    ASSERT_TRUE(channel);
    EXPECT_EQ(socket_of(*channel), *socket);
    taken.insert(*channel);
  }
  EXPECT_EQ(taken.size(), 3 * kIdentifiers);
  EXPECT_EQ(table.in_use(), 3 * kIdentifiers);
  EXPECT_FALSE(table.next_socket());
  EXPECT_FALSE(table.take(1));
}

TEST(ChannelTable, SocketsTakeTurns) {
  ChannelTable table(130);  // more than two words of bits
  for (std::uint32_t round = 0; round < 2; ++round) {
    for (std::uint32_t socket = 0; socket < 130; ++socket) EXPECT_EQ(table.next_socket(), socket);
  }
}

TEST(ChannelTable, AFullSocketIsPassedOver) {
  ChannelTable table(100);
  for (std::uint32_t i = 0; i < kIdentifiers; ++i) ASSERT_TRUE(table.take(70));
  for (std::uint32_t i = 0; i < 300; ++i) EXPECT_NE(table.next_socket(), 70u);
  table.give_back(70 * kIdentifiers + 9);
  std::set<std::uint32_t> seen;
  for (std::uint32_t i = 0; i < 100; ++i) seen.insert(*table.next_socket());
  EXPECT_TRUE(seen.contains(70));
  EXPECT_EQ(table.take(70), 70 * kIdentifiers + 9);
}

TEST(ChannelTable, TheIdentifierUsedLongestAgoComesFirst) {
  ChannelTable table(1);
  const Channel first = *table.take(0);
  const Channel second = *table.take(0);
  table.give_back(second);
  table.give_back(first);
  for (std::uint32_t i = 2; i < kIdentifiers; ++i) {
    const Channel channel = *table.take(0);
    EXPECT_NE(channel, first);
    EXPECT_NE(channel, second);
  }
  EXPECT_EQ(table.take(0), second);
  EXPECT_EQ(table.take(0), first);
}

TEST(ChannelTable, QueuesKeepTheirOrder) {
  ChannelTable table(2);
  const Channel a = *table.take(0);
  const Channel b = *table.take(1);
  const Channel c = *table.take(0);
  EXPECT_FALSE(table.first(Queue::resend));
  for (const Channel channel : {a, b, c}) table.wait(Queue::resend, channel);
  EXPECT_EQ(table.first(Queue::resend), a);
  table.wait(Queue::give_up, a);  // moved
  EXPECT_EQ(table.first(Queue::resend), b);
  EXPECT_EQ(table.first(Queue::give_up), a);
  table.give_back(b);  // answered: waits for nothing
  EXPECT_EQ(table.first(Queue::resend), c);
  table.wait(Queue::resend, c);
  EXPECT_EQ(table.first(Queue::resend), c);
  table.give_back(c);
  table.give_back(a);
  EXPECT_FALSE(table.first(Queue::resend));
  EXPECT_FALSE(table.first(Queue::give_up));
  EXPECT_EQ(table.in_use(), 0u);
}

TEST(ChannelTableDeathTest, AChannelGoesBackOnce) {
  ChannelTable table(1);
  const Channel channel = *table.take(0);
  table.give_back(channel);
  EXPECT_DEATH(table.give_back(channel), "CHECK");
}

}  // namespace
}  // namespace sallyport::lab
