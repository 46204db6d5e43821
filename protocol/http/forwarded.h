#pragma once
// Who a request came through: Forwarded (RFC 7239) and X-Forwarded-For, read from the right, since
// each proxy adds at the right and only what trusted ones have added can be believed; and what we
// say ourselves to an upstream. Pure, no heap but the caller's string; any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/ip_address.h"

namespace sallyport::http {

/// What one proxy has told. Views live as long as the field lines.
struct Hop {
  std::string_view node;  ///< for=: whom the proxy was asked by, as written; empty: it does not say
  std::string_view proto;  ///< proto=, as written; empty: it does not say
  std::string_view host;   ///< host=, unchecked; empty: it does not say

  /// The node's address; nothing for "unknown", an obfuscated name (RFC 7239 §6.2, §6.3) or what is
  /// no address at all.
  [[nodiscard]] std::optional<IpAddress> address() const noexcept;
};

enum class HopSyntax : std::uint8_t {
  x_forwarded_for,  ///< addresses, separated by commas
  forwarded,        ///< RFC 7239 §4
};

/// More hops than a chain of proxies has; a longer list was written to keep us busy.
inline constexpr std::size_t kMaxHops = 32;

/// The hops of one field, the nearest first, over all of its lines: RFC 9110 §5.3 makes them one
/// list.
class HopWalk {
 public:
  /// `lines`: the field's values in the order received. They outlive the walk.
  HopWalk(HopSyntax syntax, std::span<const std::string_view> lines) noexcept;

  /// The next hop to the left; nothing at the end, and nothing any more once refused().
  [[nodiscard]] std::optional<Hop> next() noexcept;
  /// A line is not of this syntax, or there are more than kMaxHops hops to the right of here.
  [[nodiscard]] bool refused() const noexcept { return refused_; }

 private:
  [[nodiscard]] bool read_line(std::string_view line) noexcept;
  void keep(const Hop& hop) noexcept;

  const HopSyntax syntax_;
  bool refused_ = false;
  std::span<const std::string_view> lines_;  ///< those not read yet
  std::array<Hop, kMaxHops> line_hops_;      ///< the last of the line read: a ring
  std::size_t line_count_ = 0;               ///< hops of that line that are not handed out yet
  std::size_t line_kept_ = 0;                ///< so many of them are in the ring
  std::size_t taken_ = 0;
};

/// A visitor as we tell him upstream: "192.0.2.1", "2001:db8::1", or "unknown" for the any address.
/// Mostly into `buffer`.
[[nodiscard]] std::string_view visitor_text(const IpAddress& visitor,
                                            AddressBuffer& buffer) noexcept;

/// Forwarded as we tell it: one element, for the visitor and nobody before him. `visitor`: his
/// visitor_text. `host`: the Host he asked, valid; empty leaves it out.
void append_forwarded(std::string& out, std::string_view visitor, bool https,
                      std::string_view host);

}  // namespace sallyport::http
