#include "engine/http/h1_visitor.h"

#include <algorithm>
#include <utility>

#include "engine/http/door.h"
#include "engine/http/exchange.h"
#include "protocol/check.h"
#include "protocol/http/h1_parser.h"
#include "protocol/http/head_writer.h"

namespace sallyport::http_door {
namespace {

/// Octets of later requests that may wait while one is answered (pipelining).
constexpr std::size_t kMaxPipelined = 16 * 1024;
/// Of one connection, so that nobody takes all exchanges of a turn.
constexpr std::uint32_t kMaxRequestsATurn = 64;
constexpr std::uint64_t kNextLookMs = 1;

}  // namespace

H1Visitor::H1Visitor(Door& door, ring::StreamId stream, const Peer& peer)
    : door_(door), stream_(stream), peer_(peer), since_ms_(door.now_ms()) {}

void H1Visitor::begin() {
  schedule();
  read();
}

// --- What comes ------------------------------------------------------------------------------

void H1Visitor::stream_event(const ring::StreamEvent& event) {
  switch (event.kind) {
    case ring::StreamEventKind::accepted:
    case ring::StreamEventKind::connected: break;
    case ring::StreamEventKind::received: read(); break;
    case ring::StreamEventKind::drained:
      if (!std::exchange(was_full_, false)) break;
      if (exchange_ != nullptr) exchange_->client_writable();
      if (state_ == State::idle || state_ == State::head) go_on();
      break;
    case ring::StreamEventKind::ended:
      if (state_ == State::closed) break;
      if (tunnel_ && exchange_ != nullptr) {
        ended_ = true;  // told behind what has come before it, which may have to wait
        read();
      } else {
        // He who sends no more reads no more, as far as web browsers go: nobody waits for the rest.
        close();
      }
      break;
    case ring::StreamEventKind::failed: close(); break;
  }
}

void H1Visitor::read() {
  if (std::exchange(reading_, true)) return;
  for (bool more = true; more;) {
    switch (state_) {
      case State::idle:
      case State::head: more = read_head(); break;
      case State::body: more = read_body(); break;
      case State::complete: more = hold_requests(); break;
      case State::closed: more = false; break;
    }
  }
  reading_ = false;
}

bool H1Visitor::read_head() {
  ring::Streams& streams = door_.streams();
  if (streams.received(stream_).empty()) return false;
  // Who takes no answers gets no more of them. (`drained` goes on.)
  if (!writable()) return hold_requests();
  // What has ended in this turn is free with the next one.
  const bool others_turn = turn_ == door_.turn_number() && turn_requests_ == kMaxRequestsATurn;
  Exchange* const free = others_turn ? nullptr : door_.try_new_exchange();
  if (free == nullptr) {
    armed_ms_ = door_.now_ms() + kNextLookMs;
    door_.set_timer(stream_, armed_ms_);
    return hold_requests();
  }
  Exchange& exchange = *free;
  const http::Limits& limits = door_.settings().limits;
  if (state_ == State::idle) {
    state_ = State::head;
    since_ms_ = door_.now_ms();
  }
  const http::ParsedHead parsed = head_octets_.read(
      streams, stream_, door_.buffers().octets_each(), limits,
      [&](Octets octets, std::size_t searched) {
        return http::parse_request_head(octets, limits, exchange.request(), searched);
      });
  switch (parsed.state) {
    case http::Parse::need_more:
      door_.recycle(exchange);
      schedule();
      return false;
    case http::Parse::bad:
      door_.recycle(exchange);
      refuse(parsed.refusal.status);
      return false;
    case http::Parse::done: break;
  }
  streams.consume(stream_, parsed.consumed);
  const http::RequestHead& head = exchange.request();
  ++requests_;
  if (turn_ != door_.turn_number()) turn_requests_ = 0;
  turn_ = door_.turn_number();
  ++turn_requests_;
  http_1_0_ = head.minor_version == 0;
  keep_alive_ = head.keep_alive && requests_ < door_.settings().config.max_requests_per_connection;
  continue_owed_ = head.expect_continue && !http_1_0_;
  tunnel_ = chunked_ = until_close_ = paused_ = was_full_ = discarding_ = answering_ = false;
  body_.start(head.framing, head.content_length.value_or(0));
  const bool body = !body_.ended();
  state_ = body ? State::body : State::complete;
  since_ms_ = door_.now_ms();
  exchange_ = &exchange;
  exchange.begin(*this, peer_, body);
  schedule();
  return true;
}

/// Requests wait in the kernel, but for some. Always false.
bool H1Visitor::hold_requests() {
  if (door_.streams().received_total(stream_) > kMaxPipelined) door_.streams().pause(stream_);
  return false;
}

void H1Visitor::go_on() {
  door_.streams().resume(stream_);
  read();
}

bool H1Visitor::read_body() {
  if (paused_ || exchange_ == nullptr) return false;
  ring::Streams& streams = door_.streams();
  if (std::exchange(continue_owed_, false)) {
    streams.send(stream_, as_octets("HTTP/1.1 100 Continue\r\n\r\n"));
  }
  const Octets octets = streams.received(stream_);
  const http::BodyReader::Step found = body_.next(octets);
  if (found.skip > 0) streams.consume(stream_, found.skip);
  switch (found.kind) {
    case http::BodyReader::Kind::data: {
      since_ms_ = door_.now_ms();
      const ring::Slice slice = streams.take(stream_, found.length);
      if (discarding_) {
        door_.buffers().release(slice);
      } else {
        exchange_->request_body(slice);
      }
      if (state_ == State::body && body_.ended()) break;
      return state_ == State::body || state_ == State::idle;
    }
    case http::BodyReader::Kind::need_more:
      if (tunnel_ && streams.received_total(stream_) == 0 && std::exchange(ended_, false)) {
        exchange_->request_end(nullptr);
        return false;
      }
      schedule();
      return found.skip > 0 && !streams.received(stream_).empty();
    case http::BodyReader::Kind::end: break;
    case http::BodyReader::Kind::bad: refuse(400); return false;
  }
  state_ = State::complete;
  if (exchange_ != nullptr && !discarding_) {
    exchange_->request_end(body_.trailers().size() > 0 ? &body_.trailers() : nullptr);
  }
  return true;
}

// --- The answer ------------------------------------------------------------------------------

void H1Visitor::respond(http::ResponseHead& head, bool body) {
  ring::Streams& streams = door_.streams();
  if (head.interim() && http_1_0_) return;
  if (!head.interim()) {
    answering_ = true;
    if (head.framing == http::Framing::tunnel) {
      tunnel_ = true;
      body_.start(http::Framing::tunnel, 0);
      state_ = State::body;
    } else if (body && head.framing != http::Framing::length && !head.content_length) {
      chunked_ = !http_1_0_;
      until_close_ = http_1_0_;
      head.framing = chunked_ ? http::Framing::chunked : http::Framing::until_close;
    } else if (!body && !head.content_length && head.status >= 200 && head.status != 204 &&
               head.status != 304 && exchange_->request().method != http::Method::head) {
      // HTTP/2 ends an answer without saying how long it was; he would wait for us to close.
      head.content_length = 0;
    }
    // With a body that nobody will read there is no next request.
    if (continue_owed_ || discarding_ || until_close_ || door_.parting()) keep_alive_ = false;
    head.keep_alive = keep_alive_;
    if (keep_alive_ && http_1_0_) head.fields.add("Connection", "keep-alive");
  }
  const std::size_t octets = http::write_response_head(head, door_.scratch());
  CHECK(octets > 0);  // the exchange has measured it (Door::kMostHeadOctets)
  streams.send(stream_, Octets(door_.scratch()).first(octets));
  if (tunnel_) {
    // What came right behind the request has waited, and perhaps held the visitor up.
    streams.resume(stream_);
    read();
  }
}

void H1Visitor::respond_body(ring::Slice slice) {
  ring::Streams& streams = door_.streams();
  if (state_ == State::closed) return door_.buffers().release(slice);
  if (!chunked_) return streams.send(stream_, slice);
  std::uint8_t line[http::kMaxChunkLineOctets];
  streams.send(stream_, Octets(line).first(http::write_chunk_line(slice.length, line)));
  streams.send(stream_, slice);
  streams.send(stream_, as_octets(http::kChunkEnd));
}

void H1Visitor::respond_end(const http::Fields* trailers) {
  ring::Streams& streams = door_.streams();
  exchange_ = nullptr;
  if (state_ == State::closed) return;
  if (chunked_) {
    const std::size_t octets =
        trailers == nullptr ? 0 : http::write_last_chunk(*trailers, door_.scratch());
    streams.send(stream_,
                 octets == 0 ? as_octets(http::kLastChunk) : Octets(door_.scratch()).first(octets));
  }
  answering_ = false;
  if (state_ == State::complete && keep_alive_ && !until_close_ && !tunnel_) {
    next_request();
  } else {
    close();  // what he still sends is dropped (Streams::close)
  }
}

void H1Visitor::next_request() {
  state_ = State::idle;
  since_ms_ = door_.now_ms();
  door_.streams().resume(stream_);
  if (door_.draining()) return close();
  schedule();
  read();
}

void H1Visitor::abort() {
  exchange_ = nullptr;
  if (state_ == State::closed) return;
  door_.streams().abort(stream_);
  state_ = State::closed;
  door_.visitor_gone();
  door_.detach(stream_);
  door_.bury(std::unique_ptr<Connection>(this));
}

bool H1Visitor::writable() const noexcept {
  if (door_.streams().writable(stream_)) return true;
  const_cast<H1Visitor*>(this)->was_full_ = true;
  return false;
}

void H1Visitor::pause_request() {
  if (std::exchange(paused_, true)) return;
  door_.streams().pause(stream_);
}

void H1Visitor::resume_request() {
  if (!std::exchange(paused_, false)) return;
  since_ms_ = door_.now_ms();
  door_.streams().resume(stream_);
  read();
}

void H1Visitor::discard_request() {
  if (state_ == State::body) discarding_ = true;
}

// --- Ends ------------------------------------------------------------------------------------

void H1Visitor::refuse(std::uint16_t status) {
  door_.counts().bad_requests.add();
  if (Exchange* const under_way = std::exchange(exchange_, nullptr)) {
    under_way->client_broken(Broken::bad_message);
    if (answering_) return abort();
  }
  keep_alive_ = false;
  continue_owed_ = false;
  state_ = State::body;  // nothing more of it is read
  discarding_ = true;
  Exchange* const exchange = door_.try_new_exchange();
  if (exchange == nullptr) return abort();
  exchange_ = exchange;
  exchange->refuse(*this, peer_, status);
}

void H1Visitor::close() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  door_.visitor_gone();
  door_.streams().close(stream_);
  door_.detach(stream_);
  if (Exchange* const under_way = std::exchange(exchange_, nullptr)) {
    under_way->client_broken(Broken::gone);
  }
  door_.bury(std::unique_ptr<Connection>(this));
}

