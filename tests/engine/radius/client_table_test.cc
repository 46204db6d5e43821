#include "engine/radius/client_table.h"

#include <algorithm>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace sallyport::radius_door {
namespace {

IpAddress address(const char* text) { return *IpAddress::parse(text); }

config::Client client(std::string name, std::initializer_list<const char*> prefixes) {
  config::Client result{.name = std::move(name), .addresses = {}, .secret = Secret("s")};
  for (const char* prefix : prefixes) result.addresses.push_back(*Prefix::parse(prefix));
  return result;
}

TEST(ClientTable, TheLongestPrefixWins) {
  const ClientTable table({client("all", {"0.0.0.0/0"}), client("net", {"10.1.0.0/16"}),
                           client("host", {"10.1.2.3"}), client("six", {"2001:db8::/32"})});
  EXPECT_EQ(table.size(), 4u);
  EXPECT_EQ(table.find(address("10.1.2.3"))->name(), "host");
  EXPECT_EQ(table.find(address("10.1.2.4"))->name(), "net");
  EXPECT_EQ(table.find(address("10.2.0.0"))->name(), "all");
  EXPECT_EQ(table.find(address("2001:db8:ffff::1"))->name(), "six");
  EXPECT_EQ(table.find(address("2001:db9::1")), nullptr);
}

TEST(ClientTable, AnyIpv4IsNotAnyIpv6) {
  const ClientTable four({client("four", {"0.0.0.0"})});
  EXPECT_NE(four.find(address("203.0.113.1")), nullptr);
  EXPECT_EQ(four.find(address("2001:db8::1")), nullptr);
}

TEST(ClientTable, AnyIpv6IsNotAnyIpv4) {
  const ClientTable six({client("six", {"::"})});
  EXPECT_NE(six.find(address("2001:db8::1")), nullptr);
  EXPECT_EQ(six.find(address("203.0.113.1")), nullptr);
}

TEST(ClientTable, AnEmptyOneKnowsNobody) {
  EXPECT_EQ(ClientTable({}).find(address("192.0.2.1")), nullptr);
}

TEST(ClientTable, EqualClientsShareOneEntryAndDifferentSecretsDoNot) {
  config::Client other = client("office", {"198.51.100.0/24"});
  other.secret = Secret("t");
  const ClientTable table({client("office", {"192.0.2.0/25", "192.0.2.128/25"}),
                           client("office", {"10.0.0.1"}), other});
  EXPECT_EQ(table.find(address("192.0.2.1")), table.find(address("192.0.2.200")));
  EXPECT_EQ(table.find(address("192.0.2.1")), table.find(address("10.0.0.1")));
  EXPECT_NE(table.find(address("192.0.2.1")), table.find(address("198.51.100.1")));
}

TEST(ClientTable, AgreesWithALinearSearch) {
  std::mt19937 random(1);
  std::vector<config::Client> clients;
  for (int i = 0; i < 500; ++i) {
    const auto length = static_cast<std::uint8_t>(96 + random() % 33);
    const std::uint32_t mask = length == 96 ? 0 : ~std::uint32_t{0} << (128 - length);
    const Prefix prefix{.address = IpAddress::v4((0x0a00'0000 | (random() & 0xffff)) & mask),
                        .length = length};
    bool known = false;
    for (const config::Client& other : clients) known |= other.addresses[0] == prefix;
    if (known) continue;
    clients.push_back({.name = std::to_string(i), .addresses = {prefix}, .secret = Secret("s")});
  }
  const ClientTable table(clients);
  for (int i = 0; i < 20'000; ++i) {
    const IpAddress wanted = IpAddress::v4(0x0a00'0000 | (random() & 0x1'ffff));
    const config::Client* best = nullptr;
    for (const config::Client& candidate : clients)
      if (candidate.addresses[0].contains(wanted) &&
          (best == nullptr || candidate.addresses[0].length > best->addresses[0].length))
        best = &candidate;
    const ClientEntry* found = table.find(wanted);
    ASSERT_EQ(found == nullptr, best == nullptr);
    if (best != nullptr) {
      ASSERT_EQ(found->name(), best->name);
    }
  }
}

TEST(ClientTable, KnowsEachOfManyBySecretAndName) {
  std::vector<config::Client> clients(1'000);
  for (std::uint32_t n = 0; n < clients.size(); ++n) {
    clients[n].name = "client-" + std::to_string(n);
    clients[n].secret = Secret(std::string(1 + n % 200, static_cast<char>('a' + n % 26)));
    clients[n].addresses = {{.address = IpAddress::v4(0x0a00'0000 + n), .length = 128}};
  }
  const ClientTable table(clients);
  for (std::uint32_t n = 0; n < clients.size(); ++n) {
    const ClientEntry* const found = table.find(IpAddress::v4(0x0a00'0000 + n));
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->name(), clients[n].name);
    const radius::HopKey expected(clients[n].secret);
    EXPECT_TRUE(std::ranges::equal(found->key.secret(), expected.secret()));
    EXPECT_EQ(found->key.hmac_md5(as_octets("x")), expected.hmac_md5(as_octets("x")));
    EXPECT_EQ(found->key.pad(as_octets("x")), expected.pad(as_octets("x")));
  }
}

/// Names, secrets of 16 octets, no two alike, and all that finds them; one client in eight IPv6.
TEST(ClientTable, AClientTakesAHundredOctetsAtMost) {
  constexpr std::uint32_t kClients = 50'000;
  std::vector<config::Client> clients(kClients);
  for (std::uint32_t n = 0; n < kClients; ++n) {
    clients[n].name = "client-" + std::to_string(950'000 + n);
    const std::string digits = std::to_string(n);
    clients[n].secret = Secret(std::string(16 - digits.size(), 's') + digits);
    Prefix prefix{.address = IpAddress::v4(0x0a00'0000 + (n << 4)), .length = 128};
    if (n % 8 == 0) prefix.length = 124;
    if (n % 8 == 1) prefix.address.octets[0] = 0x20;
    clients[n].addresses = {prefix};
  }
  const ClientTable table(clients);
  EXPECT_LE(table.memory_octets(), kClients * std::size_t{100});
  EXPECT_EQ(table.find(IpAddress::v4(0x0a00'0000 + 15))->name(), "client-950000");
}

TEST(LearnedAddresses, KnowsWhatItLearnedAndNothingElse) {
  LearnedAddresses learned;
  for (std::uint32_t i = 0; i < 1'000; ++i) learned.learn(IpAddress::v4(i));
  for (std::uint32_t i = 0; i < 1'000; ++i) EXPECT_TRUE(learned.knows(IpAddress::v4(i)));
  for (std::uint32_t i = 1'000; i < 2'000; ++i) EXPECT_FALSE(learned.knows(IpAddress::v4(i)));
}

TEST(LearnedAddresses, FullItKeepsWhatItHas) {
  LearnedAddresses learned;
  learned.learn(IpAddress::v4(0));
  for (std::uint32_t i = 1; i < 4 * LearnedAddresses::kCapacity; ++i)
    learned.learn(IpAddress::v4(i));
  EXPECT_TRUE(learned.knows(IpAddress::v4(0)));
}

}  // namespace
}  // namespace sallyport::radius_door
