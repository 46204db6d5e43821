#include "protocol/ip_address.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace sallyport {
namespace {

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

TEST(IpAddress, ReadsAndWritesBothFamilies) {
  for (const char* text : {"192.0.2.1", "0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::1"}) {
    EXPECT_EQ(ip(text).text(), text);
  }
  EXPECT_EQ(ip("2001:DB8:0:0::1").text(), "2001:db8::1");
  EXPECT_EQ(ip("::ffff:192.0.2.1"), ip("192.0.2.1")) << "mapped and plain are one address";
  EXPECT_EQ(IpAddress::v4(0xc0000201), ip("192.0.2.1"));
  EXPECT_TRUE(ip("192.0.2.1").is_v4());
  EXPECT_FALSE(ip("::1").is_v4());
  EXPECT_TRUE(ip("0.0.0.0").is_any());
  EXPECT_TRUE(ip("::").is_any());
  EXPECT_FALSE(ip("::1").is_any());
}

TEST(IpAddress, KnowsItsOwnMachine) {
  for (const char* text : {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(ip(text).is_loopback()) << text;
  }
  for (const char* text :
       {"128.0.0.1", "0.0.0.0", "::", "::2", "127::1", "192.0.2.127", "::7f00:1"}) {
    EXPECT_FALSE(ip(text).is_loopback()) << text;
  }
}

TEST(IpAddress, RefusesWhatIsNone) {
  constexpr std::string_view kNone[] = {
      "",
      "192.0.2",
      "192.0.2.256",
      "192.0.2.1 ",
      std::string_view("192.0.2.1\0", 10),
      "[::1]",
      "::g",
      "fe80::1%eth0",
      "localhost",
      "1:2:3:4:5:6:7:8:9",
      "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};
  for (const std::string_view text : kNone) {
    const auto parsed = IpAddress::parse(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_TRUE(parsed.error().contains("is not an IPv4 or IPv6 address")) << parsed.error();
  }
}

TEST(Endpoint, ReadsAddressesWithAndWithoutPort) {
  const std::pair<std::string_view, Endpoint> cases[] = {
      {"192.0.2.1:1645", {ip("192.0.2.1"), 1645}},       {"192.0.2.1", {ip("192.0.2.1"), 1812}},
      {"[2001:db8::1]:1645", {ip("2001:db8::1"), 1645}}, {"[::]", {ip("::"), 1812}},
      {"2001:db8::1", {ip("2001:db8::1"), 1812}},        {"127.0.0.1:0", {ip("127.0.0.1"), 0}},
      {"127.0.0.1:65535", {ip("127.0.0.1"), 65'535}},
  };
  for (const auto& [text, expected] : cases) {
    const auto parsed = Endpoint::parse(text, 1812);
    ASSERT_TRUE(parsed.has_value()) << text << ": " << parsed.error();
    EXPECT_EQ(*parsed, expected) << text;
    EXPECT_EQ(Endpoint::parse(expected.text(), 9), expected) << expected.text();
  }
}

TEST(Endpoint, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"", ":1812", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1:18x", "[::1",
        "[::1]1812", "[::1]:", "[192.0.2.1]:1812", "[]:1812", "host:1812"}) {
    EXPECT_FALSE(Endpoint::parse(text, 1812).has_value()) << text;
  }
}

TEST(Endpoint, GoesThroughSockaddrAndBack) {
  for (const Endpoint& endpoint :
       {Endpoint{ip("192.0.2.1"), 1812}, Endpoint{ip("2001:db8::1"), 1813}}) {
    sockaddr_storage storage;
    const std::uint32_t length = endpoint.fill(storage);
    const bool v4 = endpoint.address.is_v4();
    EXPECT_EQ(storage.ss_family, v4 ? AF_INET : AF_INET6);
    EXPECT_EQ(length, v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    EXPECT_EQ(Endpoint::from(reinterpret_cast<const sockaddr*>(&storage)), endpoint);
  }
  sockaddr_storage other{};
  other.ss_family = AF_UNIX;
  EXPECT_EQ(Endpoint::from(reinterpret_cast<const sockaddr*>(&other)), Endpoint{});
}

TEST(Prefix, ReadsNetworksHostsAndAny) {
  const std::tuple<std::string_view, std::uint8_t, std::string_view> cases[] = {
      {"192.0.2.0/24", 120, "192.0.2.0/24"},
      {"192.0.2.1", 128, "192.0.2.1/32"},
      {"192.0.2.1/32", 128, "192.0.2.1/32"},
      {"0.0.0.0/0", 96, "0.0.0.0/0"},
      {"0.0.0.0", 96, "0.0.0.0/0"},
      {"::", 0, "::/0"},
      {"::/0", 0, "::/0"},
      {"2001:db8::/32", 32, "2001:db8::/32"},
      {"2001:db8::1", 128, "2001:db8::1/128"},
      {"0.0.0.0/32", 128, "0.0.0.0/32"},
      {"::ffff:192.0.2.0/120", 120, "192.0.2.0/24"},
  };
  for (const auto& [text, length, canonical] : cases) {
    const auto prefix = Prefix::parse(text);
    ASSERT_TRUE(prefix.has_value()) << text << ": " << prefix.error();
    EXPECT_EQ(prefix->length, length) << text;
    EXPECT_EQ(prefix->text(), canonical) << text;
  }
}

TEST(Prefix, RefusesWhatIsNoneAndSaysHowToMendIt) {
  for (const std::string_view text : {"", "/24", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1",
                                      "2001:db8::/129", "192.0.2.0/24/24", "192.0.2.0/2x"}) {
    EXPECT_FALSE(Prefix::parse(text).has_value()) << text;
  }
  EXPECT_EQ(Prefix::parse("192.0.2.77/24").error(),
            "\"192.0.2.77/24\" has bits set past its prefix length; \"192.0.2.0/24\" is the "
            "network");
}

TEST(Prefix, ContainsItsOwnFamilyOnly) {
  const auto contains = [](std::string_view prefix, std::string_view address) {
    return Prefix::parse(prefix).value().contains(ip(address));
  };
  EXPECT_TRUE(contains("192.0.2.0/24", "192.0.2.255"));
  EXPECT_FALSE(contains("192.0.2.0/24", "192.0.3.0"));
  EXPECT_TRUE(contains("192.0.2.0/31", "192.0.2.1"));
  EXPECT_FALSE(contains("192.0.2.0/31", "192.0.2.2"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(contains("0.0.0.0", "203.0.113.9"));
  EXPECT_FALSE(contains("0.0.0.0", "2001:db8::1"));
  EXPECT_TRUE(contains("::", "2001:db8::1"));
  EXPECT_FALSE(contains("::", "203.0.113.9"));
}

}  // namespace
}  // namespace sallyport
