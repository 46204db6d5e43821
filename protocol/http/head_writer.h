#pragma once
// HTTP/1.1 heads to octets (RFC 9112), and what a proxy takes out of them on the way (RFC 9110
// §7.6). Pure, no heap; any thread.

#include <cstddef>

#include "protocol/http/head.h"
#include "protocol/octets.h"

namespace sallyport::http {

/// What write_request_head() needs at most.
[[nodiscard]] std::size_t request_head_octets(const RequestHead& head) noexcept;
[[nodiscard]] std::size_t response_head_octets(const ResponseHead& head) noexcept;

/// Writes the head as HTTP/1.1: Host first (`authority`, empty if there is none), the fields in
/// their order, then what the head itself says:
/// - framing: Content-Length for none (if content_length is set) and length, Transfer-Encoding for
///   chunked; for stream the one or the other, whether content_length is set. A POST, PUT or PATCH
///   without content gets Content-Length: 0 (RFC 9110 §8.6).
/// - protocol not empty: Connection: upgrade and Upgrade.
/// - otherwise Connection: close, unless keep_alive. Set it to what is meant for the connection
///   that the head is written to.
/// - a TE among the fields is named in Connection (RFC 9110 §10.1.4).
/// Returns the octets written, or 0 if `out` holds fewer than request_head_octets(). Names and
/// values are written as they are: who adds fields of his own sees to it that they hold no CR or
/// LF.
[[nodiscard]] std::size_t write_request_head(const RequestHead& head, MutableOctets out) noexcept;

/// The same for an answer; an empty `reason` is replaced by the status code's own. Connection is
/// "upgrade" for 101 (whose Upgrade is among the fields), and nothing for the other 1xx.
[[nodiscard]] std::size_t write_response_head(const ResponseHead& head, MutableOctets out) noexcept;

enum class KeepUpgrade : bool { no, yes };

/// Takes out what is meant for one connection only (RFC 9110 §7.6.1): Connection and the fields it
/// names, Keep-Alive, Proxy-Connection, Proxy-Authenticate, Proxy-Authorization, Trailer (write it
/// anew if trailers are passed on), Transfer-Encoding, Upgrade (unless `upgrade`: for a 101), TE
/// but for "trailers". Connection cannot name a field that decides about routing, content,
/// credentials or who the visitor is: that would be a visitor's way to hide it from those behind
/// us.
void remove_hop_by_hop(Fields& fields, KeepUpgrade upgrade = KeepUpgrade::no);

}  // namespace sallyport::http
