#include "bench/load/workload/capture.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>

#include <fmt/format.h>

#include "protocol/radius/packet.h"

namespace sallyport::lab {
namespace {

constexpr std::size_t kFileHeaderOctets = 24;
constexpr std::size_t kRecordHeaderOctets = 16;
constexpr std::uint32_t kMicroseconds = 0xa1b2c3d4;
constexpr std::uint32_t kNanoseconds = 0xa1b23c4d;
constexpr std::uint32_t kNextGeneration = 0x0a0d0d0a;  // pcapng's first block
constexpr std::uint64_t kNanosecondsOfSecond = 1'000'000'000;

constexpr std::size_t kUdpHeaderOctets = 8;
constexpr std::uint8_t kUdp = 17;

constexpr std::uint16_t kEtherIpv4 = 0x0800;
constexpr std::uint16_t kEtherIpv6 = 0x86dd;
constexpr std::uint16_t kEtherVlan = 0x8100;         // IEEE 802.1Q
constexpr std::uint16_t kEtherServiceVlan = 0x88a8;  // IEEE 802.1ad

/// Link-layer header types of tcpdump.org/linktypes.html.
enum class Link : std::uint32_t {
  null = 0,  ///< BSD loopback: four octets of address family, then IP
  ethernet = 1,
  raw_bsd = 12,  ///< IP at once, as some systems number it
  raw_openbsd = 14,
  raw = 101,
  linux_cooked = 113,
  ipv4 = 228,
  ipv6 = 229,
  linux_cooked2 = 276,
};

bool is_known(Link link) {
  switch (link) {
    case Link::null:
    case Link::ethernet:
    case Link::raw_bsd:
    case Link::raw_openbsd:
    case Link::raw:
    case Link::linux_cooked:
    case Link::ipv4:
    case Link::ipv6:
    case Link::linux_cooked2: return true;
  }
  return false;
}

std::uint16_t network16(Octets octets, std::size_t at) {
  return static_cast<std::uint16_t>(octets[at] << 8 | octets[at + 1]);
}

std::optional<Octets> without(Octets octets, std::size_t first) {
  if (octets.size() < first) return std::nullopt;
  return octets.subspan(first);
}

/// What stands behind EtherTypes of IP, past any VLAN tags. `type_at`: where the first one stands.
std::optional<Octets> ip_behind_ether_type(Octets frame, std::size_t type_at) {
  for (;; type_at += 4) {
    if (frame.size() < type_at + 2) return std::nullopt;
    const std::uint16_t type = network16(frame, type_at);
    if (type == kEtherIpv4 || type == kEtherIpv6) return frame.subspan(type_at + 2);
    if (type != kEtherVlan && type != kEtherServiceVlan) return std::nullopt;
  }
}

std::optional<Octets> ip_of(Link link, Octets frame) {
  switch (link) {
    case Link::null: return without(frame, 4);
    case Link::ethernet: return ip_behind_ether_type(frame, 12);
    case Link::raw_bsd:
    case Link::raw_openbsd:
    case Link::raw:
    case Link::ipv4:
    case Link::ipv6: return frame;
    case Link::linux_cooked: return ip_behind_ether_type(frame, 14);
    case Link::linux_cooked2: {  // the protocol stands first, 20 octets in all
      const auto ip = without(frame, 20);
      if (!ip) return std::nullopt;
      const std::uint16_t type = network16(frame, 0);
      if (type == kEtherVlan || type == kEtherServiceVlan) return ip_behind_ether_type(*ip, 2);
      return ip;
    }
  }
  return std::nullopt;
}

/// The UDP datagram with its header, of a packet that is whole.
std::optional<Octets> udp_of_ipv4(Octets ip) {
  if (ip.size() < 20) return std::nullopt;
  const std::size_t header = (ip[0] & 0x0fU) * 4;
  const std::size_t total = network16(ip, 2);
  const bool fragment = (network16(ip, 6) & 0x3fff) != 0;  // more to come, or not the first
  if (header < 20 || total < header || total > ip.size() || fragment || ip[9] != kUdp)
    return std::nullopt;
  return ip.subspan(header, total - header);
}

/// Extension headers that a host may put before UDP (RFC 8200 §4); a fragment is no whole packet.
std::optional<Octets> udp_of_ipv6(Octets ip) {
  constexpr std::uint8_t kHopByHop = 0;
  constexpr std::uint8_t kRouting = 43;
  constexpr std::uint8_t kDestination = 60;
  if (ip.size() < 40) return std::nullopt;
  const std::size_t length = network16(ip, 4);
  if (length > ip.size() - 40) return std::nullopt;
  std::uint8_t next = ip[6];
  Octets rest = ip.subspan(40, length);
  while (next == kHopByHop || next == kRouting || next == kDestination) {
    if (rest.size() < 8) return std::nullopt;
    const std::size_t octets = (rest[1] + std::size_t{1}) * 8;
    next = rest[0];
    const auto behind = without(rest, octets);
    if (!behind) return std::nullopt;
    rest = *behind;
  }
  if (next != kUdp) return std::nullopt;
  return rest;
}

std::optional<Octets> udp_payload(Octets ip) {
  if (ip.empty()) return std::nullopt;
  const unsigned version = ip[0] >> 4;
  const auto udp = version == 4   ? udp_of_ipv4(ip)
                   : version == 6 ? udp_of_ipv6(ip)
                                  : std::optional<Octets>{};
  if (!udp || udp->size() < kUdpHeaderOctets) return std::nullopt;
  const std::size_t length = network16(*udp, 4);
  if (length < kUdpHeaderOctets || length > udp->size()) return std::nullopt;
  return udp->subspan(kUdpHeaderOctets, length - kUdpHeaderOctets);
}

/// The packet without padding behind it. Nothing: no RADIUS, or a reply.
std::optional<Octets> request_in(Octets payload) {
  const auto packet = radius::PacketView::parse(payload);
  if (!packet || radius::role_of(packet->code()) == radius::Role::reply) return std::nullopt;
  return packet->octets();
}

/// Numbers in the byte order of the machine that captured.
class FileReader {
 public:
  explicit FileReader(Octets file) : file_(file) {}

