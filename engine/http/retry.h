#pragma once
// What follows when an upstream has broken off: another try, where that is safe, or an answer of
// ours. Pure; any thread.

#include <cstdint>
#include <string_view>

#include "engine/http/sides.h"
#include "protocol/http/head.h"

namespace sallyport::http_door {

/// One request's state when its upstream has broken off.
struct Attempt {
  Broken why;  ///< not `none`
  http::Method method;
  std::string_view method_text;    ///< for `other`
  bool request_written = false;    ///< an octet of it may have reached the server
  bool body_gone = false;          ///< octets of its body were sent on and are not kept
  bool answer_begun = false;       ///< an octet of an answer came, interim ones included
  bool fresh_tried = false;        ///< `same_server` has been said before
  bool others_left = false;        ///< the balancer has a server that was not tried
  std::uint32_t retries_left = 0;  ///< HttpPool::retries, less the other servers tried
};

enum class Next : std::uint8_t {
  same_server,   ///< once more, over a new connection; does not count as a retry
  other_server,  ///< counts as one
  give_up,       ///< `status` goes to the visitor, or what he has of the answer is cut off
};

struct RetryDecision {
  Next next;
  std::uint16_t status;     ///< of our answer: 502 or 504; 0: the visitor is gone
  std::string_view reason;  ///< static text for the access log
  /// The server is to blame: UpstreamSet::failed. Otherwise nothing is reported of it.
  bool server_failed;
};

/// RFC 9110 §9.2.2 and RFC 9112 §9.3.1: what may have been processed is sent again only if its
/// method is idempotent; a proxy never guesses. What was certainly not processed (no connection,
/// nothing written, HTTP/2 says so: RFC 9113 §8.7) is sent again whatever its method. An answer
/// that took too long is not asked for twice: the server has the request, and is slow enough.
[[nodiscard]] RetryDecision decide_retry(const Attempt& attempt) noexcept;

/// RFC 9110 §9.2.2, and the reading methods of WebDAV (RFC 4918 §9.1, RFC 3253 §3.6, RFC 5323 §2).
[[nodiscard]] bool is_idempotent(http::Method method, std::string_view method_text) noexcept;

}  // namespace sallyport::http_door
