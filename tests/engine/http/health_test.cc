#include "engine/http/health.h"

#include <bit>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace sallyport::http_door {
namespace {

using Kind = HealthReason::Kind;

constexpr HealthReason kGood{.kind = Kind::good};
constexpr HealthReason kBad{.kind = Kind::connection, .broken = Broken::refused};

config::HttpPool pool(std::size_t servers = 1) {
  config::HttpPool result;
  result.servers.resize(servers);
  result.health_path = "/health";
  return result;
}

TEST(ProbeJudgement, StatusAndBody) {
  config::HttpPool any = pool();
  EXPECT_EQ(judge(any, {.status = 200}), kGood);
  EXPECT_EQ(judge(any, {.status = 204, .body = "x"}), kGood);
  EXPECT_EQ(judge(any, {.status = 301}), (HealthReason{.kind = Kind::status, .status = 301}));
  EXPECT_EQ(judge(any, {.broken = Broken::timed_out}).text(), "answer took too long");
  EXPECT_EQ(judge(any, {.status = 503}).text(), "status 503");
  config::HttpPool exact = pool();
  exact.health_status = 418;
  exact.health_body = "ready";
  EXPECT_EQ(judge(exact, {.status = 200, .body = "ready"}).kind, Kind::status);
  EXPECT_EQ(judge(exact, {.status = 418, .body = "not yet"}).kind, Kind::body);
  EXPECT_EQ(judge(exact, {.status = 418, .body = "all is ready."}), kGood);
}

/// Drives the only server of a pool from probe to probe.
class OneServer {
 public:
  OneServer(std::uint32_t rise, std::uint32_t fall)
      : health_(
            [&] {
              config::HttpPool p = pool();
              p.health_rise = rise;
              p.health_fall = fall;
              return p;
            }(),
            0, 0) {}

  std::optional<HealthChange> probe(const HealthReason& reason) {
    const std::uint64_t due_ms = health_.next_due_ms().value();
    EXPECT_EQ(health_.take_due(due_ms), 1u);
    EXPECT_FALSE(health_.next_due_ms());
    return health_.result(0, reason, due_ms, 0);
  }
  Health health() const { return health_.health(0); }

 private:
  ActiveHealth health_;
};

TEST(ActiveHealth, TheFirstProbeDecides) {
  OneServer good(2, 3);
  EXPECT_EQ(good.health(), Health::suspect);
  EXPECT_EQ(good.probe(kGood)->health, Health::up);
  OneServer bad(2, 3);
  const auto change = bad.probe(kBad);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->health, Health::down);
  EXPECT_EQ(change->reason, kBad);
}

TEST(ActiveHealth, FallsAndRisesAfterSoManyInARow) {
  OneServer server(2, 3);
  EXPECT_TRUE(server.probe(kGood));
  EXPECT_FALSE(server.probe(kGood));
  EXPECT_EQ(server.probe(kBad)->health, Health::suspect);
  EXPECT_FALSE(server.probe(kBad));
  EXPECT_EQ(server.probe(kGood)->health, Health::up);  // the row is broken
  EXPECT_EQ(server.probe(kBad)->health, Health::suspect);
  EXPECT_FALSE(server.probe(kBad));
  EXPECT_EQ(server.probe(kBad)->health, Health::down);
  EXPECT_EQ(server.probe(kGood)->health, Health::down);  // told for its new reason
  EXPECT_EQ(server.probe(kBad)->health, Health::down);
  EXPECT_EQ(server.probe(kGood)->health, Health::down);
  EXPECT_EQ(server.probe(kGood)->health, Health::up);
}

TEST(ActiveHealth, FallOfOneTakesItDownAtOnce) {
  OneServer server(1, 1);
  EXPECT_EQ(server.probe(kGood)->health, Health::up);
  EXPECT_EQ(server.probe(kBad)->health, Health::down);
  EXPECT_EQ(server.probe(kGood)->health, Health::up);
}

