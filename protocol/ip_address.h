#pragma once
// IP addresses, endpoints and prefixes as values. IPv4 is kept as IPv4-mapped IPv6, so that both
// compare alike.

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>
#include <expected>
#include <string>
#include <string_view>

struct sockaddr;
struct sockaddr_storage;

namespace sallyport {

/// Room for the longest address and its terminator (INET6_ADDRSTRLEN).
using AddressBuffer = std::array<char, 46>;

struct IpAddress {
  std::array<std::uint8_t, 16> octets{};  ///< network order; IPv4 as ::ffff:a.b.c.d

  [[nodiscard]] static std::expected<IpAddress, std::string> parse(std::string_view text);
  [[nodiscard]] static IpAddress v4(std::uint32_t host_order) noexcept;
  [[nodiscard]] bool is_v4() const noexcept {
    constexpr auto kMark =
        std::bit_cast<std::uint32_t>(std::array<std::uint8_t, 4>{0, 0, 255, 255});
    std::uint64_t zeros;
    std::uint32_t mark;
    std::memcpy(&zeros, octets.data(), sizeof zeros);
    std::memcpy(&mark, octets.data() + sizeof zeros, sizeof mark);
    return zeros == 0 && mark == kMark;
  }
  [[nodiscard]] bool is_any() const noexcept {  ///< 0.0.0.0 or ::
    std::uint32_t last;
    std::memcpy(&last, octets.data() + 12, sizeof last);
    return last == 0 && (is_v4() || octets == decltype(octets){});
  }
  [[nodiscard]] bool is_loopback() const noexcept {  ///< 127.0.0.0/8 or ::1
    if (is_v4()) return octets[12] == 127;
    return *this == IpAddress{.octets = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  }
  [[nodiscard]] std::string text() const;  ///< 192.0.2.1 or 2001:db8::1, no brackets
  [[nodiscard]] std::string_view text(AddressBuffer& buffer) const noexcept;  ///< into `buffer`
  auto operator<=>(const IpAddress&) const = default;
};

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;  ///< host order

  /// "192.0.2.1:1812", "[2001:db8::1]:1812"; without a port `default_port` is taken.
  [[nodiscard]] static std::expected<Endpoint, std::string> parse(std::string_view text,
                                                                  std::uint16_t default_port);
  [[nodiscard]] static Endpoint from(const sockaddr* address) noexcept;
  /// Fills `out` and returns its length in octets. IPv4 becomes AF_INET.
  [[nodiscard]] std::uint32_t fill(sockaddr_storage& out) const noexcept;
  [[nodiscard]] std::string text() const;  ///< 192.0.2.1:1812 or [2001:db8::1]:1812
  auto operator<=>(const Endpoint&) const = default;
};

struct Prefix {
  IpAddress address;          ///< host bits are zero
  std::uint8_t length = 128;  ///< 0..128, of the 128-bit form (an IPv4 /24 is 120)

  /// "192.0.2.0/24", "2001:db8::/32", a bare address (one host). "0.0.0.0" and "::" bare mean any
  /// of that family, as Notakey's proxy has it. An error says what is wrong with the text.
  [[nodiscard]] static std::expected<Prefix, std::string> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const noexcept;
  [[nodiscard]] std::string text() const;
  auto operator<=>(const Prefix&) const = default;
};

}  // namespace sallyport
