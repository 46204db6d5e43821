#include "protocol/http/proxy_protocol.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sallyport::http {
namespace {

using Kind = ProxyHeader::Kind;

Endpoint endpoint(const char* text) { return *Endpoint::parse(text, 0); }

ProxyHeader read(std::string_view text) {
  const auto result = read_proxy_header(as_octets(text));
  EXPECT_TRUE(result && *result) << text;
  return result && *result ? **result : ProxyHeader{};
}

/// Every shorter front of a header that is read needs more, and so does not decide otherwise.
void expect_incremental(std::string_view header) {
  for (std::size_t size = 0; size < header.size(); ++size) {
    const auto result = read_proxy_header(as_octets(header.substr(0, size)));
    ASSERT_TRUE(result) << size;
    ASSERT_FALSE(*result) << size;
  }
}

std::string version_2(std::uint8_t command, std::uint8_t family, std::string_view rest) {
  std::string text("\r\n\r\n\0\r\nQUIT\n", 12);
  text += static_cast<char>(command);
  text += static_cast<char>(family);
  text += static_cast<char>(rest.size() >> 8);
  text += static_cast<char>(rest.size() & 0xff);
  return text.append(rest);
}

TEST(ProxyProtocol, ReadsTheLinesOfVersion1) {
  const std::string line = "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n";
  const ProxyHeader header = read(line + "GET / HTTP/1.1\r\n");
  EXPECT_EQ(header.kind, Kind::ip);
  EXPECT_EQ(header.source, endpoint("192.0.2.1:56324"));
  EXPECT_EQ(header.destination, endpoint("198.51.100.7:443"));
  EXPECT_EQ(header.octets, line.size());
  expect_incremental(line);

  const ProxyHeader six = read("PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n");
  EXPECT_EQ(six.source, endpoint("[2001:db8::1]:0"));
  EXPECT_EQ(six.destination, endpoint("[2001:db8::2]:65535"));
}

TEST(ProxyProtocol, UnknownNamesNobody) {
  EXPECT_EQ(read("PROXY UNKNOWN\r\n").kind, Kind::unknown);
  EXPECT_EQ(read("PROXY UNKNOWN\r\n").octets, 15u);
  const std::string longest =
      "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535 and what else there is\r\n";
  EXPECT_EQ(read(longest).octets, longest.size());
  expect_incremental(longest);
}

TEST(ProxyProtocol, AMappedAddressIsIpv4) {
  const ProxyHeader header = read("PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n");
  EXPECT_EQ(header.source, endpoint("192.0.2.1:1"));
}

TEST(ProxyProtocol, RefusesLinesThatAreNone) {
  const char* const lines[] = {
      "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\n",
      "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\rX",
      "PROXY TCP4 192.0.2.1 198.51.100.7 56324\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443 \r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.7 56324 65536\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.7 -1 443\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.7 +1 443\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.7 01 443\r\n",
      "PROXY TCP4 192.0.2.01 198.51.100.7 1 443\r\n",
      "PROXY TCP4 192.0.2 198.51.100.7 1 443\r\n",
      "PROXY TCP4 2001:db8::1 2001:db8::2 1 443\r\n",
      "PROXY TCP6 192.0.2.1 198.51.100.7 1 443\r\n",
      "PROXY TCP6 fe80::1%eth0 2001:db8::2 1 443\r\n",
      "PROXY TCP4  192.0.2.1 198.51.100.7 1 443\r\n",
      "PROXY UDP4 192.0.2.1 198.51.100.7 1 443\r\n",
      "PROXY UNKNOWN a\nb\r\n",
      "PROXY \r\n",
  };
  for (const char* line : lines) {
    const auto result = read_proxy_header(as_octets(line));
    ASSERT_FALSE(result) << line;
    EXPECT_EQ(result.error(), BadProxyHeader::malformed) << line;
  }
}

TEST(ProxyProtocol, ALineEndsWithin107Octets) {
  std::string line = "PROXY UNKNOWN ";
  line.append(kMaxProxyLineOctets - 2 - line.size(), 'x');
  EXPECT_EQ(read(line + "\r\n").octets, kMaxProxyLineOctets);
  for (const char* rest : {"x\r\n", "xx", "x\r"}) {
    const std::string longer = line + rest;
    const auto result = read_proxy_header(as_octets(longer));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), BadProxyHeader::too_long);
  }
}

