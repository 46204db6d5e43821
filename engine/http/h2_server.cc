#include "engine/http/h2_server.h"

#include <utility>

#include "protocol/check.h"

namespace sallyport::http_door {
namespace {

/// Octets of bodies that a visitor may send on all streams together before exchanges take them: so
/// much memory one connection can hold. Four streams at full speed; more of them share it.
constexpr std::uint32_t kConnectionWindow = 4 * kH2StreamWindow;
/// How long a visitor who has the whole answer may go on sending his request before it is reset.
constexpr std::uint64_t kLingerMs = 2'000;

H2Windows windows(const H2ServerPlan& plan) {
  return {.connection = kConnectionWindow,
          .max_streams = plan.max_streams,
          .max_header_octets = plan.head.max_head_octets};
}

}  // namespace

/// One stream. In the list of free ones, or known to the session, or both sides have left it and
/// deliver() puts it back.
class H2Server::Request final : public H2Stream, public ClientSide {
 public:
  Request(H2Server& server, ring::BufferPool& pool) : H2Stream(pool), server_(server) {}

  /// Of what the visitor sends.
  enum class Phase : std::uint8_t {
    head,   ///< the head is being read
    ready,  ///< it is complete; the exchange does not know of it yet
    begun,  ///< the exchange has it
  };

  http::RequestHead head;
  http::Fields trailers;
  ExchangeEvents* exchange = nullptr;
  H2Fault fault = H2Fault::none;
  Phase phase = Phase::head;
  bool used = false;     ///< not in the list of free ones
  bool changed = false;  ///< in changed_
  bool has_body = false;
  bool ended = false;       ///< END_STREAM has come
  bool end_told = false;    ///< to the exchange
  bool paused = false;      ///< by the exchange
  bool discarding = false;  ///< the exchange wants no more of the body
  bool left = false;        ///< the exchange has ended or broken off its answer
  bool writable_again = false;
  bool closed = false;  ///< the session knows it no more
  bool tunnel = false;
  bool lingering = false;         ///< answered wholly, and the request is not complete
  bool continue_owed = false;     ///< a 100 once the body is wanted (RFC 9110 §10.1.1)
  std::uint64_t received_ms = 0;  ///< when something of it last came, or was wanted again

  void reset() {
    reset_stream();
    head.reset();
    trailers.reset();
    exchange = nullptr;
    fault = H2Fault::none;
    phase = Phase::head;
    used = changed = has_body = ended = end_told = paused = discarding = left = false;
    writable_again = closed = tunnel = lingering = continue_owed = false;
  }

  // ClientSide.
  void respond(http::ResponseHead& answer, bool body) override;
  void respond_body(ring::Slice slice) override;
  void respond_end(const http::Fields* answer_trailers) override;
  void abort() override;
  [[nodiscard]] bool writable() const noexcept override { return !full; }
  void pause_request() override { paused = true; }
  void resume_request() override;
  void discard_request() override;

 private:
  void leave();

