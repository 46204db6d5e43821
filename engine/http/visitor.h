#pragma once
// Who the visitor of a request is. Nobody's word is taken but a trusted proxy's. Pure; any thread;
// no heap.

#include <cstdint>
#include <string_view>

#include "engine/http/address_set.h"
#include "protocol/http/head.h"
#include "protocol/ip_address.h"

namespace sallyport::http_door {

/// How the visitor's address is known, or why it is not.
enum class VisitorSource : std::uint8_t {
  peer,     ///< who opened the connection: no trusted proxy, or one that speaks for nobody else
  proxies,  ///< told by trusted proxies
  hidden,   ///< not known: a trusted proxy does not say ("unknown", an obfuscated name)
  contradictory,  ///< not known: X-Forwarded-For and Forwarded name different ones
  malformed,      ///< not known: a field cannot be read, or names too many
};
[[nodiscard]] const char* to_text(VisitorSource source) noexcept;

struct Visitor {
  IpAddress address;  ///< "::" where it is not known: such a visitor has no address to be let in by
  VisitorSource source = VisitorSource::peer;
  bool https = false;     ///< he came over TLS, to us or to the proxy
  std::string_view host;  ///< host[:port] that he asked, by us or by the proxy; lives as the head

  [[nodiscard]] bool known() const noexcept { return !address.is_any(); }
};

/// `peer`: the connection's other end, or what a PROXY header said of it; `tls`: of our connection.
///
/// Unless `trusted` holds the peer, he is the visitor, and what his fields say counts for nothing.
/// If it does, X-Forwarded-For or Forwarded is walked from the right: each proxy has added whom it
/// was asked by, so the first address that is no trusted proxy's is the visitor's. When all are, it
/// is the leftmost. X-Real-IP is never read: it has no chain, so a visitor's own cannot be told
/// from a proxy's.
///
/// With both fields there, both must lead to the same address. A proxy commonly writes the one and
/// passes the other on as the visitor sent it; we cannot tell which is which, and to guess would
/// let everybody choose his address. So then nobody is known: the strict way, which costs a visitor
/// who forges a field his access and nobody else anything. A proxy that clears the field it does
/// not write never gets there.
[[nodiscard]] Visitor find_visitor(const IpAddress& peer, bool tls, const http::RequestHead& head,
                                   const AddressSet& trusted) noexcept;

}  // namespace sallyport::http_door
