#include "bench/load/client_sockets.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/ring/udp_socket.h"

namespace sallyport::lab {
namespace {

using ::testing::HasSubstr;

const IpAddress kLoopback = *IpAddress::parse("127.0.0.1");

std::optional<Prefix> network(const char* text) { return *Prefix::parse(text); }

TEST(SourceAddresses, OneClientIsLeftToTheKernel) {
  EXPECT_TRUE(source_addresses(kLoopback, 1, std::nullopt)->empty());
}

TEST(SourceAddresses, LoopbackHasManyClients) {
  const auto addresses = source_addresses(kLoopback, 300, std::nullopt);
  ASSERT_TRUE(addresses);
  ASSERT_EQ(addresses->size(), 300u);
  EXPECT_EQ(addresses->front().text(), "127.0.0.1");
  EXPECT_EQ(addresses->back().text(), "127.0.1.44");
}

TEST(SourceAddresses, TheNetworkMustHaveThemAll) {
  EXPECT_EQ(source_addresses(kLoopback, 3, network("10.0.0.0/30"))->back().text(), "10.0.0.3");
  EXPECT_THAT(source_addresses(kLoopback, 4, network("10.0.0.0/30")).error(),
              HasSubstr("10.0.0.0/30"));
  EXPECT_EQ(source_addresses(kLoopback, 1, network("10.0.0.9"))->front().text(), "10.0.0.9");
  EXPECT_THAT(source_addresses(kLoopback, 1, network("2001:db8::/64")).error(),
              HasSubstr("IP versions"));
}

TEST(SourceAddresses, ElsewhereTheyMustBeNamed) {
  EXPECT_THAT(source_addresses(*IpAddress::parse("192.0.2.1"), 2, std::nullopt).error(),
              HasSubstr("--source-network"));
}

TEST(ClientSockets, EachHasAPortOfItsOwn) {
  const auto sources = source_addresses(kLoopback, 3, std::nullopt);
  const auto sockets = open_client_sockets({.address = kLoopback, .port = 9}, *sources, 2);
  ASSERT_TRUE(sockets) << sockets.error();
  std::set<Endpoint> own;
  std::set<IpAddress> addresses;
  for (const ring::FileDescriptor& socket : *sockets) {
    own.insert(ring::local_endpoint(socket));
    addresses.insert(ring::local_endpoint(socket).address);
  }
  EXPECT_EQ(own.size(), 6u);
  EXPECT_EQ(addresses.size(), 3u);
}

TEST(ClientSockets, AForeignAddressIsTold) {
  const auto sockets =
      open_client_sockets({.address = kLoopback, .port = 9}, {*IpAddress::parse("192.0.2.77")}, 1);
  ASSERT_FALSE(sockets);
  EXPECT_THAT(sockets.error(), HasSubstr("192.0.2.77"));
}

}  // namespace
}  // namespace sallyport::lab
