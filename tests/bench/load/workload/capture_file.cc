#include "tests/bench/load/workload/capture_file.h"

namespace sallyport::lab::testing {

namespace wire = radius::wire;

namespace {

Bytes network16(std::size_t value) {
  return {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

}  // namespace

Bytes udp(const Bytes& payload) {
  return wire::join(
      {network16(40'000), network16(1812), network16(payload.size() + 8), network16(0), payload});
}

Bytes ipv4(const Bytes& datagram, std::uint16_t fragment_field, std::uint8_t options) {
  const auto words = static_cast<std::uint8_t>(0x45 + options);
  return wire::join({{words, 0},
                     network16(datagram.size() + 20 + options * std::size_t{4}),
                     network16(1),
                     network16(fragment_field),
                     {64, 17, 0, 0},
                     wire::hex("c0000201c0000202"),
                     wire::zeros(options * std::size_t{4}),
                     datagram});
}

Bytes ipv6(const Bytes& datagram) {
  // One Destination Options header stands between (RFC 8200 §4.6).
  return wire::join({wire::hex("60000000"),
                     network16(datagram.size() + 8),
                     {60, 64},
                     wire::zeros(32),
                     wire::hex("1100010400000000"),
                     datagram});
}

Bytes ethernet(std::uint16_t ether_type, const Bytes& packet) {
  return wire::join({wire::zeros(12), network16(ether_type), packet});
}

CaptureFile::CaptureFile(const FileFormat& format) : format_(format) {
  number(format.nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
  number(format.big_endian ? 0x00020004 : 0x00040002);  // version 2.4
  number(0);
  number(0);
  number(65'535);
  number(format.link);
}

CaptureFile& CaptureFile::add(std::uint32_t seconds, std::uint32_t fraction, const Bytes& frame,
                              std::uint32_t cut) {
  number(seconds);
  number(fraction);
  number(static_cast<std::uint32_t>(frame.size()));
  number(static_cast<std::uint32_t>(frame.size()) + cut);
  octets_.insert(octets_.end(), frame.begin(), frame.end());
  return *this;
}

void CaptureFile::number(std::uint32_t value) {
  for (int i = 0; i < 4; ++i) {
    const int shift = 8 * (format_.big_endian ? 3 - i : i);
    octets_.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

}  // namespace sallyport::lab::testing
