#pragma once
// A visitor's HTTP/2 connection (RFC 9113), without I/O: each of its streams is one request and the
// ClientSide of one exchange. Octets go in by receive() and out by flush(); exchanges hear of what
// came in deliver(), and nowhere else. So a turn of a connection is: receive what is there,
// deliver, flush. One thread.
//
// Strict (RFC 9113 §8.1.1): malformed heads are reset with PROTOCOL_ERROR before an exchange sees
// them. Bounded: streams, heads, windows, frames that wait, and frames that ask for nothing.

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/http/h2_fields.h"
#include "engine/http/h2_head.h"
#include "engine/http/h2_session.h"
#include "engine/http/sides.h"

namespace sallyport::http_door {

class H2Server;

/// What serves the requests of a connection.
class H2Requests {
 public:
  /// A request has come; `head` may be moved from. The exchange may answer within this call. Null:
  /// no room for it (it is refused, and the visitor may try again: RFC 9113 §8.7).
  [[nodiscard]] virtual ExchangeEvents* begin_request(ClientSide& side, http::RequestHead& head,
                                                      bool body) = 0;
  /// A head that is too large (431) or its target too long (414): to be answered so.
  [[nodiscard]] virtual ExchangeEvents* refuse_request(ClientSide& side, http::RequestHead& head,
                                                       std::uint16_t status,
                                                       std::string_view reason) = 0;
  /// The connection has something to deliver or to flush: give it a turn. Note it and return.
  virtual void needs_turn() noexcept = 0;

 protected:
  ~H2Requests() = default;
};

struct H2ServerPlan {
  http::Limits head;
  std::uint32_t max_streams = 128;
  std::uint32_t max_requests = 10'000;  ///< then the connection ends gracefully
};

class H2Server final : private H2SessionEvents {
 public:
  H2Server(ring::BufferPool& pool, H2Requests& requests, const H2ServerPlan& plan);
  ~H2Server();  ///< exchanges that it has are told nothing

  void receive(ring::Slice slice, std::uint64_t now_ms);  ///< takes the slice over
  /// Tells exchanges what has come. They call their sides from within; nobody else may be told of
  /// this server then.
  void deliver();
  void flush(H2Wire& wire) { session_.flush(wire); }
  [[nodiscard]] bool wants_flush() const noexcept { return session_.wants_flush(); }
  [[nodiscard]] bool wants_deliver() const noexcept { return !changed_.empty(); }

  /// Open no more (GOAWAY), finish what is open, then finished(). A visitor who does not answer the
  /// PING that goes with it is the owner's to give up. Again: nothing.
  void shut_down() noexcept;
  /// GOAWAY with `error`: all that is open breaks off with the next deliver().
  void condemn(std::uint32_t error) noexcept;
  /// The stream below is gone: all that is open breaks off with the next deliver().
  void lost() noexcept;
  /// Close the stream below once all is sent.
  [[nodiscard]] bool finished() const noexcept {
    return session_.ended() || (session_.finished() && shutting_down_ == shutdown_finished_);
  }

  // For the owner's timers.
  [[nodiscard]] std::uint32_t open_requests() const noexcept { return open_; }
  /// The preface, or a head, has begun and is not complete.
  [[nodiscard]] bool mid_head() const noexcept { return session_.mid_head(); }
  /// Resets requests of whose body nothing has come for `after_ms`, though it was wanted (how
  /// many), and the rest of those that were answered some time ago. Every few seconds.
  std::uint32_t time_out_bodies(std::uint64_t now_ms, std::uint32_t after_ms) noexcept;
  /// Of answers, held back by the visitor's windows or the wire.
  [[nodiscard]] std::size_t octets_waiting() const noexcept;
  [[nodiscard]] std::size_t buffers_waiting() const noexcept;
  /// Of bodies, in all; whether it grows tells if he takes anything.
  [[nodiscard]] std::uint64_t octets_sent() const noexcept { return session_.octets_sent(); }
  [[nodiscard]] bool shutting_down() const noexcept { return shutting_down_; }
  /// The connection ends since he kept it busy with frames that ask for nothing.
  [[nodiscard]] bool flooded() const noexcept { return session_.flooded(); }
  [[nodiscard]] std::uint64_t requests_seen() const noexcept { return requests_seen_; }

 private:
  class Request;

  // H2SessionEvents.
  [[nodiscard]] H2Stream* head_begins(std::int32_t id, H2Stream* stream) override;
  [[nodiscard]] bool field(H2Stream& stream, std::string_view name,
                           std::string_view value) override;
  void head_ends(H2Stream& stream, bool last) override;
  void body(H2Stream& stream, ring::Slice slice) override;
  void incoming_ends(H2Stream& stream) override;
  void outgoing_ends(H2Stream& stream) override;
  void drained(H2Stream& stream) override;
  void closed(H2Stream& stream, std::uint32_t error) override;
  void goaway_received() override {}
  void ping_answered() override;

  void changed(Request& request);
  void deliver(Request& request);
  void begin(Request& request);
  void deliver_body(Request& request);
  void send_continue(Request& request);
  void recycle(Request& request);
  void break_off() noexcept;

  ring::BufferPool& pool_;
  H2Requests& requests_;
  const H2ServerPlan plan_;
  H2Session session_;
  H2HeadReader reader_;
  H2FieldWriter writer_;
  std::vector<std::unique_ptr<Request>> all_;  ///< grows to max_streams and some
  std::vector<Request*> free_;
  std::vector<Request*> changed_;  ///< to be looked at by deliver()
  std::vector<Request*> batch_;
  std::uint32_t open_ = 0;
  std::uint64_t requests_seen_ = 0;
  std::uint64_t now_ms_ = 0;  ///< of the last receive()
  bool shutting_down_ = false;
  bool shutdown_finished_ = false;
};

}  // namespace sallyport::http_door
