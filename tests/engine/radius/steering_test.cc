#include "engine/radius/steering.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "engine/radius/listeners.h"
#include "engine/ring/udp_socket.h"

namespace sallyport::radius_door {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// The next datagram waiting on a socket; -1: none.
int waiting_identifier(const ring::FileDescriptor& socket) {
  std::array<std::uint8_t, 64> datagram{};
  const ssize_t octets = ::recv(socket.get(), datagram.data(), datagram.size(), MSG_DONTWAIT);
  return octets < 2 ? -1 : datagram[1];
}

class Steering : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(On, Steering, ::testing::Values("127.0.0.1", "::1"), [](const auto& on) {
  return std::string_view(on.param) == "::1" ? "IPv6" : "IPv4";
});

TEST_P(Steering, OneSourcePortIsSpreadByIdentifierAlone) {
  constexpr std::size_t kShards = 4;
  const Endpoint address{.address = IpAddress::parse(GetParam()).value(), .port = 0};
  const auto groups = open_listeners(std::array{address}, kShards);
  ASSERT_TRUE(groups) << groups.error();
  ASSERT_EQ(groups->front().sockets.size(), kShards);
  ASSERT_NE(groups->front().bound.port, 0);

  const auto client = ring::open_udp(address.address);
  ASSERT_TRUE(ring::connect_to(*client, groups->front().bound));
  for (int identifier = 0; identifier < 256; ++identifier) {
    const std::array<std::uint8_t, 20> datagram{1, static_cast<std::uint8_t>(identifier)};
    ASSERT_EQ(::send(client->get(), datagram.data(), datagram.size(), 0), 20);
  }
  for (std::size_t shard = 0; shard < kShards; ++shard) {
    // Delivery over loopback is over when send returns: what came is there.
    for (int identifier = static_cast<int>(shard); identifier < 256; identifier += kShards) {
      EXPECT_EQ(waiting_identifier(groups->front().sockets[shard]), identifier);
    }
    EXPECT_EQ(waiting_identifier(groups->front().sockets[shard]), -1);
  }
}

TEST(Listeners, TellWhoToAskWhenThePortIsInUse) {
  const Endpoint any_port{.address = IpAddress::parse("127.0.0.1").value(), .port = 0};
  const auto first = open_listeners(std::array{any_port}, 2);
  ASSERT_TRUE(first) << first.error();
  // A group of our own user could be joined: the refusal must come from us.
  const auto second = open_listeners(std::array{first->front().bound}, 2);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error(), AllOf(HasSubstr(first->front().bound.text()), HasSubstr("in use"),
                                    HasSubstr("radius.listen")));
}

TEST(Listeners, NameAnAddressThatIsNotOurs) {
  const auto foreign = Endpoint::parse("203.0.113.1:0", 0).value();
  const auto groups = open_listeners(std::array{foreign}, 1);
  ASSERT_FALSE(groups);
  EXPECT_THAT(groups.error(), AllOf(HasSubstr("203.0.113.1"), HasSubstr("no such address")));
}

TEST(Listeners, WildcardAndOneAddressShareAPort) {
  std::uint16_t port = 0;
  {
    const auto free = open_listeners(std::array{Endpoint::parse("127.0.0.1:0", 0).value()}, 1);
    ASSERT_TRUE(free) << free.error();
    port = free->front().bound.port;
  }
  const std::array<Endpoint, 3> addresses{
      Endpoint::parse("0.0.0.0", port).value(),
      Endpoint::parse("127.0.0.1", port).value(),
      Endpoint::parse("[::]", port).value(),
  };
  const auto groups = open_listeners(addresses, 2);
  ASSERT_TRUE(groups) << groups.error();
  EXPECT_EQ(groups->size(), 3u);
}

}  // namespace
}  // namespace sallyport::radius_door
