#include "engine/radius/downstream_board.h"

#include <gtest/gtest.h>

namespace sallyport::radius_door {
namespace {

std::shared_ptr<LinkMetrics> seen(ServerState state) {
  auto metrics = std::make_shared<LinkMetrics>();
  metrics->state.set(static_cast<std::uint64_t>(state));
  return metrics;
}

TEST(DownstreamBoard, APoolIsOutWhereOneShardSeesNoServerOfItUp) {
  constexpr ServerState kUp = ServerState::up;
  constexpr ServerState kDown = ServerState::down;
  DownstreamBoard board;
  board.show({
      {.pool = "a", .server = "one", .address = {}, .shards = {seen(kDown), seen(kUp)}},
      {.pool = "a", .server = "two", .address = {}, .shards = {seen(kUp), seen(kDown)}},
      {.pool = "b", .server = "three", .address = {}, .shards = {seen(kUp), seen(kDown)}},
      {.pool = "c", .server = "four", .address = {}, .shards = {seen(kUp), seen(kUp)}},
  });
  const auto states = board.read();
  EXPECT_FALSE(states[0].pool_is_out);
  EXPECT_FALSE(states[1].pool_is_out);
  EXPECT_TRUE(states[2].pool_is_out);
  EXPECT_FALSE(states[3].pool_is_out);
}

}  // namespace
}  // namespace sallyport::radius_door
