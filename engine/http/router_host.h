#pragma once
// The name a visitor asks for, in the form that routes are compared with. Pure; any thread.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sallyport::http_door {

/// A host without port or the root's dot, in lower case. Owns its octets; no heap.
class HostName {
 public:
  static constexpr std::size_t kMaxOctets = 255;  ///< as http::split_authority has it

  /// `authority` is host[:port] of Host or :authority, or empty (HTTP/1.0 without Host): the empty
  /// name. Empty result: it is not an authority (http::split_authority): 400 (RFC 9112 §3.2). IPv6
  /// addresses keep their brackets and their spelling.
  [[nodiscard]] static std::optional<HostName> parse(std::string_view authority) noexcept;

  [[nodiscard]] std::string_view text() const noexcept { return {octets_.data(), size_}; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }  ///< 0: none was given

 private:
  std::array<char, kMaxOctets> octets_;
  std::uint8_t size_ = 0;
  std::uint16_t port_ = 0;
};

}  // namespace sallyport::http_door
