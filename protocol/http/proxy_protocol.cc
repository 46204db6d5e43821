#include "protocol/http/proxy_protocol.h"

#include <algorithm>

#include "protocol/http/address_text.h"

namespace sallyport::http {
namespace {

using Result = std::expected<std::optional<ProxyHeader>, BadProxyHeader>;

constexpr std::string_view kLineStart = "PROXY ";
constexpr std::array<std::uint8_t, 12> kSignature = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                     0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

/// Where the fields of version 2 lie (§2.2).
enum Offset : std::size_t { version_and_command = 12, family_and_transport = 13, length = 14 };
enum Family : std::uint8_t { unspecified = 0, inet = 1, inet6 = 2, unix_path = 3 };
constexpr std::uint8_t kMaxTransport = 2;  // unspecified, stream, datagram
constexpr std::size_t kV4Octets = 12;
constexpr std::size_t kV6Octets = 36;
constexpr std::size_t kUnixOctets = 216;

/// Equal as far as both go.
bool agrees(Octets received, Octets expected) noexcept {
  const std::size_t count = std::min(received.size(), expected.size());
  return std::equal(received.begin(), received.begin() + count, expected.begin());
}

/// The text up to the next space, taken off the front with it.
std::string_view take_word(std::string_view& text) noexcept {
  const std::size_t space = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, space);
  text.remove_prefix(std::min(space + 1, text.size()));
  return word;
}

Result read_line(std::string_view received) noexcept {
  const std::string_view window = received.substr(0, kMaxProxyLineOctets);
  const std::size_t end = window.find('\r');
  // Also a bare LF, which would otherwise be waited past.
  if (window.find('\n') < end) return std::unexpected(BadProxyHeader::malformed);
  if (end == std::string_view::npos) {
    if (received.size() < kMaxProxyLineOctets) return std::nullopt;
    return std::unexpected(BadProxyHeader::too_long);
  }
  if (end + 2 > kMaxProxyLineOctets) return std::unexpected(BadProxyHeader::too_long);
  if (received.size() < end + 2) return std::nullopt;
  if (received[end + 1] != '\n') return std::unexpected(BadProxyHeader::malformed);

  std::string_view line = received.substr(0, end);
  line.remove_prefix(kLineStart.size());
  ProxyHeader header;
  header.octets = end + 2;
  const std::string_view family = take_word(line);
  if (family == "UNKNOWN") {
    // §2.1: whatever stands behind it is ignored.
    header.kind = ProxyHeader::Kind::unknown;
    return header;
  }
  if (family != "TCP4" && family != "TCP6") return std::unexpected(BadProxyHeader::malformed);
  const bool v6 = family == "TCP6";
  const std::string_view words[4] = {take_word(line), take_word(line), take_word(line), line};
  const auto source = read_address(words[0]);
  const auto destination = read_address(words[1]);
  const auto source_port = read_port(words[2]);
  const auto destination_port = read_port(words[3]);
  if (!source || !destination || !source_port || !destination_port ||
      words[0].contains(':') != v6 || words[1].contains(':') != v6) {
    return std::unexpected(BadProxyHeader::malformed);
  }
  header.kind = ProxyHeader::Kind::ip;
  header.source = {.address = *source, .port = *source_port};
  header.destination = {.address = *destination, .port = *destination_port};
  return header;
}

std::uint16_t read_16(Octets octets, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(octets[at] << 8 | octets[at + 1]);
}

IpAddress read_octets(Octets octets, std::size_t at, bool v6) noexcept {
  IpAddress address = IpAddress::v4(0);
  if (v6) {
    copy_octets(octets.subspan(at, 16), address.octets);
  } else {
    copy_octets(octets.subspan(at, 4), MutableOctets(address.octets).subspan(12));
  }
  return address;
}

Result read_binary(Octets received) noexcept {
  // Refused as early as it can be told: the rest may never come.
  if (received.size() <= version_and_command) return std::nullopt;
  const std::uint8_t command = received[version_and_command] & 0x0f;
  if (received[version_and_command] >> 4 != 2 || command > 1) {
    return std::unexpected(BadProxyHeader::unassigned);
  }
  if (received.size() < kProxyFixedOctets) return std::nullopt;
  const std::size_t rest = read_16(received, length);
  if (rest > kMaxProxyRestOctets) return std::unexpected(BadProxyHeader::too_long);

  ProxyHeader header;
  header.octets = kProxyFixedOctets + rest;
  // §2.2: LOCAL is taken whatever family it names.
  const std::uint8_t family = received[family_and_transport] >> 4;
  if (command == 1) {
    if (family > unix_path || (received[family_and_transport] & 0x0f) > kMaxTransport) {
      return std::unexpected(BadProxyHeader::unassigned);
    }
    constexpr std::size_t kNeeded[] = {0, kV4Octets, kV6Octets, kUnixOctets};
    if (rest < kNeeded[family]) return std::unexpected(BadProxyHeader::too_short);
  }
  if (received.size() < header.octets) return std::nullopt;
  if (command == 0) return header;
  header.kind = ProxyHeader::Kind::unknown;
  if (family != inet && family != inet6) return header;

  // A datagram's transport (a balancer that ends QUIC) names the visitor just as well.
  const bool v6 = family == inet6;
  const std::size_t size = v6 ? 16 : 4;
  const Octets addresses = received.subspan(kProxyFixedOctets);
  header.kind = ProxyHeader::Kind::ip;
  header.source = {.address = read_octets(addresses, 0, v6), .port = read_16(addresses, 2 * size)};
  header.destination = {.address = read_octets(addresses, size, v6),
                        .port = read_16(addresses, 2 * size + 2)};
  return header;
}

}  // namespace

