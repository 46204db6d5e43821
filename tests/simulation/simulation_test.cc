// Hundreds of small worlds, each drawn from a seed. A failing seed names itself;
// SALLYPORT_SIMULATION_SEED=n replays it exactly, SALLYPORT_SIMULATION_SEEDS=n runs more of them.

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "tests/simulation/world.h"

namespace sallyport::radius_door::simulation {
namespace {

constexpr std::uint64_t kSeeds = 300;

std::uint64_t environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

TEST(Simulation, EveryInvariantHoldsInEveryWorld) {
  const std::uint64_t only = environment("SALLYPORT_SIMULATION_SEED", 0);
  const std::uint64_t first = only == 0 ? 1 : only;
  const std::uint64_t last = only == 0 ? environment("SALLYPORT_SIMULATION_SEEDS", kSeeds) : only;
  for (std::uint64_t seed = first; seed <= last; ++seed)
    ASSERT_EQ(World(seed).run(), "") << "replay with SALLYPORT_SIMULATION_SEED=" << seed;
}

TEST(Simulation, ASeedReplaysExactly) {
  for (const std::uint64_t seed : {3u, 14u, 15u}) {
    World once(seed), again(seed), other(seed + 1);
    EXPECT_EQ(once.run(), again.run());
    EXPECT_EQ(other.run(), "");
    EXPECT_NE(once.trace(), 0u);
    EXPECT_EQ(once.trace(), again.trace());
    EXPECT_NE(once.trace(), other.trace());
  }
}

/// Worlds in which nothing of interest happens would prove nothing.
TEST(Simulation, TheWorldsReachEveryCorner) {
  std::uint64_t accepts = 0, joined = 0, replaced = 0, evicted = 0, late = 0, retransmitted = 0,
                no_identifier = 0, no_exchange = 0, forged = 0, allowed = 0, silent = 0,
                timeouts = 0, duplicates = 0, failed_over = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    World world(seed);
    ASSERT_EQ(world.run(), "") << "replay with SALLYPORT_SIMULATION_SEED=" << seed;
    const RadiusMetrics& metrics = world.metrics();
    const auto drops = [&](Drop reason) {
      return metrics.drops[static_cast<std::size_t>(reason)].value();
    };
    accepts += world.accepts();
    joined += world.joined();
    replaced += metrics.replaced.value();
    evicted += metrics.evicted.value();
    late += metrics.late_verdicts.value();
    retransmitted += metrics.retransmitted.value();
    no_identifier += drops(Drop::no_free_identifier);
    no_exchange += drops(Drop::no_free_exchange);
    forged += drops(Drop::reply_bad_authenticator);
    allowed += metrics.allowed_by_policy.value();
    silent += metrics.silent.value();
    timeouts += metrics.downstream_timeouts.value();
    duplicates += metrics.duplicates_answered.value();
    failed_over += metrics.failed_over.value();
  }
  for (const std::uint64_t count :
       {accepts, joined, replaced, evicted, late, retransmitted, no_identifier, no_exchange, forged,
        allowed, silent, timeouts, duplicates, failed_over})
    EXPECT_GT(count, 0u);
}

}  // namespace
}  // namespace sallyport::radius_door::simulation
