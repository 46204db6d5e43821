#include "engine/radius/server_health.h"

#include <gtest/gtest.h>

namespace sallyport::radius_door {
namespace {

using config::StatusServer;

constexpr std::uint64_t kStart = 1'000'000;

HealthRules rules(StatusServer status_server) {
  return {.status_server = status_server,
          .probe_interval_ms = 6'000,
          .retry_ms = 30'000,
          .slow_start_ms = 10'000};
}

/// Runs every probe that is due until `until_ms`, none of them answered.
void let_probes_pass(ServerHealth& health, std::uint64_t until_ms) {
  for (auto next = health.next_probe_ms(); next && *next <= until_ms;
       next = health.next_probe_ms()) {
    bool left_up = false;
    ASSERT_TRUE(health.probe_due(*next, 0x8000, left_up));
  }
}

void take_down(ServerHealth& health, std::uint64_t now_ms) {
  for (unsigned i = 0; i < ServerHealth::kDownAfter; ++i)
    health.unreachable(now_ms + i * ServerHealth::kApartMs);
}

TEST(ServerHealth, SilenceMakesItSuspectAndAReplyUpAgain) {
  ServerHealth health(rules(StatusServer::automatic));
  EXPECT_TRUE(health.unanswered(kStart, kStart + 2'000));
  EXPECT_EQ(health.state(), ServerState::suspect);
  EXPECT_EQ(health.reason(), ServerReason::no_reply);
  EXPECT_FALSE(health.unanswered(kStart, kStart + 2'500));  // it has left `up` before
  health.replied(kStart + 2'600);
  EXPECT_EQ(health.state(), ServerState::up);
}

TEST(ServerHealth, OneRequestWithoutAReplyProvesNothingWhileOthersHaveOne) {
  ServerHealth health(rules(StatusServer::automatic));
  health.replied(kStart + 100);
  EXPECT_FALSE(health.unanswered(kStart, kStart + 2'000));
  EXPECT_EQ(health.state(), ServerState::up);
}

TEST(ServerHealth, AThousandAtOnceAreOnePieceOfEvidence) {
  ServerHealth health(rules(StatusServer::automatic));
  for (unsigned i = 0; i < 1'000; ++i) health.unreachable(kStart + i % ServerHealth::kApartMs);
  EXPECT_EQ(health.state(), ServerState::suspect);
  health.unreachable(kStart + ServerHealth::kApartMs);
  EXPECT_EQ(health.state(), ServerState::suspect);
  health.unreachable(kStart + 2 * ServerHealth::kApartMs);
  EXPECT_EQ(health.state(), ServerState::down);
  EXPECT_EQ(health.reason(), ServerReason::unreachable);
}

TEST(ServerHealth, ADownServerIsUpAfterThreeAnswersAndNotBefore) {
  ServerHealth health(rules(StatusServer::yes));
  take_down(health, kStart);
  health.status_answered(kStart + 5'000);
  health.status_answered(kStart + 11'000);
  EXPECT_EQ(health.state(), ServerState::down);
  health.unreachable(kStart + 12'000);  // from the beginning again
  health.status_answered(kStart + 17'000);
  health.status_answered(kStart + 23'000);
  EXPECT_EQ(health.state(), ServerState::down);
  health.status_answered(kStart + 29'000);
  EXPECT_EQ(health.state(), ServerState::up);
}

TEST(ServerHealth, SlowStartGrowsItsShareAfterItWasDown) {
  ServerHealth health(rules(StatusServer::yes));
  EXPECT_EQ(health.share(kStart), ServerHealth::kWhole);
  take_down(health, kStart);
  for (unsigned i = 0; i < ServerHealth::kUpAfter; ++i) health.status_answered(kStart + 10'000);
  const std::uint32_t first = health.share(kStart + 10'000);
  EXPECT_GT(first, 0u);
  EXPECT_LT(first, ServerHealth::kWhole / 10);
  EXPECT_EQ(health.share(kStart + 15'000), ServerHealth::kWhole / 2);
  EXPECT_EQ(health.share(kStart + 20'000), ServerHealth::kWhole);
}

TEST(ServerHealth, ASuspectServerIsAskedAtOnceAndThenFromTimeToTime) {
  ServerHealth health(rules(StatusServer::automatic));
  EXPECT_FALSE(health.next_probe_ms());  // while it is up nobody asks
  health.unanswered(kStart, kStart + 2'000);
  ASSERT_EQ(health.next_probe_ms(), kStart + 2'000);
  bool left_up = true;
  EXPECT_TRUE(health.probe_due(kStart + 2'000, 0, left_up));
  EXPECT_FALSE(left_up);
  EXPECT_EQ(health.next_probe_ms(), kStart + 2'000 + 5'400);  // the interval less 10 %
  EXPECT_FALSE(health.probe_due(kStart + 2'001, 0xffff, left_up));
  health.status_answered(kStart + 2'050);
  EXPECT_EQ(health.state(), ServerState::up);
  EXPECT_FALSE(health.next_probe_ms());
}

TEST(ServerHealth, SilenceUponStatusServerCountsOnlyOfWhoAnswersThem) {
  ServerHealth unknown(rules(StatusServer::automatic));
  unknown.unanswered(kStart, kStart + 2'000);
  let_probes_pass(unknown, kStart + 60'000);
  EXPECT_EQ(unknown.state(), ServerState::suspect);

  ServerHealth known(rules(StatusServer::automatic));
  known.status_answered(kStart);
  known.unanswered(kStart + 1, kStart + 2'000);
  let_probes_pass(known, kStart + 60'000);
  EXPECT_EQ(known.state(), ServerState::down);
  EXPECT_EQ(known.reason(), ServerReason::no_status);
}

TEST(ServerHealth, AnIdleServerIsAskedWhereThatIsWanted) {
  ServerHealth health(rules(StatusServer::yes));
  health.replied(kStart);
  ASSERT_EQ(health.next_probe_ms(), kStart + 6'000);
  bool left_up = false;
  ASSERT_TRUE(health.probe_due(kStart + 6'000, 0x8000, left_up));
  ASSERT_TRUE(health.probe_due(*health.next_probe_ms(), 0x8000, left_up));
  EXPECT_TRUE(left_up);
  EXPECT_EQ(health.state(), ServerState::suspect);
}

TEST(ServerHealth, WithoutStatusServerARequestNowAndThenTriesIt) {
  ServerHealth health(rules(StatusServer::no));
  EXPECT_FALSE(health.wants_trial(kStart));
  health.unanswered(kStart, kStart + 2'000);
  EXPECT_FALSE(health.next_probe_ms());
  EXPECT_FALSE(health.wants_trial(kStart + 2'001));
  EXPECT_TRUE(health.wants_trial(kStart + 8'000));
  health.begin_trial(kStart + 8'000);
  EXPECT_FALSE(health.wants_trial(kStart + 8'001));
  take_down(health, kStart + 10'000);
  EXPECT_FALSE(health.wants_trial(kStart + 20'000));  // down: less often
  EXPECT_TRUE(health.wants_trial(kStart + 38'000));
}

TEST(ServerHealth, WhoAnswersStatusServerIsNotTriedWithRequests) {
  ServerHealth health(rules(StatusServer::yes));
  take_down(health, kStart);
  EXPECT_FALSE(health.wants_trial(kStart + 3'600'000));
}

}  // namespace
}  // namespace sallyport::radius_door
