#include "engine/radius/exchange.h"

#include <gtest/gtest.h>

namespace sallyport::radius_door {
namespace {

using State = ExchangeState;

TEST(ExchangePool, ATicketFindsItsOwnLifeOnly) {
  ExchangePool pool(5, 2);
  const std::uint32_t slot = *pool.next_free();
  pool.transition(slot, State::forwarded);
  const verify::Ticket ticket = pool.ticket(slot);
  EXPECT_EQ(ticket_shard(ticket), 5);
  EXPECT_EQ(pool.find(ticket), slot);
  pool.transition(slot, State::free);
  EXPECT_EQ(pool.find(ticket), std::nullopt);
  pool.transition(slot, State::forwarded);
  EXPECT_EQ(pool.find(ticket), std::nullopt);
  EXPECT_EQ(pool.find({~std::uint64_t{0}}), std::nullopt);
}

TEST(ExchangePool, TheOldestAnswerComesFirst) {
  ExchangePool pool(0, 3);
  for (int i = 0; i < 3; ++i) pool.transition(*pool.next_free(), State::forwarded);
  EXPECT_EQ(pool.next_free(), std::nullopt);
  EXPECT_EQ(pool.oldest_answered(), std::nullopt);
  for (const std::uint32_t slot : {1u, 0u, 2u}) pool.transition(slot, State::answered);
  EXPECT_EQ(pool.oldest_answered(), 1u);
  pool.transition(0, State::free);
  pool.transition(1, State::free);
  EXPECT_EQ(pool.oldest_answered(), 2u);
  EXPECT_EQ(pool.count(State::answered), 1u);
  EXPECT_EQ(pool.count(State::free), 2u);
}

TEST(ExchangePoolDeathTest, AForbiddenTransitionEndsTheProcess) {
  ExchangePool pool(0, 2);
  EXPECT_DEATH(pool.transition(0, State::answered), "may_follow");
  pool.transition(0, State::forwarded);
  pool.transition(0, State::answered);
  EXPECT_DEATH(pool.transition(0, State::awaiting_verdict), "may_follow");
}

}  // namespace
}  // namespace sallyport::radius_door