  H2Server& server_;
  bool answered_ = false;  ///< a final head has been given
};

void H2Server::Request::respond(http::ResponseHead& answer, bool body) {
  if (closed || left) return;
  if (!answer.interim()) {
    tunnel = answer.framing == http::Framing::tunnel;
    continue_owed = false;
  }
  const auto fields = server_.writer_.response(answer);
  const bool submitted = answer.interim() ? server_.session_.submit_interim(*this, fields)
                                          : server_.session_.submit_response(*this, fields, body);
  if (!submitted) server_.session_.reset(*this, NGHTTP2_INTERNAL_ERROR);
  server_.requests_.needs_turn();
}

void H2Server::Request::respond_body(ring::Slice slice) {
  if (closed || left) return server_.pool_.release(slice);
  server_.session_.send_body(*this, slice);
  server_.requests_.needs_turn();
}

void H2Server::Request::respond_end(const http::Fields* answer_trailers) {
  if (!closed && !left) {
    server_.session_.send_end(*this, answer_trailers);
    server_.session_.guard().request_completed();
  }
  leave();
}

void H2Server::Request::abort() {
  if (!closed && !left) server_.session_.reset(*this, NGHTTP2_INTERNAL_ERROR);
  leave();
}

/// The exchange knows this side no more.
void H2Server::Request::leave() {
  if (left) return;
  left = true;
  exchange = nullptr;
  discard_request();
  server_.changed(*this);
}

void H2Server::Request::resume_request() {
  if (!paused) return;
  paused = false;
  received_ms = server_.now_ms_;
  server_.changed(*this);
}

void H2Server::Request::discard_request() {
  discarding = true;
  if (!closed) server_.session_.discard(*this);
}

H2Server::H2Server(ring::BufferPool& pool, H2Requests& requests, const H2ServerPlan& plan)
    : pool_(pool),
      requests_(requests),
      plan_(plan),
      session_(H2Session::Role::server, pool, *this, windows(plan)),
      reader_(plan.head) {}

H2Server::~H2Server() = default;

void H2Server::receive(ring::Slice slice, std::uint64_t now_ms) {
  now_ms_ = now_ms;
  session_.receive(slice, now_ms);
}

// What the session tells. It is noted down.

H2Stream* H2Server::head_begins(std::int32_t, H2Stream* stream) {
  reader_.start();
  if (stream != nullptr) return stream;  // trailers
  if (free_.empty()) {
    all_.push_back(std::make_unique<Request>(*this, pool_));
    free_.push_back(all_.back().get());
  }
  Request* const request = free_.back();
  free_.pop_back();
  request->used = true;
  ++open_;
  ++requests_seen_;
  return request;
}

bool H2Server::field(H2Stream& stream, std::string_view name, std::string_view value) {
  auto& request = static_cast<Request&>(stream);
  if (request.phase == Request::Phase::head) {
    reader_.request_field(request.head, name, value);
  } else {
    reader_.trailer_field(request.trailers, name, value);
  }
  return !reader_.flooded();
}

void H2Server::head_ends(H2Stream& stream, bool last) {
  auto& request = static_cast<Request&>(stream);
  request.ended = last;
  if (request.phase != Request::Phase::head) {
    if (reader_.trailers_end() != H2Fault::none) session_.reset(request, NGHTTP2_PROTOCOL_ERROR);
    return changed(request);
  }
  request.phase = Request::Phase::ready;
  request.has_body = !last;
  request.received_ms = now_ms_;
  request.fault = reader_.request_end(request.head, last);
  if (request.fault == H2Fault::malformed) {
    session_.reset(request, NGHTTP2_PROTOCOL_ERROR);
    request.left = request.discarding = true;
  }
  if (requests_seen_ >= plan_.max_requests) shut_down();
  changed(request);
}

void H2Server::body(H2Stream& stream, ring::Slice slice) {
  auto& request = static_cast<Request&>(stream);
  if (request.discarding) {
    if (request.lingering) {
      session_.consume_connection(slice.length);
    } else {
      session_.consume(request, slice.length);
    }
    return pool_.release(slice);
  }
  request.received_ms = now_ms_;
  request.incoming.push(slice);
  changed(request);
}

void H2Server::incoming_ends(H2Stream& stream) {
  auto& request = static_cast<Request&>(stream);
  request.ended = true;
  changed(request);
}

/// RFC 9113 §8.1: who has answered wholly may ask the visitor to stop sending, by a reset with
/// NO_ERROR. Some clients take that for a failure of the answer (curl before 8), and most stop by
/// themselves: so the stream's window stays shut, and the reset comes later (time_out_bodies).
void H2Server::outgoing_ends(H2Stream& stream) {
  auto& request = static_cast<Request&>(stream);
  if (request.ended) return;
  request.lingering = true;
  request.received_ms = now_ms_;
}

void H2Server::drained(H2Stream& stream) {
  auto& request = static_cast<Request&>(stream);
  request.writable_again = true;
  changed(request);
}

void H2Server::closed(H2Stream& stream, std::uint32_t) {
  auto& request = static_cast<Request&>(stream);
  if (!request.used || request.closed) return;  // broken off before
  request.closed = true;
  session_.discard(request);
  request.outgoing.clear();
  changed(request);
}

/// The visitor has seen the first GOAWAY: what he opened before it is here, so the second one cuts
/// nothing off (RFC 9113 §6.8).
void H2Server::ping_answered() {
  if (!shutting_down_ || shutdown_finished_) return;
  shutdown_finished_ = true;
  session_.finish_shutdown();
}

void H2Server::changed(Request& request) {
  if (request.changed) return;
  request.changed = true;
  changed_.push_back(&request);
  requests_.needs_turn();
}

// What exchanges are told.

void H2Server::deliver() {
  if (session_.finished() && open_ != 0) lost();
  while (!changed_.empty()) {
    std::swap(changed_, batch_);
    for (Request* const request : batch_) {
      request->changed = false;
      deliver(*request);
    }
    batch_.clear();
  }
}

void H2Server::deliver(Request& request) {
  if (!request.used) return;
  if (request.closed) {
    ExchangeEvents* const exchange = std::exchange(request.exchange, nullptr);
    request.left = true;
    if (exchange != nullptr) exchange->client_broken(Broken::gone);
    return recycle(request);
  }
  if (request.left) return;
  if (request.phase == Request::Phase::ready) begin(request);
  if (request.phase != Request::Phase::begun) return;
  deliver_body(request);
  if (request.writable_again && request.exchange != nullptr) {
    request.writable_again = false;
    request.exchange->client_writable();
  }
}

void H2Server::begin(Request& request) {
  request.phase = Request::Phase::begun;
  ExchangeEvents* exchange = nullptr;
  if (request.fault == H2Fault::none) {
    request.continue_owed = request.has_body && request.head.expect_continue;
    exchange = requests_.begin_request(request, request.head, request.has_body);
  } else {
    request.discard_request();
    const bool target = request.fault == H2Fault::target_too_long;
    exchange = requests_.refuse_request(request, request.head, target ? 414 : 431,
                                        target ? "target too long" : "head too large");
  }
  if (request.left) return;  // answered within the call
  request.exchange = exchange;
  if (exchange == nullptr) {
    session_.reset(request, NGHTTP2_REFUSED_STREAM);
    request.left = request.discarding = true;
  }
}

void H2Server::deliver_body(Request& request) {
  if (request.continue_owed && request.exchange != nullptr && !request.paused &&
      !request.discarding) {
    request.continue_owed = false;
    if (request.incoming.empty() && !request.ended) send_continue(request);
  }
  while (request.exchange != nullptr && !request.paused && !request.incoming.empty()) {
    const ring::Slice slice = request.incoming.pop();
    session_.consume(request, slice.length);
    request.exchange->request_body(slice);
  }
  if (request.exchange == nullptr || request.paused || !request.incoming.empty()) return;
  if (!request.ended || request.end_told || !request.has_body || request.discarding) return;
  request.end_told = true;
  request.exchange->request_end(request.trailers.size() != 0 ? &request.trailers : nullptr);
}

void H2Server::send_continue(Request& request) {
  http::ResponseHead head;
  head.status = 100;
  request.respond(head, true);
}

void H2Server::recycle(Request& request) {
  CHECK(open_ != 0);
  --open_;
  request.reset();
  free_.push_back(&request);
}

void H2Server::shut_down() noexcept {
  if (shutting_down_) return;
  shutting_down_ = true;
  session_.announce_shutdown();
  session_.ping();
  requests_.needs_turn();
}

std::uint32_t H2Server::time_out_bodies(std::uint64_t now_ms, std::uint32_t after_ms) noexcept {
  now_ms_ = now_ms;
  const bool held_up = !session_.window_open();  // by others of his streams
  std::uint32_t count = 0;
  for (const auto& each : all_) {
    Request& request = *each;
    if (request.lingering && !request.closed && now_ms >= request.received_ms + kLingerMs) {
      session_.reset(request, NGHTTP2_NO_ERROR);
      requests_.needs_turn();
    }
    const bool awaited = request.used && request.exchange != nullptr && request.has_body &&
                         !request.ended && !request.paused && !request.discarding &&
                         !request.tunnel && !request.closed;
    if (!awaited || held_up || now_ms < request.received_ms + after_ms) continue;
    session_.reset(request, NGHTTP2_CANCEL);
    ++count;
  }
  if (count != 0) requests_.needs_turn();
  return count;
}

std::size_t H2Server::octets_waiting() const noexcept {
  std::size_t octets = 0;
  for (const auto& request : all_) octets += request->outgoing.octets();
  return octets;
}

std::size_t H2Server::buffers_waiting() const noexcept {
  std::size_t buffers = 0;
  for (const auto& request : all_) buffers += request->outgoing.slices();
  return buffers;
}

void H2Server::condemn(std::uint32_t error) noexcept {
  session_.condemn(error);
  break_off();
}

void H2Server::lost() noexcept {
  session_.abandon();
  break_off();
}

void H2Server::break_off() noexcept {
  for (const auto& request : all_) {
    if (!request->used || request->closed) continue;
    request->closed = true;
    changed(*request);
  }
}

}  // namespace sallyport::http_door
