#include "engine/radius/server_choice.h"

#include <array>
#include <map>
#include <vector>

#include <gtest/gtest.h>

namespace sallyport::radius_door {
namespace {

using enum config::DownstreamPolicy;

std::vector<Candidate> three() {
  std::vector<Candidate> servers(3);
  for (std::size_t i = 0; i < servers.size(); ++i) servers[i].name_hash = mixed(i + 1);
  return servers;
}

std::optional<std::size_t> choose(config::DownstreamPolicy policy,
                                  const std::vector<Candidate>& servers, const Seeker& seeker = {},
                                  std::uint32_t turn = 0) {
  return choose_server(policy, servers, seeker, turn);
}

/// How many of 3,000 users each server gets.
std::array<unsigned, 3> shares(config::DownstreamPolicy policy,
                               const std::vector<Candidate>& servers) {
  std::array<unsigned, 3> counts{};
  for (std::uint32_t i = 0; i < 3'000; ++i)
    ++counts[choose(policy, servers, {.hash = mixed(i)}, i).value()];
  return counts;
}

TEST(ServerChoice, FailoverAsksTheFirstThatIsUp) {
  auto servers = three();
  EXPECT_EQ(choose(failover, servers), 0u);
  servers[0].state = ServerState::suspect;
  EXPECT_EQ(choose(failover, servers), 1u);
  servers[1].state = ServerState::down;
  EXPECT_EQ(choose(failover, servers), 2u);
}

TEST(ServerChoice, ALowerPriorityComesFirstWhateverTheOrder) {
  auto servers = three();
  servers[0].priority = 2;
  servers[2].priority = 2;
  for (const auto policy : {failover, round_robin, least_outstanding, hash})
    EXPECT_EQ(choose(policy, servers, {.hash = 7}, 2), 1u);
  servers[1].state = ServerState::suspect;  // being up goes before priority
  EXPECT_EQ(choose(failover, servers), 0u);
}

TEST(ServerChoice, SuspectGoesBeforeDownAndDownBeforeNothing) {
  auto servers = three();
  for (Candidate& server : servers) server.state = ServerState::down;
  servers[2].state = ServerState::suspect;
  EXPECT_EQ(choose(failover, servers), 2u);
  servers[2].state = ServerState::down;
  EXPECT_EQ(choose(failover, servers), 0u);
}

TEST(ServerChoice, RoundRobinGivesEachItsTurn) {
  const auto servers = three();
  for (std::uint32_t turn = 0; turn < 9; ++turn)
    EXPECT_EQ(choose(round_robin, servers, {}, turn), turn % 3);
}

TEST(ServerChoice, LeastOutstandingAsksWhoOwesFewest) {
  auto servers = three();
  servers[0].outstanding = 5;
  servers[1].outstanding = 2;
  servers[2].outstanding = 3;
  for (std::uint32_t turn = 0; turn < 3; ++turn)
    EXPECT_EQ(choose(least_outstanding, servers, {}, turn), 1u);
  for (Candidate& server : servers) server.outstanding = 0;  // then each its turn
  EXPECT_EQ(choose(least_outstanding, servers, {}, 2), 2u);
}

TEST(ServerChoice, AHashSpreadsUsersAndKeepsThemWhenAServerGoes) {
  auto servers = three();
  for (const unsigned count : shares(hash, servers)) EXPECT_NEAR(count, 1'000, 150);
  std::vector<std::size_t> before;
  for (std::uint32_t i = 0; i < 1'000; ++i)
    before.push_back(choose(hash, servers, {.hash = mixed(i)}).value());
  servers[1].state = ServerState::down;
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    const std::size_t now = choose(hash, servers, {.hash = mixed(i)}).value();
    if (before[i] != 1)
      EXPECT_EQ(now, before[i]);
    else
      EXPECT_NE(now, 1u);
  }
}

TEST(ServerChoice, AnotherSeedIsAnotherSpread) {
  const auto one = three();
  auto other = three();
  for (Candidate& server : other) server.name_hash = mixed(server.name_hash + 99);
  unsigned equal = 0;
  for (std::uint32_t i = 0; i < 3'000; ++i)
    equal += choose(hash, one, {.hash = mixed(i)}) == choose(hash, other, {.hash = mixed(i)});
  EXPECT_NEAR(equal, 1'000, 150);
}

TEST(ServerChoice, AConversationStaysOnOneServerWhateverThePolicy) {
  auto servers = three();
  for (const auto policy : {round_robin, least_outstanding}) {
    const Seeker seeker{.hash = 42, .conversation = true};
    const auto first = choose(policy, servers, seeker, 0);
    for (std::uint32_t turn = 1; turn < 6; ++turn) {
      servers[*first].outstanding += 3;
      EXPECT_EQ(choose(policy, servers, seeker, turn), first);
    }
  }
}

TEST(ServerChoice, SlowStartTakesItsShareOfTheUsers) {
  auto servers = three();
  servers[0].share = ServerHealth::kWhole / 4;
  const auto counts = shares(failover, servers);
  EXPECT_NEAR(counts[0], 750, 120);
  EXPECT_EQ(counts[2], 0u);
  servers[1].state = servers[2].state = ServerState::suspect;  // better a cold one than none
  EXPECT_EQ(shares(failover, servers)[0], 3'000u);
}

TEST(ServerChoice, ATrialGoesToWhoWantsOne) {
  auto servers = three();
  servers[0].state = ServerState::down;
  servers[0].wants_trial = true;
  EXPECT_EQ(choose(failover, servers), 0u);
}

TEST(ServerChoice, WhoHasJustFailedIsLeftOut) {
  auto servers = three();
  EXPECT_EQ(choose(failover, servers, {.not_this = 0}), 1u);
  servers.resize(1);
  EXPECT_EQ(choose(failover, servers, {.not_this = 0}), std::nullopt);
}

}  // namespace
}  // namespace sallyport::radius_door