void H1Visitor::drain() {
  if (state_ == State::idle) close();
}

// --- Time ------------------------------------------------------------------------------------

void H1Visitor::schedule() {
  const config::Http& config = door_.settings().config;
  std::uint64_t after_ms = config.send_timeout_ms;
  switch (state_) {
    case State::idle: after_ms = config.keep_alive_timeout_ms; break;
    case State::head: after_ms = config.header_timeout_ms; break;
    case State::body:
      if (!tunnel_) after_ms = std::min(config.body_timeout_ms, config.send_timeout_ms);
      break;
    case State::complete: break;
    case State::closed: return;
  }
  const std::uint64_t at_ms =
      (state_ == State::complete || tunnel_ ? door_.now_ms() : since_ms_) + after_ms;
  if (armed_ms_ != 0 && armed_ms_ <= at_ms) return;
  armed_ms_ = at_ms;
  door_.set_timer(stream_, at_ms);
}

void H1Visitor::timer(std::uint64_t now_ms) {
  armed_ms_ = 0;
  const config::Http& config = door_.settings().config;
  const std::uint64_t waited_ms = now_ms - since_ms_;
  switch (state_) {
    case State::idle:
      if (waited_ms >= config.keep_alive_timeout_ms) return close();
      go_on();
      break;
    case State::head:
      // As long as answers wait for him, his octets wait for us.
      if (waited_ms >= config.header_timeout_ms && door_.streams().writable(stream_)) {
        door_.counts().timeouts.add();
        return refuse(408);
      }
      go_on();
      break;
    case State::body:
      if (tunnel_ || paused_ || waited_ms < config.body_timeout_ms) break;
      door_.counts().timeouts.add();
      return refuse(408);
    case State::complete: break;
    case State::closed: return;
  }
  if (state_ == State::closed) return;
  ring::Streams& streams = door_.streams();
  const bool stuck = streams.unsent(stream_) > 0 &&
                     now_ms - streams.progress_ms(stream_) >= config.send_timeout_ms;
  if (stuck && state_ != State::idle) {
    door_.counts().timeouts.add();
    if (Exchange* const under_way = std::exchange(exchange_, nullptr)) {
      under_way->client_broken(Broken::timed_out);
    }
    return abort();
  }
  schedule();
}

}  // namespace sallyport::http_door
