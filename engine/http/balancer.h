#pragma once
// Which server of a pool is asked next: one of six policies over the candidates of an UpstreamSet.
// One a pool and shard; used by that shard's thread. A pick looks at every server once or twice
// (at most kMaxServers), takes no heap and draws nothing: randomness and time are handed in.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/http.h"
#include "engine/http/upstream_set.h"
#include "protocol/http/head.h"
#include "protocol/ip_address.h"
#include "protocol/octets.h"

namespace sallyport::http_door {

/// What a pick may depend on. Views that live as long as the call.
struct Pick {
  IpAddress visitor;        ///< ip_hash
  std::string_view cookie;  ///< the value of the pool's cookie; empty: none
  std::uint64_t random;     ///< random_two; 64 fresh bits
  std::uint64_t now_ms;
  ServerMask tried = 0;  ///< servers that this request has been to
};

struct Choice {
  std::uint32_t server;
  bool set_cookie = false;  ///< the answer gets append_set_cookie's value
};

class Balancer {
 public:
  /// `ipv6_prefix`: visitors of one IPv6 prefix of that length are one to ip_hash. `cookie_key`:
  /// secret, the same on every shard, node and start, or visitors change servers; not kept.
  Balancer(const config::HttpPool& pool, std::uint32_t ipv6_prefix, Octets cookie_key);

  /// A candidate of `set` (of the same pool), or none: 503. To be followed by set.acquire().
  ///
  /// - round_robin: smooth weighted: a server of weight 3 gets three of its turns spread out.
  /// - least_conn: the least in flight for its weight; round_robin among equals.
  /// - random_two: of two drawn by weight, the one with less in flight for its weight.
  /// - ip_hash: weighted rendezvous: when a server goes, only its visitors move. Slow start does
  ///   not count: it would move visitors back and forth.
  /// - cookie: the server that the cookie names; else round_robin and a new cookie.
  /// - first: the first candidate in the order of the configuration.
  [[nodiscard]] std::optional<Choice> pick(const UpstreamSet& set, const Pick& pick) noexcept;

  /// The value of a Set-Cookie line (RFC 6265 §4.1) that names this server by a keyed hash: its
  /// address does not show. A session cookie, for our hop's HttpOnly; `secure` over TLS.
  void append_set_cookie(std::uint32_t server, bool secure, std::string& out) const;

 private:
  static constexpr std::size_t kTagOctets = 22;  ///< 128 bits in 6-bit characters

  struct Server {
    std::uint64_t identity;  ///< hash of the label: the same wherever it stands in the pool
    std::array<char, kTagOctets> tag;
    std::int64_t current = 0;  ///< of smooth weighted round robin
  };
  std::uint32_t round_robin(const UpstreamSet& set, ServerMask among,
                            std::uint64_t now_ms) noexcept;
  std::uint32_t least_in_flight(const UpstreamSet& set, ServerMask among,
                                std::uint64_t now_ms) noexcept;
  [[nodiscard]] std::uint32_t rendezvous(const UpstreamSet& set, ServerMask among,
                                         const IpAddress& visitor) const noexcept;
  [[nodiscard]] std::optional<std::uint32_t> named_by(std::string_view cookie) const noexcept;

  config::Balance policy_;
  std::uint32_t ipv6_prefix_;
  std::string cookie_name_;
  std::vector<Server> servers_;
};

/// The value of this cookie in the request's Cookie lines (RFC 6265 §4.2; HTTP/2 may send several),
/// or empty. The first one counts.
[[nodiscard]] std::string_view find_cookie(const http::Fields& fields,
                                           std::string_view name) noexcept;

}  // namespace sallyport::http_door
