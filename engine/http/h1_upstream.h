#pragma once
// A connection to a server in HTTP/1.1 (RFC 9112): one request at a time, then kept by its pool for
// the next. Owns itself: ends by Door::bury. One thread.

#include <cstdint>
#include <memory>
#include <string>

#include "engine/http/connection.h"
#include "engine/http/head_octets.h"
#include "engine/http/sides.h"
#include "protocol/http/h1_body.h"
#include "protocol/http/head.h"

namespace sallyport::http_door {

class Door;
class UpstreamPool;

class H1Upstream final : public Connection, public UpstreamSide {
 public:
  /// `stream` is connecting.
  H1Upstream(Door& door, std::shared_ptr<UpstreamPool> pool, std::uint32_t server,
             ring::StreamId stream);
  ~H1Upstream() override;

  [[nodiscard]] std::uint32_t server() const noexcept { return server_; }
  /// For one request. From a kept connection: it may have been closed meanwhile.
  void use(ExchangeEvents& exchange) noexcept;
  /// Whether a kept connection is still good: the server has said nothing and not ended it.
  [[nodiscard]] bool usable() const noexcept;
  void close();

  // Connection.
  void stream_event(const ring::StreamEvent& event) override;
  void timer(std::uint64_t now_ms) override;
  void drain() override;

  // UpstreamSide.
  void request(const http::RequestHead& head, bool body) override;
  void request_body(ring::Slice slice) override;
  void request_end(const http::Fields* trailers) override;
  void release() override;
  [[nodiscard]] bool writable() const noexcept override;
  void pause_response() override;
  void resume_response() override;

 private:
  enum class State : std::uint8_t {
    idle,      ///< kept, or not used yet
    head,      ///< a request is out, the head of its answer is awaited
    body,      ///< the answer's body
    tunnel,    ///< after a 101
    complete,  ///< the answer is complete; the exchange has not released it yet
    closed,    ///< buried
  };

  void read_answer();
  [[nodiscard]] bool read_head();
  [[nodiscard]] bool switches_rightly() const noexcept;
  [[nodiscard]] bool read_body();
  void answer_complete(const http::Fields* trailers);
  void broken(Broken why);
  [[nodiscard]] Broken why_ended() const noexcept;
  void ended();

  Door& door_;
  std::shared_ptr<UpstreamPool> pool_;
  const std::uint32_t server_;
  const ring::StreamId stream_;
  ExchangeEvents* exchange_ = nullptr;
  State state_ = State::idle;
  http::ResponseHead head_;
  http::BodyReader body_;
  http::Method method_ = http::Method::other;
  std::string protocol_;  ///< that the request asks for; empty: none
  bool connected_ = false;
  bool reused_ = false;
  bool answered_ = false;  ///< an octet of the answer has come
  bool request_done_ = false;
  bool chunked_ = false;  ///< the request's body
  bool last_ = false;     ///< the request says that it is (RFC 9112 §9.6)
  bool keep_ = false;     ///< the server keeps it open after this answer
  bool ended_ = false;    ///< the server sends no more
  bool paused_ = false;
  bool was_full_ = false;  ///< writable() was false
  bool reading_ = false;   ///< in read_answer(): it goes on by itself
  HeadOctets head_octets_;
  std::uint64_t idle_since_ms_ = 0;
  std::uint64_t armed_ms_ = 0;  ///< when the timer comes; 0: it is not set
};

}  // namespace sallyport::http_door
