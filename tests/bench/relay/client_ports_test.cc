#include "bench/relay/client_ports.h"

#include <cstring>
#include <set>

#include <gtest/gtest.h>

#include "protocol/ip_address.h"

namespace sallyport::lab {
namespace {

/// A client's address as the kernel writes it.
class Name {
 public:
  explicit Name(const char* endpoint) {
    octets_ = Endpoint::parse(endpoint, 0).value().fill(address_);
  }
  explicit Name(std::uint32_t number)
      : Name(("127.0." + std::to_string(number / 50'000) +
              ".1:" + std::to_string(1 + number % 50'000))
                 .c_str()) {}
  [[nodiscard]] Octets octets() const {
    return {reinterpret_cast<const std::uint8_t*>(&address_), octets_};
  }

 private:
  sockaddr_storage address_{};
  std::uint32_t octets_ = 0;
};

bool is(const SocketName* client, const Name& name) {
  return client != nullptr && client->octets == name.octets().size() &&
         std::memcmp(&client->address, name.octets().data(), client->octets) == 0;
}

TEST(ClientPorts, ClientKeepsItsPort) {
  ClientPorts ports(4);
  const Name alice("127.0.0.1:1000");
  const Name bob("127.0.0.1:1001");
  const std::uint32_t port = ports.port_of(alice.octets());
  EXPECT_NE(ports.port_of(bob.octets()), port);
  EXPECT_EQ(ports.port_of(alice.octets()), port);
  EXPECT_TRUE(is(ports.client_of(port), alice));
}

TEST(ClientPorts, AddressAndPortBothTellClientsApart) {
  ClientPorts ports(8);
  std::set<std::uint32_t> seen;
  for (const char* endpoint : {"127.0.0.1:1000", "127.0.0.2:1000", "127.0.0.1:1001", "[::1]:1000",
                               "[::2]:1000", "[::1]:1001"}) {
    seen.insert(ports.port_of(Name(endpoint).octets()));
  }
  EXPECT_EQ(seen.size(), 6U);
}

TEST(ClientPorts, PortOfNobodyHasNoClient) {
  const ClientPorts ports(2);
  EXPECT_EQ(ports.client_of(0), nullptr);
  EXPECT_EQ(ports.client_of(2), nullptr);
}

TEST(ClientPorts, OneClientMoreTakesTheOldestPort) {
  ClientPorts ports(3);
  for (std::uint32_t client = 0; client < 3; ++client)
    EXPECT_EQ(ports.port_of(Name(client).octets()), client);
  EXPECT_EQ(ports.taken_over(), 0U);
  EXPECT_EQ(ports.port_of(Name(3).octets()), 0U);
  EXPECT_EQ(ports.taken_over(), 1U);
  EXPECT_TRUE(is(ports.client_of(0), Name(3)));
  EXPECT_EQ(ports.port_of(Name(1).octets()), 1U);
  EXPECT_EQ(ports.port_of(Name(2).octets()), 2U);
  EXPECT_EQ(ports.port_of(Name(0U).octets()), 1U);  // who was thrown out is a new client
}

TEST(ClientPorts, ManyClientsAreAllFound) {
  constexpr std::uint32_t kClients = 10'000;
  ClientPorts ports(kClients);
  for (std::uint32_t client = 0; client < kClients; ++client)
    ASSERT_EQ(ports.port_of(Name(client).octets()), client);
  for (std::uint32_t client = 0; client < kClients; ++client)
    ASSERT_EQ(ports.port_of(Name(client).octets()), client);
  EXPECT_EQ(ports.taken_over(), 0U);
}

}  // namespace
}  // namespace sallyport::lab
