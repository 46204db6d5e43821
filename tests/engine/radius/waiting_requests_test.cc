#include "engine/radius/waiting_requests.h"

#include <gtest/gtest.h>

namespace sallyport::radius_door {
namespace {

TEST(WaitingRequests, GivesThemBackInTheirOrder) {
  WaitingRequests waiting;
  EXPECT_EQ(waiting.take(), std::nullopt);
  for (std::uint64_t ticket = 1; ticket <= 3; ++ticket)
    ASSERT_TRUE(waiting.add(verify::Ticket{ticket}));
  EXPECT_EQ(waiting.take()->value, 1u);
  waiting.put_back(verify::Ticket{1});
  EXPECT_EQ(waiting.size(), 3u);
  for (std::uint64_t ticket = 1; ticket <= 3; ++ticket) EXPECT_EQ(waiting.take()->value, ticket);
  EXPECT_TRUE(waiting.empty());
}

TEST(WaitingRequests, IsBoundedAndForgetsThoseThatNoLongerWait) {
  WaitingRequests waiting;
  // Not from its beginning, so that the ring wraps.
  ASSERT_TRUE(waiting.add(verify::Ticket{0}));
  ASSERT_TRUE(waiting.take());
  const auto all = [](verify::Ticket) { return true; };
  for (std::uint64_t ticket = 1; ticket <= limits::kMaxWaitingRequests; ++ticket) {
    ASSERT_TRUE(waiting.has_room(all));
    ASSERT_TRUE(waiting.add(verify::Ticket{ticket}));
  }
  EXPECT_FALSE(waiting.has_room(all));
  EXPECT_FALSE(waiting.add(verify::Ticket{9'999}));
  EXPECT_TRUE(waiting.has_room([](verify::Ticket ticket) { return ticket.value % 2 == 0; }));
  EXPECT_EQ(waiting.size(), limits::kMaxWaitingRequests / 2);
  EXPECT_EQ(waiting.take()->value, 2u);
  EXPECT_EQ(waiting.take()->value, 4u);
}

}  // namespace
}  // namespace sallyport::radius_door