const char* to_text(BadProxyHeader error) noexcept {
  switch (error) {
    case BadProxyHeader::no_signature: return "does not begin as a PROXY header does";
    case BadProxyHeader::malformed: return "is not a line of PROXY protocol version 1";
    case BadProxyHeader::too_long: return "is longer than a PROXY header may be";
    case BadProxyHeader::unassigned: return "uses a version, command or family not assigned";
    case BadProxyHeader::too_short: return "is shorter than the addresses of its family";
  }
  return "";
}

Result read_proxy_header(Octets received) noexcept {
  if (received.empty()) return std::nullopt;
  if (agrees(received, kSignature)) {
    return received.size() < kSignature.size() ? Result(std::nullopt) : read_binary(received);
  }
  if (agrees(received, as_octets(kLineStart))) {
    return received.size() < kLineStart.size() ? Result(std::nullopt)
                                               : read_line(as_text(received));
  }
  return std::unexpected(BadProxyHeader::no_signature);
}

Octets write_proxy_header(const ProxyHeader& header, ProxyHeaderBuffer& buffer) noexcept {
  const bool ip = header.kind == ProxyHeader::Kind::ip;
  const bool v4 = header.source.address.is_v4() && header.destination.address.is_v4();
  const std::size_t size = v4 ? 4 : 16;
  const std::size_t rest = ip ? 2 * size + 4 : 0;
  copy_octets(kSignature, buffer);
  buffer[version_and_command] = header.kind == ProxyHeader::Kind::local ? 0x20 : 0x21;
  buffer[family_and_transport] = !ip ? 0x00 : v4 ? 0x11 : 0x21;
  buffer[length] = 0;
  buffer[length + 1] = static_cast<std::uint8_t>(rest);
  if (ip) {
    const MutableOctets out = MutableOctets(buffer).subspan(kProxyFixedOctets);
    const auto put = [&](const Endpoint& endpoint, std::size_t at, std::size_t port_at) {
      copy_octets(Octets(endpoint.address.octets).last(size), out.subspan(at));
      out[port_at] = static_cast<std::uint8_t>(endpoint.port >> 8);
      out[port_at + 1] = static_cast<std::uint8_t>(endpoint.port & 0xff);
    };
    put(header.source, 0, 2 * size);
    put(header.destination, size, 2 * size + 2);
  }
  return Octets(buffer).first(kProxyFixedOctets + rest);
}

}  // namespace sallyport::http