  [[nodiscard]] std::expected<void, std::string> read_header() {
    if (file_.size() < kFileHeaderOctets) {
      return std::unexpected(fmt::format("no capture: {} octets, a pcap file has at least {}",
                                         file_.size(), kFileHeaderOctets));
    }
    std::uint32_t magic = number(0);
    if (magic == kNextGeneration)
      return std::unexpected("a pcapng file: convert it (editcap -F pcap in.pcapng out.pcap)");
    if (magic != kMicroseconds && magic != kNanoseconds) {
      big_endian_ = true;
      magic = number(0);
    }
    if (magic != kMicroseconds && magic != kNanoseconds)
      return std::unexpected("no capture: the first four octets are not pcap's");
    fraction_ns_ = magic == kNanoseconds ? 1 : 1'000;
    // The upper bits say how the checksum at each frame's end is kept; the type is 16 bits wide.
    const std::uint32_t link = number(20) & 0xffff;
    link_ = static_cast<Link>(link);
    if (!is_known(link_)) {
      return std::unexpected(fmt::format(
          "link type {}: Ethernet, Linux cooked, raw IP and BSD loopback are read", link));
    }
    at_ = kFileHeaderOctets;
    return {};
  }

  [[nodiscard]] bool done() const { return at_ == file_.size(); }

  struct Record {
    std::uint64_t time_ns;
    Octets frame;
    bool cut;  ///< the capture kept only its beginning
  };
  [[nodiscard]] std::expected<Record, std::string> next() {
    ++records_;
    if (file_.size() - at_ < kRecordHeaderOctets) return ends_early();
    const std::uint64_t time_ns =
        number(at_) * kNanosecondsOfSecond + std::uint64_t{number(at_ + 4)} * fraction_ns_;
    const std::size_t kept = number(at_ + 8);
    const std::size_t original = number(at_ + 12);
    at_ += kRecordHeaderOctets;
    if (kept > file_.size() - at_) return ends_early();
    const Octets frame = file_.subspan(at_, kept);
    at_ += kept;
    return Record{.time_ns = time_ns, .frame = frame, .cut = kept < original};
  }
  [[nodiscard]] std::optional<Octets> request_of(const Record& record) const {
    if (record.cut) return std::nullopt;
    return ip_of(link_, record.frame).and_then(udp_payload).and_then(request_in);
  }

 private:
  [[nodiscard]] std::uint32_t number(std::size_t at) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t shift = 8 * (big_endian_ ? 3 - i : i);
      value |= std::uint32_t{file_[at + i]} << shift;
    }
    return value;
  }
  [[nodiscard]] std::unexpected<std::string> ends_early() const {
    return std::unexpected(fmt::format("cut short: it ends within packet {}", records_));
  }

  Octets file_;
  std::size_t at_ = 0;
  std::size_t records_ = 0;
  bool big_endian_ = false;
  std::uint64_t fraction_ns_ = 0;
  Link link_{};
};

}  // namespace

std::expected<Capture, std::string> Capture::read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::unexpected(fmt::format("{}: cannot be opened", path));
  std::string octets;
  std::array<char, 65'536> chunk;
  while (file.read(chunk.data(), chunk.size()) || file.gcount() > 0)
    octets.append(chunk.data(), static_cast<std::size_t>(file.gcount()));
  if (file.bad()) return std::unexpected(fmt::format("{}: cannot be read", path));
  auto capture = parse(as_octets(octets));
  if (!capture) return std::unexpected(fmt::format("{}: {}", path, capture.error()));
  return capture;
}

std::expected<Capture, std::string> Capture::parse(Octets file) {
  FileReader reader(file);
  if (auto header = reader.read_header(); !header)
    return std::unexpected(std::move(header.error()));
  Capture capture;
  std::uint64_t first_ns = 0;
  while (!reader.done()) {
    const auto record = reader.next();
    if (!record) return std::unexpected(record.error());
    const auto request = reader.request_of(*record);
    if (!request) {
      ++capture.passed_over_;
      continue;
    }
    if (capture.requests_.empty()) first_ns = record->time_ns;
    // Several capturing processors, or a clock set back, may leave packets out of order.
    const std::uint64_t before = capture.requests_.empty() ? 0 : capture.requests_.back().time_ns;
    const std::uint64_t time_ns = record->time_ns > first_ns ? record->time_ns - first_ns : 0;
    capture.requests_.push_back({.time_ns = std::max(before, time_ns),
                                 .offset = capture.octets_.size(),
                                 .length = request->size()});
    capture.octets_.insert(capture.octets_.end(), request->begin(), request->end());
  }
  if (capture.requests_.empty()) {
    return std::unexpected(
        fmt::format("no RADIUS request among its {} packets", capture.passed_over_));
  }
  return capture;
}

}  // namespace sallyport::lab
