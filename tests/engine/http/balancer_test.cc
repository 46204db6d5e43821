#include "engine/http/balancer.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace sallyport::http_door {
namespace {

using config::Balance;

config::HttpPool pool(Balance balance, std::vector<std::uint32_t> weights) {
  config::HttpPool result;
  result.name = "p";
  result.balance = balance;
  std::uint16_t port = 8000;
  for (const std::uint32_t weight : weights) {
    config::HttpServer& server = result.servers.emplace_back();
    server.host = "10.0.0.1";
    server.port = port++;
    server.weight = weight;
  }
  return result;
}

constexpr std::string_view kKey = "a key of the cookies";

/// A balancer with its set, its randomness and its clock.
class Bench {
 public:
  explicit Bench(config::HttpPool of, unsigned seed = 1)
      : pool(std::move(of)), set(pool), balancer(pool, 64, as_octets(kKey)), random_(seed) {}

  std::optional<Choice> pick(ServerMask tried = 0) { return pick(next_visitor(), tried); }
  std::optional<Choice> pick(const IpAddress& visitor, ServerMask tried = 0) {
    return balancer.pick(set, {.visitor = visitor,
                               .cookie = cookie,
                               .random = random_(),
                               .now_ms = now_ms,
                               .tried = tried});
  }
  IpAddress next_visitor() { return IpAddress::v4(static_cast<std::uint32_t>(random_())); }
  void down(std::uint32_t server) { tell(server, Health::down); }
  void up(std::uint32_t server) { tell(server, Health::up); }

  /// How many of so many requests each server gets; each is over before the next begins.
  std::vector<int> shares(int requests) {
    std::vector<int> counts(set.size());
    for (int i = 0; i < requests; ++i) {
      const auto choice = pick();
      ServerLease lease = set.acquire(choice->server);
      set.succeeded(lease, now_ms);
      set.release(lease);
      ++counts[choice->server];
    }
    return counts;
  }

  config::HttpPool pool;
  UpstreamSet set;
  Balancer balancer;
  std::string cookie;
  std::uint64_t now_ms = 1'000;

 private:
  void tell(std::uint32_t server, Health health) {
    set.set_active({.server = server, .health = health, .reason = {}}, now_ms);
  }
  std::mt19937_64 random_;
};

constexpr Balance kPolicies[] = {Balance::round_robin, Balance::least_conn, Balance::random_two,
                                 Balance::ip_hash,     Balance::cookie,     Balance::first};

std::string sequence(Bench& bench, int picks) {
  std::string result;
  for (int i = 0; i < picks; ++i) result += static_cast<char>('a' + bench.pick()->server);
  return result;
}

TEST(Balancer, RoundRobinSpreadsTheTurnsOfTheHeavy) {
  Bench bench(pool(Balance::round_robin, {5, 1, 1}));
  EXPECT_EQ(sequence(bench, 14), "aabacaaaabacaa");
}

TEST(Balancer, RoundRobinIsFairInEveryCycle) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    std::vector<std::uint32_t> weights(1 + random() % 10);
    int cycle = 0;
    for (auto& weight : weights) {
      weight = static_cast<std::uint32_t>(1 + random() % 9);
      cycle += static_cast<int>(weight);
    }
    Bench bench(pool(Balance::round_robin, weights));
    for (int turn = 0; turn < 5; ++turn) {
      const std::vector<int> counts = bench.shares(cycle);
      EXPECT_TRUE(std::ranges::equal(counts, weights, {}, {},
                                     [](std::uint32_t w) { return static_cast<int>(w); }));
    }
  }
}

// Requests that take equally long are in flight in proportion to the weights.
TEST(Balancer, LeastConnKeepsLoadInProportion) {
  Bench bench(pool(Balance::least_conn, {1, 2, 4}));
  for (int i = 0; i < 700; ++i) (void)bench.set.acquire(bench.pick()->server);
  EXPECT_EQ(bench.set.in_flight(0), 100u);
  EXPECT_EQ(bench.set.in_flight(1), 200u);
  EXPECT_EQ(bench.set.in_flight(2), 400u);
}

TEST(Balancer, LeastConnRotatesAmongEquals) {
  Bench bench(pool(Balance::least_conn, {1, 1, 1}));
  EXPECT_EQ(sequence(bench, 6), "abcabc");
  (void)bench.set.acquire(1);
  EXPECT_EQ(sequence(bench, 4), "acac");
  Bench idle(pool(Balance::least_conn, {1, 3}));
  EXPECT_EQ(idle.shares(400), (std::vector<int>{100, 300}));
}

