#pragma once
// A visitor's connection in HTTP/1.0 or 1.1 (RFC 9112): one request after the other. Owns itself:
// ends by Door::bury. One thread.

#include <cstdint>

#include "engine/http/connection.h"
#include "engine/http/head_octets.h"
#include "engine/http/sides.h"
#include "protocol/http/h1_body.h"
#include "protocol/http/head.h"

namespace sallyport::http_door {

class Door;
class Exchange;

class H1Visitor final : public Connection, public ClientSide {
 public:
  H1Visitor(Door& door, ring::StreamId stream, const Peer& peer);

  /// Octets may have come before it was made.
  void begin();

  // Connection.
  void stream_event(const ring::StreamEvent& event) override;
  void timer(std::uint64_t now_ms) override;
  void drain() override;

  // ClientSide.
  void respond(http::ResponseHead& head, bool body) override;
  void respond_body(ring::Slice slice) override;
  void respond_end(const http::Fields* trailers) override;
  void abort() override;
  [[nodiscard]] bool writable() const noexcept override;
  void pause_request() override;
  void resume_request() override;
  void discard_request() override;

 private:
  /// Of the request's octets. The answer's are `answering_`.
  enum class State : std::uint8_t {
    idle,      ///< between two requests; nothing has come of the next
    head,      ///< a part of a head is here
    body,      ///< the request's body, or a tunnel's octets
    complete,  ///< the request is whole; its answer is not
    closed,    ///< buried
  };

  void read();
  [[nodiscard]] bool read_head();
  [[nodiscard]] bool read_body();
  [[nodiscard]] bool hold_requests();
  void go_on();
  void refuse(std::uint16_t status);
  void next_request();
  void close();
  void schedule();

  Door& door_;
  const ring::StreamId stream_;
  const Peer peer_;
  Exchange* exchange_ = nullptr;
  State state_ = State::idle;
  http::BodyReader body_;
  HeadOctets head_octets_;
  std::uint32_t requests_ = 0;
  std::uint64_t turn_ = 0;  ///< of the shard's, in which the last request came
  std::uint32_t turn_requests_ = 0;
  std::uint64_t since_ms_ = 0;  ///< of the state, or of the last octet
  std::uint64_t armed_ms_ = 0;  ///< when the timer comes; 0: it is not set
  bool answering_ = false;      ///< a final head has been sent and not its end
  bool chunked_ = false;        ///< the answer
  bool until_close_ = false;    ///< the answer
  bool tunnel_ = false;
  bool keep_alive_ = true;
  bool http_1_0_ = false;
  bool continue_owed_ = false;  ///< a 100 before the body is read (RFC 9110 §10.1.1)
  bool paused_ = false;
  bool was_full_ = false;
  bool discarding_ = false;
  bool ended_ = false;    ///< a tunnel's: the visitor sends no more
  bool reading_ = false;  ///< in read(): it goes on by itself
};

}  // namespace sallyport::http_door
