#include "bench/load/workload/capture.h"

#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/bench/load/workload/capture_file.h"

namespace sallyport::lab::testing {
namespace {

namespace wire = radius::wire;
using radius::Code;
using wire::join;

Bytes request(std::uint8_t identifier) {
  return wire::packet(Code::access_request, identifier, wire::authenticator_of(1),
                      {wire::attribute(1, wire::text("alice"))});
}
Bytes ipv4_request(std::uint8_t identifier) { return ipv4(udp(request(identifier))); }

Capture parsed(const Bytes& file) {
  auto capture = Capture::parse(file);
  EXPECT_TRUE(capture.has_value()) << capture.error();
  return capture ? *capture : Capture{};
}
Bytes first_of(const Capture& capture) {
  if (capture.size() == 0) return {};
  return {capture.request(0).begin(), capture.request(0).end()};
}
std::string error_of(const Bytes& file) {
  const auto capture = Capture::parse(file);
  return capture ? "none" : capture.error();
}

TEST(Capture, ReadsEachByteOrderAndResolution) {
  for (const bool big_endian : {false, true}) {
    for (const bool nanoseconds : {false, true}) {
      CaptureFile file({.big_endian = big_endian, .nanoseconds = nanoseconds});
      file.add(100, 999'999, ethernet(0x0800, ipv4_request(1)));
      file.add(101, 0, ethernet(0x0800, ipv4_request(2)));
      const Capture capture = parsed(file.octets());
      ASSERT_EQ(capture.size(), 2U);
      EXPECT_EQ(first_of(capture), request(1));
      EXPECT_EQ(capture.request(1)[1], 2);
      EXPECT_EQ(capture.time_ns(0), 0U);
      EXPECT_EQ(capture.time_ns(1), nanoseconds ? 999'000'001U : 1'000U);
    }
  }
}

TEST(Capture, ReadsEachLinkLayer) {
  const Bytes v4 = ipv4_request(1), v6 = ipv6(udp(request(1)));
  const Bytes cooked = wire::zeros(14), cooked2 = wire::zeros(18);
  const struct {
    std::uint32_t link;
    Bytes frame;
  } cases[] = {
      {1, ethernet(0x0800, v4)},
      {1, ethernet(0x86dd, v6)},
      {1, ethernet(0x8100, join({wire::hex("00050800"), v4}))},
      {1, ethernet(0x88a8, join({wire::hex("0005810000060800"), v4}))},
      {101, v4},
      {101, v6},
      {12, v4},
      {14, v4},
      {228, v4},
      {229, v6},
      {0, join({wire::hex("02000000"), v4})},
      {113, join({cooked, wire::hex("0800"), v4})},
      {113, join({cooked, wire::hex("86dd"), v6})},
      {276, join({wire::hex("0800"), cooked2, v4})},
      {276, join({wire::hex("86dd"), cooked2, v6})},
      {276, join({wire::hex("8100"), cooked2, wire::hex("00050800"), v4})},
  };
  for (const auto& [link, frame] : cases) {
    const Bytes file = CaptureFile({.link = link}).add(1, 0, frame).octets();
    EXPECT_EQ(first_of(parsed(file)), request(1)) << "link type " << link;
    // Every shorter frame is passed over, not read beyond.
    for (std::size_t kept = 0; kept < frame.size(); ++kept) {
      const Bytes part(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(kept));
      const Bytes short_file = CaptureFile({.link = link}).add(1, 0, part).octets();
      EXPECT_EQ(error_of(short_file), "no RADIUS request among its 1 packets") << kept;
    }
  }
}

TEST(Capture, KeepsRequestsOnly) {
  const auto frame = [](const Bytes& ip) { return ethernet(0x0800, ip); };
  Bytes tcp = ipv4_request(1);
  tcp[9] = 6;
  Bytes lying = ipv4_request(1);
  lying[25] = 9;  // UDP length: one octet of payload
  CaptureFile file({});
  file.add(1, 0, ethernet(0x0806, wire::zeros(28)));  // ARP
  file.add(1, 0, frame(tcp));
  file.add(1, 0, frame(ipv4(udp(request(1)), 0x2000)));  // the first fragment
  file.add(1, 0, frame(ipv4(udp(request(1)), 0x0004)));  // a later one
  file.add(1, 0, frame(ipv4(udp(wire::text("not RADIUS at all, but long enough")))));
  file.add(1, 0, frame(ipv4(udp(wire::packet(Code::access_accept, 1, {}, {})))));
  file.add(1, 0, frame(lying));
  file.add(1, 0, frame(ipv4_request(1)), 10);  // cut short by the capture
  file.add(2, 0, frame(join({ipv4(udp(request(7)), 0, 3), wire::zeros(9)})));  // options, padding
  const Capture capture = parsed(file.octets());
  ASSERT_EQ(capture.size(), 1U);
  EXPECT_EQ(first_of(capture), request(7));
  EXPECT_EQ(capture.passed_over(), 8U);
}

TEST(Capture, LeavesOutPaddingBehindLength) {
  const Bytes frame = ethernet(0x0800, ipv4(udp(join({request(1), wire::zeros(5)}))));
  EXPECT_EQ(first_of(parsed(CaptureFile({}).add(1, 0, frame).octets())), request(1));
}

TEST(Capture, NeverGoesBackInTime) {
  CaptureFile file({});
  for (const std::uint32_t second : {10, 12, 11, 9, 13})
    file.add(second, 0, ethernet(0x0800, ipv4_request(1)));
  const Capture capture = parsed(file.octets());
  const std::uint64_t expected_s[] = {0, 2, 2, 2, 3};
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_EQ(capture.time_ns(i), expected_s[i] * 1'000'000'000) << i;
}

TEST(Capture, SaysWhatIsWrong) {
  EXPECT_EQ(error_of({}), "no capture: 0 octets, a pcap file has at least 24");
  EXPECT_EQ(error_of(wire::zeros(24)), "no capture: the first four octets are not pcap's");
  EXPECT_EQ(error_of(join({wire::hex("0a0d0d0a"), wire::zeros(60)})),
            "a pcapng file: convert it (editcap -F pcap in.pcapng out.pcap)");
  EXPECT_EQ(error_of(CaptureFile({.link = 105}).octets()),
            "link type 105: Ethernet, Linux cooked, raw IP and BSD loopback are read");
  EXPECT_EQ(error_of(CaptureFile({}).octets()), "no RADIUS request among its 0 packets");
  CaptureFile two({});
  two.add(1, 0, ethernet(0x0800, ipv4_request(1)));
  const std::size_t one = two.octets().size();
  two.add(1, 0, ethernet(0x0800, ipv4_request(2)));
  for (std::size_t kept = one + 1; kept < two.octets().size(); ++kept) {
    const Bytes part(two.octets().begin(),
                     two.octets().begin() + static_cast<std::ptrdiff_t>(kept));
    EXPECT_EQ(error_of(part), "cut short: it ends within packet 2") << kept;
  }
}

TEST(Capture, ReadsFilesAndNamesThemInErrors) {
  const std::string path = ::testing::TempDir() + "capture-" + std::to_string(::getpid()) + ".pcap";
  const Bytes octets = CaptureFile({}).add(1, 0, ethernet(0x0800, ipv4_request(1))).octets();
  std::ofstream(path, std::ios::binary) << as_text(octets);
  EXPECT_EQ(first_of(*Capture::read(path)), request(1));
  std::ofstream(path, std::ios::binary) << "text";
  EXPECT_EQ(Capture::read(path).error(),
            path + ": no capture: 4 octets, a pcap file has at least 24");
  ::unlink(path.c_str());
  EXPECT_EQ(Capture::read(path).error(), path + ": cannot be opened");
  EXPECT_EQ(Capture::read("/").error(), "/: cannot be read");
}

}  // namespace
}  // namespace sallyport::lab::testing
