#pragma once
// The protocol half of one connection, without its socket: octets in, requests out; answers in,
// octets out. Two implementations, HTTP/1.1 and HTTP/2. A session never calls back: what has
// happened is collected in Arrivals and handled when the octets are through.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/simulators/http_message.h"
#include "protocol/octets.h"

namespace sallyport::lab {

inline constexpr std::size_t kMaxRequestBodyOctets = 64 * 1024;
inline constexpr std::size_t kMaxRequestHeaderOctets = 16 * 1024;

struct Arrivals {
  struct Request {
    std::int32_t stream;
    HttpRequest request;
  };
  std::vector<Request> requests;
  std::vector<std::int32_t> gone;  ///< streams that the client has given up
};

class HttpSession {
 public:
  virtual ~HttpSession() = default;
  /// False: the peer does not speak the protocol; what is written is sent, then the end.
  [[nodiscard]] virtual bool receive(Octets octets, Arrivals& arrivals) = 0;
  /// An answer to a stream that is no longer there is dropped.
  virtual void respond(std::int32_t stream, HttpReply&& reply) = 0;
  /// More body of an endless answer.
  virtual void append(std::int32_t stream, std::string_view text) = 0;
  /// Appends what is to be sent now. Arrivals: a pipelined request may come to light here.
  virtual void write(std::string& out, Arrivals& arrivals) = 0;
  /// Nothing more will be sent once what is written has left: close.
  [[nodiscard]] virtual bool finished() const = 0;
};

[[nodiscard]] std::unique_ptr<HttpSession> make_http1_session();
/// `max_streams`: requests that one connection may have open at once.
[[nodiscard]] std::unique_ptr<HttpSession> make_http2_session(std::uint32_t max_streams);

}  // namespace sallyport::lab
