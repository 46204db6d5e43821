#include "engine/http/upstream_set.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace sallyport::http_door {
namespace {

config::HttpServer server_at(std::string host, std::uint16_t port) {
  config::HttpServer result;
  result.host = std::move(host);
  result.port = port;
  return result;
}

config::HttpPool pool(std::uint16_t servers) {
  config::HttpPool result;
  result.name = "p";
  for (std::uint16_t i = 0; i < servers; ++i)
    result.servers.push_back(server_at("10.0.0.1", static_cast<std::uint16_t>(8000 + i)));
  result.max_fails = 1;
  result.fail_timeout_ms = 1'000;
  return result;
}

HealthChange change(std::uint32_t server, Health health) {
  return {.server = server,
          .health = health,
          .reason = {.kind = HealthReason::Kind::status, .status = 503}};
}

void fail(UpstreamSet& set, std::uint32_t server, std::uint64_t now_ms) {
  ServerLease lease = set.acquire(server);
  set.failed(lease, Broken::refused, now_ms);
  set.release(lease);
}

bool succeed(UpstreamSet& set, std::uint32_t server, std::uint64_t now_ms) {
  ServerLease lease = set.acquire(server);
  set.succeeded(lease, now_ms);
  set.release(lease);
  return lease.trial;
}

TEST(UpstreamSet, CountsWhatIsInFlight) {
  UpstreamSet set(pool(2));
  ServerLease a = set.acquire(1);
  const ServerLease b = set.acquire(1);
  EXPECT_EQ(set.in_flight(1), 2u);
  EXPECT_EQ(set.in_flight(0), 0u);
  set.succeeded(a, 0);
  set.release(a);
  set.release(b);
  EXPECT_EQ(set.in_flight(1), 0u);
}

TEST(UpstreamSet, LabelsServers) {
  config::HttpPool named = pool(1);
  named.servers.push_back(server_at("2001:db8::1", 80));
  named.servers.push_back(server_at("", 0));
  named.servers.back().unix_path = "/run/app.sock";
  const UpstreamSet set(named);
  EXPECT_EQ(set.label(0), "10.0.0.1:8000");
  EXPECT_EQ(set.label(1), "[2001:db8::1]:80");
  EXPECT_EQ(set.label(2), "unix:/run/app.sock");
}

TEST(UpstreamSet, BackupsOnlyWhenNobodyElseIsUp) {
  config::HttpPool with_backup = pool(3);
  with_backup.servers[1].backup = true;
  UpstreamSet set(with_backup);
  EXPECT_EQ(set.candidates(0, 0), 0b101u);
  set.set_active(change(0, Health::down), 0);
  EXPECT_EQ(set.candidates(0, 0), 0b100u);
  set.set_active(change(2, Health::down), 0);
  EXPECT_EQ(set.candidates(0, 0), 0b010u);
  set.set_active(change(2, Health::suspect), 0);
  EXPECT_EQ(set.candidates(0, 0), 0b100u);
  EXPECT_EQ(set.candidates(0b100, 0), 0b010u);
}

TEST(UpstreamSet, ADrainingServerGetsNothingNew) {
  config::HttpPool draining = pool(2);
  draining.servers[0].drain = true;
  UpstreamSet set(draining);
  EXPECT_EQ(set.candidates(0, 0), 0b10u);
  set.set_drain(0, false, 0);
  set.set_drain(1, true, 0);
  EXPECT_EQ(set.candidates(0, 0), 0b01u);
  EXPECT_TRUE(set.drains(1));
}

TEST(UpstreamSet, AFailedServerIsTriedByOneRequest) {
  UpstreamSet set(pool(2));
  fail(set, 0, 0);
  EXPECT_EQ(set.health(0), Health::down);
  EXPECT_EQ(set.reason(0).text(), "connection refused");
  EXPECT_EQ(set.candidates(0, 999), 0b10u);
  EXPECT_EQ(set.candidates(0, 1'000), 0b11u);
  ServerLease trial = set.acquire(0);
  EXPECT_TRUE(trial.trial);
  EXPECT_EQ(set.candidates(0, 1'000), 0b10u);
  set.release(trial);  // without a word: the next one is the trial
  EXPECT_EQ(set.candidates(0, 1'000), 0b11u);
  EXPECT_TRUE(succeed(set, 0, 1'001));
  EXPECT_FALSE(succeed(set, 0, 1'002));
}

TEST(UpstreamSet, WhenAllHaveFailedOneAtATimeIsTriedEarly) {
  UpstreamSet set(pool(2));
  fail(set, 0, 0);
  fail(set, 1, 0);
  EXPECT_EQ(set.candidates(0, 1), 0b11u);
  const ServerLease first = set.acquire(0);
  EXPECT_EQ(set.candidates(0, 1), 0b10u);
  const ServerLease second = set.acquire(1);
  EXPECT_EQ(set.candidates(0, 1), 0u);
  set.release(first);
  set.release(second);
  // What probes have found down is not tried at all.
  set.set_active(change(0, Health::down), 1);
  EXPECT_EQ(set.candidates(0, 1), 0b10u);
  set.set_active(change(1, Health::down), 1);
  EXPECT_EQ(set.candidates(0, 5'000), 0u);
}

TEST(UpstreamSet, TheOnlyServerIsNotTakenOutByRequests) {
  UpstreamSet set(pool(1));
  for (std::uint64_t now_ms = 0; now_ms < 10; ++now_ms) fail(set, 0, now_ms);
  EXPECT_EQ(set.candidates(0, 10), 1u);
}

TEST(UpstreamSet, GoodProbesBringBackWhatRequestsTookOut) {
  UpstreamSet set(pool(2));
  fail(set, 0, 0);
  set.set_active(change(0, Health::down), 1);
  set.set_active(change(0, Health::up), 2);
  EXPECT_EQ(set.candidates(0, 2), 0b11u);
  EXPECT_EQ(set.health(0), Health::up);
}

TEST(UpstreamSet, SlowStartGrowsFromATenth) {
  config::HttpPool slow = pool(2);
  slow.slow_start_ms = 1'000;
  slow.servers[0].weight = 5;
  UpstreamSet set(slow);
  EXPECT_EQ(set.weight(0, 0), 5'000u);  // nothing has gone, nothing comes back
  set.set_active(change(0, Health::down), 0);
  set.set_active(change(0, Health::up), 100);
  EXPECT_EQ(set.weight(0, 100), 500u);
  EXPECT_EQ(set.weight(0, 600), 2'750u);
  EXPECT_EQ(set.weight(0, 1'099), 4'995u);
  EXPECT_EQ(set.weight(0, 1'100), 5'000u);
  EXPECT_EQ(set.weight(1, 100), 1'000u);
  fail(set, 1, 2'000);
  EXPECT_TRUE(succeed(set, 1, 3'000));
  EXPECT_EQ(set.weight(1, 3'000), 100u);
  EXPECT_FALSE(succeed(set, 1, 3'500));
  EXPECT_EQ(set.weight(1, 3'500), 550u);
}

TEST(UpstreamSet, AReloadKeepsWhatIsKnown) {
  config::HttpPool before = pool(3);
  before.health_path = "/health";
  before.slow_start_ms = 1'000;
  UpstreamSet old(before);
  EXPECT_EQ(old.health(0), Health::suspect);
  for (std::uint32_t i = 0; i < 3; ++i) old.set_active(change(i, Health::up), 0);
  old.set_active(change(0, Health::down), 0);
  fail(old, 1, 0);

  config::HttpPool after = before;
  std::swap(after.servers[0], after.servers[2]);
  after.servers.push_back(server_at("10.0.0.9", 80));
  UpstreamSet set(after);
  set.adopt(old);
  EXPECT_EQ(set.health(2), Health::down);
  EXPECT_EQ(set.health(1), Health::down);
  EXPECT_EQ(set.health(0), Health::up);
  EXPECT_EQ(set.health(3), Health::suspect);
  EXPECT_EQ(set.candidates(0, 1), 0b1001u);
  EXPECT_EQ(set.candidates(0, 1'000), 0b1011u);

  // Without probes nothing would bring it back.
  after.health_path.clear();
  UpstreamSet unprobed(after);
  unprobed.adopt(old);
  EXPECT_EQ(unprobed.health(2), Health::up);
}

// Whatever happens to the servers: candidates are never down or draining or tried, backups never
// stand in while others are fit, and a server on trial gets nobody else.
TEST(UpstreamSet, CandidatesAreFitWhateverHappens) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    config::HttpPool mixed = pool(6);
    mixed.servers[4].backup = mixed.servers[5].backup = true;
    mixed.max_fails = static_cast<std::uint32_t>(1 + random() % 3);
    UpstreamSet set(mixed);
    std::vector<ServerLease> leases;
    std::array<Health, 6> probed{};
    std::uint64_t now_ms = 0;
    for (int step = 0; step < 5'000; ++step) {
      now_ms += random() % 100;
      const ServerMask tried = random() % 8 == 0 ? random() & 0x3f : 0;
      const ServerMask fit = set.candidates(tried, now_ms);
      EXPECT_EQ(fit & tried, 0u);
      for (std::uint32_t i = 0; i < 6; ++i) {
        if ((fit & server_bit(i)) == 0) continue;
        EXPECT_NE(probed[i], Health::down);
        EXPECT_FALSE(set.drains(i));
        for (const ServerLease& lease : leases)
          if (lease.server == i && lease.trial && !lease.reported) {
            EXPECT_NE(set.health(i), Health::suspect) << "beside its trial";
          }
        if (mixed.servers[i].backup) {
          for (std::uint32_t other = 0; other < 4; ++other)
            EXPECT_TRUE(set.drains(other) || set.health(other) != Health::up ||
                        (tried & server_bit(other)) != 0);
        }
      }
      const auto server = static_cast<std::uint32_t>(random() % 6);
      switch (random() % 6) {
        case 0:
          if ((fit & server_bit(server)) != 0) leases.push_back(set.acquire(server));
          break;
        case 1:
        case 2:
        case 3:
          if (!leases.empty()) {
            std::swap(leases[random() % leases.size()], leases.back());
            if (random() % 3 == 0)
              set.failed(leases.back(), Broken::reset, now_ms);
            else if (random() % 2 == 0)
              set.succeeded(leases.back(), now_ms);
            set.release(leases.back());
            leases.pop_back();
          }
          break;
        case 4:
          if (random() % 4 == 0) {
            probed[server] = static_cast<Health>(random() % 3);
            set.set_active(change(server, probed[server]), now_ms);
          }
          break;
        case 5:
          if (random() % 4 == 0) set.set_drain(server, random() % 2 == 0, now_ms);
          break;
      }
    }
    for (const ServerLease& lease : leases) set.release(lease);
    for (std::uint32_t i = 0; i < 6; ++i) EXPECT_EQ(set.in_flight(i), 0u);
  }
}

}  // namespace
}  // namespace sallyport::http_door
