#pragma once
// An HTTP/2 connection to a server (RFC 9113), without I/O: many requests at once, each with the
// UpstreamSide of one exchange. Octets go in by receive() and out by flush(); exchanges hear of
// what came in deliver(), and nowhere else. Requests may be opened before the stream below is
// connected. One thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/http/h2_fields.h"
#include "engine/http/h2_head.h"
#include "engine/http/h2_session.h"
#include "engine/http/sides.h"

namespace sallyport::http_door {

/// Who owns the connection.
class H2ClientOwner {
 public:
  /// The connection has something to deliver or to flush: give it a turn. Note it and return.
  virtual void needs_turn() noexcept = 0;

 protected:
  ~H2ClientOwner() = default;
};

struct H2ClientPlan {
  http::Limits head;
  std::uint32_t max_streams = 128;   ///< or fewer, as the server says
  std::string_view scheme = "http";  ///< static: "http" or "https"
};

class H2Client final : private H2SessionEvents {
 public:
  H2Client(ring::BufferPool& pool, H2ClientOwner& owner, const H2ClientPlan& plan);
  ~H2Client();  ///< exchanges that it has are told nothing

  /// Whether one more request can be sent now: the server has not said GOAWAY, and allows another.
  [[nodiscard]] bool can_open() const noexcept;
  /// A side for one request. can_open().
  [[nodiscard]] UpstreamSide& open(ExchangeEvents& exchange);

  /// The stream below is there: until now the sides were not writable().
  void connected();
  void receive(ring::Slice slice, std::uint64_t now_ms);  ///< takes the slice over
  /// Tells exchanges what has come. They call their sides from within.
  void deliver();
  void flush(H2Wire& wire) { session_.flush(wire); }
  [[nodiscard]] bool wants_flush() const noexcept { return session_.wants_flush(); }
  [[nodiscard]] bool wants_deliver() const noexcept { return !changed_.empty(); }

  /// Opens no more, finishes what is open.
  void shut_down() noexcept;
  /// The stream below is gone, or will never be: all that is open breaks off with the next
  /// deliver(). A reset is told as stale where the connection had served others and nothing of the
  /// answer has come. Answers that are here wholly stay, for exchanges that have paused them:
  /// deliver() goes on until open_requests() is 0.
  void lost(Broken why) noexcept;
  /// Close the stream below.
  [[nodiscard]] bool finished() const noexcept { return lost_ || session_.finished(); }

  /// Asks for a sign of life (PING); answered() says whether it has come.
  void probe() noexcept;
  [[nodiscard]] bool answered() const noexcept { return probes_ == 0; }
  [[nodiscard]] std::uint32_t open_requests() const noexcept { return open_; }

 private:
  class Request;

  // H2SessionEvents.
  [[nodiscard]] H2Stream* head_begins(std::int32_t id, H2Stream* stream) override;
  [[nodiscard]] bool field(H2Stream& stream, std::string_view name,
                           std::string_view value) override;
  void head_ends(H2Stream& stream, bool last) override;
  void body(H2Stream& stream, ring::Slice slice) override;
  void incoming_ends(H2Stream& stream) override;
  void outgoing_ends(H2Stream&) override {}
  void drained(H2Stream& stream) override;
  void closed(H2Stream& stream, std::uint32_t error) override;
  void goaway_received() override { going_away_ = true; }
  void ping_answered() override;

  void changed(Request& request);
  void deliver(Request& request);
  void deliver_body(Request& request);
  void switch_protocols(Request& request);
  void bad_message(Request& request);
  void recycle(Request& request);
  [[nodiscard]] static Broken why_lost(Broken why, const Request& request) noexcept;

  ring::BufferPool& pool_;
  H2ClientOwner& owner_;
  const H2ClientPlan plan_;
  H2Session session_;
  H2HeadReader reader_;
  H2FieldWriter writer_;
  std::vector<std::unique_ptr<Request>> all_;
  std::vector<Request*> free_;
  std::vector<Request*> changed_;  ///< to be looked at by deliver()
  std::vector<Request*> batch_;
  std::uint32_t open_ = 0;
  std::uint32_t probes_ = 0;  ///< not answered
  bool connected_ = false;
  bool used_ = false;     ///< an answer has come on it
  bool holding_ = false;  ///< upgrades wait for the server's settings
  bool going_away_ = false;
  bool lost_ = false;
};

}  // namespace sallyport::http_door