TEST(ProxyProtocol, RefusesOtherProtocolsAtTheFirstOctetThatDiffers) {
  for (const std::string_view text : {"G", "PR0", "PROXY\t", "\r\n\r\nX", "\x16\x03\x01"}) {
    const auto result = read_proxy_header(as_octets(text));
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error(), BadProxyHeader::no_signature);
  }
}

TEST(ProxyProtocol, ReadsVersion2AsWritten) {
  for (const ProxyHeader& header :
       {ProxyHeader{Kind::ip, endpoint("192.0.2.1:56324"), endpoint("198.51.100.7:443"), 28},
        ProxyHeader{Kind::ip, endpoint("[2001:db8::1]:1"), endpoint("[2001:db8::2]:65535"), 52},
        ProxyHeader{Kind::ip, endpoint("192.0.2.1:1"), endpoint("[2001:db8::2]:2"), 52},
        ProxyHeader{Kind::unknown, {}, {}, 16}, ProxyHeader{Kind::local, {}, {}, 16}}) {
    ProxyHeaderBuffer buffer;
    const std::string text(as_text(write_proxy_header(header, buffer)));
    EXPECT_EQ(text.size(), header.octets);
    EXPECT_EQ(read(text + "PRI * HTTP/2.0"), header);
    expect_incremental(text);
  }
}

TEST(ProxyProtocol, SkipsTheTlvsOfVersion2) {
  const std::string_view addresses("\xc0\x00\x02\x01\xc6\x33\x64\x07\xdc\x04\x01\xbb", 12);
  std::string rest(addresses);
  rest.append("\x01\x00\x02h2", 5);
  const ProxyHeader header = read(version_2(0x21, 0x11, rest) + "GET");
  EXPECT_EQ(header.source, endpoint("192.0.2.1:56324"));
  EXPECT_EQ(header.octets, 16 + rest.size());

  rest.resize(kMaxProxyRestOctets);
  EXPECT_EQ(read(version_2(0x21, 0x11, rest)).octets, 16 + kMaxProxyRestOctets);
  rest.push_back('x');
  const auto result = read_proxy_header(as_octets(version_2(0x21, 0x11, rest)).first(16));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), BadProxyHeader::too_long);
}

TEST(ProxyProtocol, Version2OverNoIpNamesNobody) {
  EXPECT_EQ(read(version_2(0x21, 0x00, "")).kind, Kind::unknown);
  EXPECT_EQ(read(version_2(0x21, 0x31, std::string(216, 'x'))).kind, Kind::unknown);
  EXPECT_EQ(read(version_2(0x20, 0x11, "")).kind, Kind::local);
  EXPECT_EQ(read(version_2(0x20, 0xff, "abc")).octets, 19u);
  EXPECT_EQ(read(version_2(0x21, 0x12, std::string(12, '\1'))).kind, Kind::ip);
}

TEST(ProxyProtocol, RefusesWhatVersion2DoesNotAssign) {
  struct Case {
    std::string text;
    BadProxyHeader error;
  };
  const Case cases[] = {
      {version_2(0x11, 0x11, std::string(12, '\1')), BadProxyHeader::unassigned},
      {version_2(0x22, 0x11, std::string(12, '\1')), BadProxyHeader::unassigned},
      {version_2(0x21, 0x41, std::string(12, '\1')), BadProxyHeader::unassigned},
      {version_2(0x21, 0x13, std::string(12, '\1')), BadProxyHeader::unassigned},
      {version_2(0x21, 0x11, std::string(11, '\1')), BadProxyHeader::too_short},
      {version_2(0x21, 0x21, std::string(35, '\1')), BadProxyHeader::too_short},
      {version_2(0x21, 0x31, std::string(215, '\1')), BadProxyHeader::too_short},
  };
  for (const Case& c : cases) {
    const auto result = read_proxy_header(as_octets(c.text));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), c.error);
    EXPECT_STRNE(to_text(c.error), "");
  }
}

}  // namespace
}  // namespace sallyport::http
