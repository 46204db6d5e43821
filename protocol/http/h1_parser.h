#pragma once
// HTTP/1 heads (RFC 9112): octets to a RequestHead or ResponseHead, with everything refused that
// could be read in two ways (strictness.h). No state between calls; any thread.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/http/head.h"
#include "protocol/http/strictness.h"
#include "protocol/octets.h"

namespace sallyport::http {

enum class Parse : std::uint8_t {
  need_more,  ///< no fault so far, and no end of the head
  done,
  bad,  ///< answer with the refusal and close
};

struct Limits {
  std::uint32_t max_head_octets;
  std::uint32_t max_fields;
  std::uint32_t max_target_octets;
};

struct ParsedHead {
  Parse state = Parse::need_more;
  std::size_t consumed = 0;  ///< done: octets of the head. need_more: octets that were searched
  Refusal refusal = {};      ///< bad
};

/// `input`: all octets of the head so far, contiguous; what stands behind the head is not touched.
/// After need_more call again with more of them and pass `consumed` as `searched`, so that a head
/// that comes octet by octet is not searched anew each time. Empty lines in front (at most two,
/// RFC 9112 §2.2) are part of the head. `head` holds what it should after done only.
///
/// Host, Content-Length and Transfer-Encoding are not among head.fields: the head itself says what
/// they say. A Content-Length of 0 is Framing::none with content_length = 0.
[[nodiscard]] ParsedHead parse_request_head(Octets input, const Limits& limits, RequestHead& head,
                                            std::size_t searched = 0);

/// The same for an answer; what is refused is a 502. `request_method`: of the request it answers.
[[nodiscard]] ParsedHead parse_response_head(Octets input, const Limits& limits,
                                             Method request_method, ResponseHead& head,
                                             std::size_t searched = 0);

/// Where a head or a trailer section ends.
struct HeadEnd {
  Parse state = Parse::need_more;
  std::size_t octets = 0;  ///< done: up to and with its empty line. need_more: searched so far
  std::string_view reason = {};  ///< bad: a bare LF or a folded line (RFC 9112 §2.2, §5.2)
};
/// `text` begins with a line that is not empty.
[[nodiscard]] HeadEnd find_head_end(std::string_view text, std::size_t searched) noexcept;

/// `section`: trailer fields and the empty line. Those that may not be trailers are dropped. False:
/// malformed, or more than `max_fields`.
[[nodiscard]] bool parse_trailers(std::string_view section, std::uint32_t max_fields,
                                  Fields& trailers);

}  // namespace sallyport::http
