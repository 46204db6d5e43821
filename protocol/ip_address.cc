#include "protocol/ip_address.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace sallyport {
namespace {

constexpr std::array<std::uint8_t, 12> kV4Mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kV4MappedBits = 96;

std::unexpected<std::string> not_an_address(std::string_view text) {
  return std::unexpected("\"" + std::string(text) + "\" is not an IPv4 or IPv6 address");
}

std::optional<unsigned> parse_number(std::string_view text, unsigned max) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > max) return std::nullopt;
  return value;
}

IpAddress masked(const IpAddress& address, unsigned bits) {
  IpAddress out;
  for (unsigned i = 0; i < 16 && bits > 0; ++i) {
    const unsigned here = std::min(bits, 8U);
    out.octets[i] = static_cast<std::uint8_t>(address.octets[i] & (0xff00U >> here));
    bits -= here;
  }
  return out;
}

}  // namespace

std::expected<IpAddress, std::string> IpAddress::parse(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof terminated || text.contains('\0')) {
    return not_an_address(text);
  }
  std::memcpy(terminated, text.data(), text.size());
  terminated[text.size()] = '\0';

  IpAddress address;
  if (::inet_pton(AF_INET6, terminated, address.octets.data()) == 1) return address;
  if (::inet_pton(AF_INET, terminated, address.octets.data() + kV4Mapped.size()) == 1) {
    std::ranges::copy(kV4Mapped, address.octets.begin());
    return address;
  }
  return not_an_address(text);
}

IpAddress IpAddress::v4(std::uint32_t host_order) noexcept {
  IpAddress address;
  std::ranges::copy(kV4Mapped, address.octets.begin());
  for (unsigned i = 0; i < 4; ++i) {
    address.octets[12 + i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  }
  return address;
}

std::string_view IpAddress::text(AddressBuffer& buffer) const noexcept {
  if (is_v4()) {
    // inet_ntop prints by printf, 150 ns; each HTTP request is told its visitor.
    char* at = buffer.data();
    for (std::size_t i = kV4Mapped.size(); i < octets.size(); ++i) {
      if (at != buffer.data()) *at++ = '.';
      at = std::to_chars(at, buffer.data() + buffer.size(), octets[i]).ptr;
    }
    return {buffer.data(), at};
  }
  const char* const text =
      ::inet_ntop(AF_INET6, octets.data(), buffer.data(), static_cast<socklen_t>(buffer.size()));
  return text == nullptr ? std::string_view() : std::string_view(text);
}

std::string IpAddress::text() const {
  AddressBuffer buffer;
  return std::string(text(buffer));
}

std::expected<Endpoint, std::string> Endpoint::parse(std::string_view text,
                                                     std::uint16_t default_port) {
  std::string_view address = text;
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) {
      return std::unexpected("\"" + std::string(text) + "\" lacks the closing bracket");
    }
    address = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    if (rest.starts_with(':')) {
      port = rest.substr(1);
    } else if (!rest.empty()) {
      return std::unexpected("\"" + std::string(text) + "\" has text after the bracket; write \"[" +
                             std::string(address) + "]:PORT\"");
    }
    if (!address.contains(':')) return not_an_address(address);
  } else if (std::ranges::count(text, ':') == 1) {
    // More than one colon and no brackets is a bare IPv6 address.
    const std::size_t colon = text.find(':');
    address = text.substr(0, colon);
    port = text.substr(colon + 1);
  }

  const auto parsed = IpAddress::parse(address);
  if (!parsed) return std::unexpected(parsed.error());
  Endpoint endpoint{.address = *parsed, .port = default_port};
  if (port) {
    const auto number = parse_number(*port, 65'535);
    if (!number) {
      return std::unexpected("\"" + std::string(*port) + "\" is not a port: 0 to 65535 is meant");
    }
    endpoint.port = static_cast<std::uint16_t>(*number);
  }
  return endpoint;
}

Endpoint Endpoint::from(const sockaddr* address) noexcept {
  Endpoint endpoint;
  // Copied, not cast: the kernel's buffer need not be aligned for either structure.
  if (address->sa_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, address, sizeof in);
    endpoint.address = IpAddress::v4(ntohl(in.sin_addr.s_addr));
    endpoint.port = ntohs(in.sin_port);
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 in;
    std::memcpy(&in, address, sizeof in);
    std::memcpy(endpoint.address.octets.data(), &in.sin6_addr, 16);
    endpoint.port = ntohs(in.sin6_port);
  }
  return endpoint;
}

std::uint32_t Endpoint::fill(sockaddr_storage& out) const noexcept {
  out = {};
  if (address.is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&in.sin_addr, address.octets.data() + kV4Mapped.size(), 4);
    std::memcpy(&out, &in, sizeof in);
    return sizeof in;
  }
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port);
  std::memcpy(&in.sin6_addr, address.octets.data(), 16);
  std::memcpy(&out, &in, sizeof in);
  return sizeof in;
}

std::string Endpoint::text() const {
  const std::string host = address.text();
  return (address.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::expected<Prefix, std::string> Prefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::unexpected(address.error());
  const bool v4 = address->is_v4();
  if (slash == std::string_view::npos) {
    if (!address->is_any()) return Prefix{.address = *address, .length = 128};
    return Prefix{.address = *address, .length = static_cast<std::uint8_t>(v4 ? kV4MappedBits : 0)};
  }

  // A mapped address written as IPv6 counts its bits as IPv6.
  const bool dotted = !text.substr(0, slash).contains(':');
  const std::string_view digits = text.substr(slash + 1);
  const auto bits = parse_number(digits, dotted ? 32 : 128);
  if (!bits) {
    return std::unexpected("\"" + std::string(digits) + "\" is not a prefix length: 0 to " +
                           (dotted ? "32" : "128") + " is meant");
  }
  const auto length = static_cast<std::uint8_t>(dotted ? kV4MappedBits + *bits : *bits);
  const Prefix prefix{.address = masked(*address, length), .length = length};
  if (prefix.address != *address) {
    return std::unexpected("\"" + std::string(text) + "\" has bits set past its prefix length; \"" +
                           prefix.text() + "\" is the network");
  }
  return prefix;
}

bool Prefix::contains(const IpAddress& candidate) const noexcept {
  // ::/0 is every IPv6 address, not every mapped IPv4 address too.
  return candidate.is_v4() == address.is_v4() && masked(candidate, length) == address;
}

std::string Prefix::text() const {
  const unsigned bits = address.is_v4() ? length - kV4MappedBits : length;
  return address.text() + "/" + std::to_string(bits);
}

}  // namespace sallyport
