#pragma once
// The two sides of an exchange: the visitor's (one request on an HTTP/1 connection or one HTTP/2
// stream) and the upstream's. A side knows its protocol and nothing of the other; Exchange sits
// between and decides. Each has two real implementations: HTTP/1 and HTTP/2. One thread; calls
// never run back into the caller (what a side has to tell, it tells in the shard's turn).

#include <cstdint>

#include "engine/ring/buffer_pool.h"
#include "protocol/http/head.h"

namespace sallyport::http_door {

/// Why a side has broken off.
enum class Broken : std::uint8_t {
  none,
  refused,  ///< upstream: could not connect
  connect_timeout,
  tls,            ///< upstream: handshake or certificate
  stale,          ///< upstream: a kept connection was closed before any octet of an answer
  reset,          ///< in the middle
  not_processed,  ///< upstream said that it has not touched the request (h2 REFUSED_STREAM, GOAWAY)
  bad_message,    ///< what came is not HTTP, or not strict enough
  timed_out,
  gone,  ///< visitor: he went away or cancelled
};

class ClientSide;
class UpstreamSide;

/// What the sides tell the exchange.
class ExchangeEvents {
 public:
  virtual void request_body(ring::Slice slice) = 0;  ///< takes it over
  virtual void request_end(const http::Fields* trailers) = 0;
  virtual void client_writable() = 0;          ///< after ClientSide::writable() was false
  virtual void client_broken(Broken why) = 0;  ///< the side is gone; do not use it again

  virtual void response_head(
      http::ResponseHead& head) = 0;  ///< also interim ones; may be changed by the exchange
  virtual void response_body(ring::Slice slice) = 0;
  virtual void response_end(const http::Fields* trailers) = 0;
  virtual void upstream_writable() = 0;
  virtual void upstream_broken(Broken why) = 0;  ///< the side is gone; do not use it again

 protected:
  ~ExchangeEvents() = default;
};

class ClientSide {
 public:
  /// Interim answers any number of times, then one final head. `head` is complete: hop-by-hop
  /// fields are removed, ours are added; the side adds what its protocol frames with. `body`:
  /// whether octets or trailers follow.
  virtual void respond(http::ResponseHead& head, bool body) = 0;
  virtual void respond_body(ring::Slice slice) = 0;            ///< takes it over; never refused
  virtual void respond_end(const http::Fields* trailers) = 0;  ///< the side is gone after it
  /// The answer cannot be ended: the visitor must notice (reset). The side is gone after it.
  virtual void abort() = 0;
  [[nodiscard]] virtual bool writable() const noexcept = 0;  ///< false: hold the answer's body back
  virtual void pause_request() = 0;                          ///< the upstream takes no more now
  virtual void resume_request() = 0;
  /// The rest of the request's body is not wanted: read and dropped, or the connection ends after
  /// the answer.
  virtual void discard_request() = 0;

 protected:
  ~ClientSide() = default;
};

class UpstreamSide {
 public:
  /// `head` as it goes out; the side writes its protocol's framing. `body`: whether octets or
  /// trailers follow.
  virtual void request(const http::RequestHead& head, bool body) = 0;
  virtual void request_body(ring::Slice slice) = 0;
  virtual void request_end(const http::Fields* trailers) = 0;
  /// The exchange wants nothing more of it. After response_end it may be kept for others, before it
  /// is reset.
  virtual void release() = 0;
  [[nodiscard]] virtual bool writable() const noexcept = 0;
  virtual void pause_response() = 0;
  virtual void resume_response() = 0;

 protected:
  ~UpstreamSide() = default;
};

}  // namespace sallyport::http_door
