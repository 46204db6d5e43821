#include "protocol/http/address_text.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

namespace sallyport::http {

static_assert(std::tuple_size_v<AddressBuffer> == INET6_ADDRSTRLEN);

std::optional<IpAddress> read_address(std::string_view text) noexcept {
  AddressBuffer terminated;
  if (text.empty() || text.size() >= terminated.size() || text.contains('\0')) return std::nullopt;
  std::memcpy(terminated.data(), text.data(), text.size());
  terminated[text.size()] = '\0';

  IpAddress address;
  if (text.contains(':')) {
    if (::inet_pton(AF_INET6, terminated.data(), address.octets.data()) != 1) return std::nullopt;
    return address;
  }
  address = IpAddress::v4(0);
  if (::inet_pton(AF_INET, terminated.data(), address.octets.data() + 12) != 1) return std::nullopt;
  return address;
}

std::optional<std::uint16_t> read_port(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text.front() == '0' && text.size() > 1)) {
    return std::nullopt;
  }
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

std::optional<IpAddress> read_node(std::string_view text) noexcept {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && (rest.front() != ':' || !read_port(rest.substr(1)))) return std::nullopt;
    const std::string_view inner = text.substr(1, close - 1);
    return inner.contains(':') ? read_address(inner) : std::nullopt;
  }
  // One colon ends an IPv4 address; more of them are an IPv6 address without a port.
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon != text.rfind(':')) return read_address(text);
  if (!read_port(text.substr(colon + 1))) return std::nullopt;
  return read_address(text.substr(0, colon));
}

}  // namespace sallyport::http