TEST(Balancer, RandomTwoAvoidsTheBusy) {
  Bench bench(pool(Balance::random_two, {1, 1, 1, 1}));
  for (int i = 0; i < 10; ++i) (void)bench.set.acquire(2);
  const std::vector<int> counts = bench.shares(3'000);
  EXPECT_EQ(counts[2], 0);  // always beaten by the other one
  for (const std::uint32_t server : {0u, 1u, 3u}) EXPECT_NEAR(counts[server], 1'000, 150);
}

TEST(Balancer, RandomTwoFillsEvenly) {
  Bench bench(pool(Balance::random_two, {1, 1, 2, 4}), 9);
  for (int i = 0; i < 8'000; ++i) (void)bench.set.acquire(bench.pick()->server);
  EXPECT_NEAR(bench.set.in_flight(0), 1'000, 50);
  EXPECT_NEAR(bench.set.in_flight(1), 1'000, 50);
  EXPECT_NEAR(bench.set.in_flight(2), 2'000, 50);
  EXPECT_NEAR(bench.set.in_flight(3), 4'000, 50);
}

TEST(Balancer, FirstIsTheFirstThatIsFit) {
  Bench bench(pool(Balance::first, {1, 9, 9}));
  EXPECT_EQ(sequence(bench, 3), "aaa");
  bench.down(0);
  EXPECT_EQ(bench.pick()->server, 1u);
  EXPECT_EQ(bench.pick(0b010)->server, 2u);
  bench.up(0);
  EXPECT_EQ(bench.pick()->server, 0u);
}

TEST(Balancer, IpHashSharesByWeightAndStays) {
  Bench bench(pool(Balance::ip_hash, {1, 2, 5}));
  std::vector<int> counts(3);
  for (int i = 0; i < 40'000; ++i) {
    const IpAddress visitor = bench.next_visitor();
    const std::uint32_t server = bench.pick(visitor)->server;
    EXPECT_EQ(bench.pick(visitor)->server, server);
    ++counts[server];
  }
  // Three standard deviations of a binomial share.
  const double shares[] = {1.0 / 8, 2.0 / 8, 5.0 / 8};
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_NEAR(counts[i], 40'000 * shares[i], 3 * std::sqrt(40'000 * shares[i] * (1 - shares[i])));
}

TEST(Balancer, IpHashMovesOnlyTheVisitorsOfTheServerThatLeft) {
  Bench bench(pool(Balance::ip_hash, {3, 1, 2, 1, 1}));
  // The same servers in another order, one of them gone from the configuration.
  config::HttpPool fewer = bench.pool;
  fewer.servers.erase(fewer.servers.begin() + 2);
  std::ranges::reverse(fewer.servers);
  Bench other(fewer);
  std::vector<int> moved_to(5);
  for (int i = 0; i < 20'000; ++i) {
    const IpAddress visitor = bench.next_visitor();
    const std::uint32_t before = bench.pick(visitor)->server;
    const std::uint32_t after = bench.pick(visitor, server_bit(2))->server;
    if (before == 2)
      ++moved_to[after];
    else
      EXPECT_EQ(after, before);
    EXPECT_EQ(other.set.label(other.pick(visitor)->server), bench.set.label(after));
  }
  // 2 of 8 moved, to the others by their weights 3:1:1:1.
  const double moved = moved_to[0] + moved_to[1] + moved_to[3] + moved_to[4];
  EXPECT_NEAR(moved, 5'000, 250);
  EXPECT_NEAR(moved_to[0], moved / 2, 150);
  EXPECT_NEAR(moved_to[1], moved / 6, 120);
}

TEST(Balancer, IpHashTakesAnIpv6PrefixAsOneVisitor) {
  Bench bench(pool(Balance::ip_hash, std::vector<std::uint32_t>(64, 1)));
  const auto server = [&](const char* address) {
    return bench.pick(*IpAddress::parse(address))->server;
  };
  EXPECT_EQ(server("2001:db8:0:1::1"), server("2001:db8:0:1:ffff:ffff:ffff:ffff"));
  int others = 0;
  for (char digit = '2'; digit <= '9'; ++digit)
    others +=
        server("2001:db8:0:1::1") != server((std::string("2001:db8:0:") + digit + "::1").c_str());
  EXPECT_GE(others, 6);
  EXPECT_EQ(server("192.0.2.1"), server("::ffff:192.0.2.1"));
}

TEST(Balancer, ACookieBringsBackToItsServer) {
  Bench bench(pool(Balance::cookie, {1, 1, 1}));
  for (std::uint32_t expected = 0; expected < 3; ++expected) {
    bench.cookie.clear();
    const Choice fresh = *bench.pick();
    EXPECT_TRUE(fresh.set_cookie);
    EXPECT_EQ(fresh.server, expected);
    std::string line;
    bench.balancer.append_set_cookie(fresh.server, true, line);
    ASSERT_TRUE(line.starts_with("sallyport_server=")) << line;
    bench.cookie = line.substr(17, 22);
    EXPECT_EQ(line.substr(39), "; Path=/; HttpOnly; SameSite=Lax; Secure");
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(bench.pick()->server, expected);
      EXPECT_FALSE(bench.pick()->set_cookie);
    }
  }
}

TEST(Balancer, ACookieOfAServerThatIsGoneIsReplaced) {
  Bench bench(pool(Balance::cookie, {1, 1}));
  std::string line;
  bench.balancer.append_set_cookie(1, false, line);
  EXPECT_FALSE(line.contains("Secure"));
  bench.cookie = line.substr(17, 22);
  bench.down(1);
  EXPECT_EQ(bench.pick()->server, 0u);
  EXPECT_TRUE(bench.pick()->set_cookie);
  bench.up(1);
  bench.cookie.back() = bench.cookie.back() == 'A' ? 'B' : 'A';
  EXPECT_TRUE(bench.pick()->set_cookie);
}

TEST(Balancer, CookiesNameServersByKeyAndPool) {
  const auto cookie = [](config::HttpPool of, std::string_view key) {
    std::string line;
    Balancer(of, 64, as_octets(key)).append_set_cookie(0, false, line);
    return line;
  };
  const config::HttpPool one = pool(Balance::cookie, {1});
  config::HttpPool other = one;
  other.name = "q";
  EXPECT_EQ(cookie(one, "k"), cookie(one, "k"));
  EXPECT_NE(cookie(one, "k"), cookie(one, "l"));
  EXPECT_NE(cookie(one, "k"), cookie(other, "k"));
}

TEST(Balancer, FindsItsCookie) {
  http::Fields fields;
  fields.add("Accept", "id=0");
  fields.add("Cookie", "xid=1; id=2;id=3");
  fields.add("cookie", "other=\"4\"");
  EXPECT_EQ(find_cookie(fields, "id"), "2");
  EXPECT_EQ(find_cookie(fields, "other"), "\"4\"");
  EXPECT_EQ(find_cookie(fields, "none"), "");
}

TEST(Balancer, SlowStartGivesAGrowingShare) {
  for (const Balance policy : {Balance::round_robin, Balance::least_conn, Balance::random_two}) {
    config::HttpPool slow = pool(policy, {1, 1});
    slow.slow_start_ms = 10'000;
    Bench bench(slow);
    bench.down(0);
    bench.up(0);
    // A tenth beside a whole; a half; the whole. random_two compares idle servers as equals.
    EXPECT_NEAR(bench.shares(1'100)[0], 100, 40);
    bench.now_ms += 4'445;  // 0.1 + 0.9 · 0.4445 = 0.5
    EXPECT_NEAR(bench.shares(1'500)[0], 500, 60);
    bench.now_ms += 10'000;
    EXPECT_NEAR(bench.shares(1'000)[0], 500, 60);
  }
}

// Whatever the policy, the weights and what happens: who is down, draining or tried gets nothing,
// backups only when nobody else is fit, and as long as anybody is fit somebody is picked.
TEST(Balancer, PicksOnlyWhoIsFit) {
  for (const Balance policy : kPolicies)
    for (unsigned seed = 0; seed < 10; ++seed) {
      std::mt19937 random(seed);
      std::vector<std::uint32_t> weights(2 + random() % 63);
      for (auto& weight : weights) weight = static_cast<std::uint32_t>(1 + random() % 256);
      config::HttpPool mixed = pool(policy, weights);
      for (config::HttpServer& server : mixed.servers) server.backup = random() % 4 == 0;
      mixed.slow_start_ms = 5'000;
      Bench bench(mixed, seed);
      for (int step = 0; step < 2'000; ++step) {
        bench.now_ms += random() % 50;
        const auto server = static_cast<std::uint32_t>(random() % weights.size());
        if (random() % 3 == 0) bench.down(server);
        if (random() % 4 == 0) bench.up(server);
        if (random() % 8 == 0) bench.set.set_drain(server, random() % 2 == 0, bench.now_ms);
        const ServerMask tried = std::uint64_t{random()} << 32 | random();
        const ServerMask fit = bench.set.candidates(tried, bench.now_ms);
        const auto choice = bench.pick(tried);
        ASSERT_EQ(choice.has_value(), fit != 0);
        if (!choice) continue;
        EXPECT_NE(fit & server_bit(choice->server), 0u);
        ServerLease lease = bench.set.acquire(choice->server);
        if (random() % 10 == 0) bench.set.failed(lease, Broken::reset, bench.now_ms);
        if (random() % 2 == 0) bench.set.release(lease);
      }
    }
}

TEST(Balancer, NobodyLeftIsNobody) {
  for (const Balance policy : kPolicies) {
    Bench bench(pool(policy, {1, 1}));
    EXPECT_FALSE(bench.pick(0b11));
    bench.down(0);
    bench.down(1);
    EXPECT_FALSE(bench.pick());
  }
}

}  // namespace
}  // namespace sallyport::http_door