TEST(ActiveHealth, FirstProbesAreSpreadOverASecond) {
  for (std::uint64_t random = 0; random < 2'000; random += 37) {
    ActiveHealth health(pool(10), 1'000, random);
    std::uint64_t all = 0;
    while (const auto due_ms = health.next_due_ms()) {
      EXPECT_LT(*due_ms, 2'000u);
      const std::uint64_t due = health.take_due(*due_ms);
      EXPECT_TRUE(std::has_single_bit(due));
      EXPECT_EQ(all & due, 0u) << "two probes of one server at a time";
      all |= due;
    }
    EXPECT_EQ(all, 0x3ffu);
  }
}

TEST(ActiveHealth, AServersProbesAreAnIntervalApart) {
  std::mt19937_64 random(5);
  ActiveHealth health(pool(10), 1'000, random());
  std::vector<std::uint64_t> last_ms(10, 0);
  std::uint64_t shortest_ms = ~std::uint64_t{0};
  std::uint64_t longest_ms = 0;
  while (*health.next_due_ms() < 300'000) {
    const std::uint64_t now_ms = *health.next_due_ms();
    const std::uint64_t due = health.take_due(now_ms);
    ASSERT_NE(due, 0u);
    for (std::uint32_t i = 0; i < 10; ++i) {
      if ((due >> i & 1) == 0) continue;
      if (last_ms[i] != 0) {
        shortest_ms = std::min(shortest_ms, now_ms - last_ms[i]);
        longest_ms = std::max(longest_ms, now_ms - last_ms[i]);
      }
      last_ms[i] = now_ms;
      (void)health.result(i, kGood, now_ms, random());
    }
  }
  EXPECT_GE(shortest_ms, 4'500u);
  EXPECT_LT(shortest_ms, 4'600u);
  EXPECT_LE(longest_ms, 5'500u);
  EXPECT_GT(longest_ms, 5'400u);
}

TEST(PassiveHealth, SoManyInARowTakeItOut) {
  PassiveHealth health(3, 10'000);
  health.failed(false, Broken::refused, 100);
  EXPECT_EQ(health.health(), Health::suspect);
  health.failed(false, Broken::refused, 101);
  EXPECT_FALSE(health.succeeded());
  EXPECT_EQ(health.health(), Health::up);
  for (std::uint64_t now_ms : {200, 201, 202}) {
    EXPECT_TRUE(health.admits(now_ms));
    health.failed(false, Broken::reset, now_ms);
  }
  EXPECT_EQ(health.health(), Health::down);
  EXPECT_EQ(health.reason(), Broken::reset);
  EXPECT_FALSE(health.admits(10'201));
  EXPECT_TRUE(health.admits(10'202));
}

TEST(PassiveHealth, FailuresFarApartAreNoRow) {
  PassiveHealth health(2, 1'000);
  for (std::uint64_t now_ms = 0; now_ms < 10'000; now_ms += 1'001) {
    health.failed(false, Broken::refused, now_ms);
    EXPECT_EQ(health.health(), Health::suspect);
  }
  health.failed(false, Broken::refused, 9'100);
  EXPECT_EQ(health.health(), Health::down);
}

TEST(PassiveHealth, OneTrialAtATimeDecides) {
  PassiveHealth health(1, 1'000);
  health.failed(false, Broken::refused, 0);
  EXPECT_FALSE(health.admits(999));
  ASSERT_TRUE(health.admits(1'000));
  EXPECT_TRUE(health.begin());
  EXPECT_FALSE(health.admits(1'000));
  health.failed(false, Broken::reset, 1'001);  // an old request: says nothing new
  EXPECT_TRUE(health.on_trial());
  health.failed(true, Broken::timed_out, 1'010);
  EXPECT_FALSE(health.admits(2'009));
  EXPECT_TRUE(health.admits(2'010));
  EXPECT_TRUE(health.begin());
  health.gave_up(true);  // the visitor went: the next one tries
  EXPECT_TRUE(health.admits(2'011));
  EXPECT_TRUE(health.begin());
  EXPECT_TRUE(health.succeeded());
  EXPECT_EQ(health.health(), Health::up);
  EXPECT_FALSE(health.begin());
}

TEST(PassiveHealth, NoneFailsMeansNeverOut) {
  PassiveHealth health(0, 1'000);
  for (std::uint64_t now_ms = 0; now_ms < 100; ++now_ms)
    health.failed(false, Broken::reset, now_ms);
  EXPECT_TRUE(health.admits(100));
  EXPECT_EQ(health.health(), Health::up);
}

}  // namespace
}  // namespace sallyport::http_door
