#pragma once
// The PROXY protocol, versions 1 and 2 (haproxy.org/download/2.8/doc/proxy-protocol.txt): what a
// balancer sends in front of a connection to tell who is on its far side. It proves nothing: only
// believe it from a peer that is trusted. Pure; any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

#include "protocol/ip_address.h"
#include "protocol/octets.h"

namespace sallyport::http {

/// §2.1: the longest line of version 1, CRLF included.
inline constexpr std::size_t kMaxProxyLineOctets = 107;
/// Version 2: its fixed part, and what we take behind it. The addresses need at most 216 octets (of
/// two Unix paths), the rest is TLVs that we skip.
inline constexpr std::size_t kProxyFixedOctets = 16;
inline constexpr std::size_t kMaxProxyRestOctets = 2048;

/// A header that was read whole.
struct ProxyHeader {
  enum class Kind : std::uint8_t {
    local,    ///< the balancer speaks for itself (a health check): the peer is who he is
    unknown,  ///< somebody came through it, but not over IP, or it does not say who
    ip,       ///< source and destination hold
  };
  Kind kind = Kind::local;
  Endpoint source;         ///< ip: the visitor, as the balancer saw him
  Endpoint destination;    ///< ip: where he connected to
  std::size_t octets = 0;  ///< length of the header; what follows is the connection's own

  bool operator==(const ProxyHeader&) const = default;
};

/// Why octets are no PROXY header. The connection is closed: there is no way to answer.
enum class BadProxyHeader : std::uint8_t {
  no_signature,  ///< neither version begins so
  malformed,     ///< version 1: not the line that §2.1 describes
  too_long,      ///< more than one of the bounds above
  unassigned,    ///< version 2: a version, command, family or transport that §2.2 rejects
  too_short,     ///< version 2: less than the addresses of its family
};
[[nodiscard]] const char* to_text(BadProxyHeader error) noexcept;

/// Reads the header at the front of `received`, the connection's first octets so far. Nothing: more
/// octets are needed (and at most kProxyFixedOctets + kMaxProxyRestOctets ever are).
[[nodiscard]] std::expected<std::optional<ProxyHeader>, BadProxyHeader> read_proxy_header(
    Octets received) noexcept;

/// Room for what write_proxy_header makes.
using ProxyHeaderBuffer = std::array<std::uint8_t, kProxyFixedOctets + 36>;

/// Version 2 of `header`; its `octets` is not read. IPv4 only where both ends are. The view is into
/// `buffer`.
[[nodiscard]] Octets write_proxy_header(const ProxyHeader& header,
                                        ProxyHeaderBuffer& buffer) noexcept;

}  // namespace sallyport::http
