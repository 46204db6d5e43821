#include "engine/http/h1_upstream.h"

#include <algorithm>
#include <utility>

#include "engine/http/door.h"
#include "engine/http/upstream_pool.h"
#include "protocol/check.h"
#include "protocol/http/field_text.h"
#include "protocol/http/h1_parser.h"
#include "protocol/http/head_writer.h"

namespace sallyport::http_door {

Broken why_not_connected(ring::StreamError error) noexcept {
  switch (error) {
    case ring::StreamError::refused:
    case ring::StreamError::unreachable: return Broken::refused;
    case ring::StreamError::timed_out: return Broken::connect_timeout;
    case ring::StreamError::tls_handshake:
    case ring::StreamError::tls_certificate: return Broken::tls;
    case ring::StreamError::none:
    case ring::StreamError::reset:
    case ring::StreamError::truncated:
    case ring::StreamError::no_buffers:
    case ring::StreamError::other: return Broken::reset;
  }
  return Broken::reset;
}

void explain_tls(Door& door, UpstreamPool& pool, std::uint32_t server, ring::StreamId stream) {
  if (std::string text = door.streams().tls_error_text(stream); !text.empty()) {
    pool.servers().explain(server, std::move(text));
  }
}

H1Upstream::H1Upstream(Door& door, std::shared_ptr<UpstreamPool> pool, std::uint32_t server,
                       ring::StreamId stream)
    : door_(door), pool_(std::move(pool)), server_(server), stream_(stream) {}

H1Upstream::~H1Upstream() = default;

void H1Upstream::use(ExchangeEvents& exchange) noexcept {
  exchange_ = &exchange;
  reused_ = connected_;
  answered_ = request_done_ = chunked_ = keep_ = paused_ = was_full_ = false;
}

bool H1Upstream::usable() const noexcept {
  return state_ == State::idle && !ended_ && door_.streams().received_total(stream_) == 0;
}

// --- Connection ------------------------------------------------------------------------------

void H1Upstream::stream_event(const ring::StreamEvent& event) {
  switch (event.kind) {
    case ring::StreamEventKind::accepted: break;
    case ring::StreamEventKind::connected:
      connected_ = true;
      if (exchange_ != nullptr && std::exchange(was_full_, false)) exchange_->upstream_writable();
      break;
    case ring::StreamEventKind::received: read_answer(); break;
    case ring::StreamEventKind::drained:
      if (exchange_ != nullptr && std::exchange(was_full_, false)) exchange_->upstream_writable();
      break;
    case ring::StreamEventKind::ended:
      ended_ = true;
      read_answer();
      if (state_ != State::closed && !paused_) ended();
      break;
    case ring::StreamEventKind::failed:
      ended_ = true;
      if (!connected_) explain_tls(door_, *pool_, server_, stream_);
      broken(connected_ ? why_ended() : why_not_connected(event.error));
      break;
  }
}

Broken H1Upstream::why_ended() const noexcept {
  if (state_ != State::head) return Broken::reset;
  // With the first octet an answer has begun: nobody else is asked, and half a head is no answer.
  if (answered_) return Broken::bad_message;
  return reused_ ? Broken::stale : Broken::reset;
}

void H1Upstream::ended() {
  switch (state_) {
    case State::idle: return close();
    case State::head: return broken(why_ended());
    case State::body:
      if (body_.may_close()) return answer_complete(nullptr);
      return broken(Broken::reset);
    case State::tunnel: return answer_complete(nullptr);
    case State::complete:
    case State::closed: return;
  }
}

void H1Upstream::timer(std::uint64_t now_ms) {
  armed_ms_ = 0;
  if (state_ != State::idle) return;
  const std::uint64_t until_ms = idle_since_ms_ + pool_->settings().config.idle_timeout_ms;
  if (now_ms >= until_ms) return close();
  armed_ms_ = until_ms;
  door_.set_timer(stream_, until_ms);
}

void H1Upstream::drain() {
  if (state_ == State::idle) close();
}

// --- The request -----------------------------------------------------------------------------

void H1Upstream::request(const http::RequestHead& head, bool body) {
  method_ = head.method;
  state_ = State::head;
  request_done_ = !body;
  protocol_ = head.protocol;
  last_ = !head.keep_alive;
  chunked_ = body && !head.content_length;
  const std::size_t octets = http::write_request_head(head, door_.scratch());
  CHECK(octets > 0);  // the exchange has measured it (Door::kMostHeadOctets)
  door_.streams().send(stream_, Octets(door_.scratch()).first(octets));
}

void H1Upstream::request_body(ring::Slice slice) {
  ring::Streams& streams = door_.streams();
  if (state_ == State::closed) return door_.buffers().release(slice);
  if (!chunked_) return streams.send(stream_, slice);
  std::uint8_t line[http::kMaxChunkLineOctets];
  streams.send(stream_, Octets(line).first(http::write_chunk_line(slice.length, line)));
  streams.send(stream_, slice);
  streams.send(stream_, as_octets(http::kChunkEnd));
}

void H1Upstream::request_end(const http::Fields* trailers) {
  ring::Streams& streams = door_.streams();
  if (state_ == State::closed) return;
  request_done_ = true;
  if (state_ == State::tunnel) return streams.end(stream_);
  if (!chunked_) return;
  const std::size_t octets =
      trailers == nullptr ? 0 : http::write_last_chunk(*trailers, door_.scratch());
  streams.send(stream_,
               octets == 0 ? as_octets(http::kLastChunk) : Octets(door_.scratch()).first(octets));
}

bool H1Upstream::writable() const noexcept {
  if (connected_ && door_.streams().writable(stream_)) return true;
  const_cast<H1Upstream*>(this)->was_full_ = true;
  return false;
}

// --- The answer ------------------------------------------------------------------------------

void H1Upstream::read_answer() {
  if (std::exchange(reading_, true)) return;
  for (bool more = true; more;) {
    switch (state_) {
      case State::idle:  // it speaks without being asked: a time-out's 408, or nonsense
        if (door_.streams().received_total(stream_) > 0) close();
        more = false;
        break;
      case State::head: more = read_head(); break;
      case State::body:
      case State::tunnel: more = read_body(); break;
      case State::complete:
      case State::closed: more = false; break;
    }
  }
  reading_ = false;
}

bool H1Upstream::read_head() {
  ring::Streams& streams = door_.streams();
  if (streams.received(stream_).empty() || paused_) return false;
  answered_ = true;
  const http::Limits& limits = door_.settings().limits;
  const http::ParsedHead parsed = head_octets_.read(
      streams, stream_, door_.buffers().octets_each(), limits,
      [&](Octets octets, std::size_t searched) {
        return http::parse_response_head(octets, limits, method_, head_, searched);
      });
  if (parsed.state == http::Parse::need_more) return false;
  if (parsed.state == http::Parse::bad || !switches_rightly()) {
    broken(Broken::bad_message);
    return false;
  }
  streams.consume(stream_, parsed.consumed);
  if (head_.interim()) {
    exchange_->response_head(head_);
    return true;
  }
  keep_ = head_.keep_alive && !last_ && head_.framing != http::Framing::until_close;
  body_.start(head_.framing, head_.content_length.value_or(0));
  state_ = head_.framing == http::Framing::tunnel ? State::tunnel : State::body;
  exchange_->response_head(head_);
  if (state_ != State::body) return state_ == State::tunnel;
  if (!body_.ended()) return true;
  answer_complete(nullptr);
  return false;
}

/// A switch that was not asked for, or to another protocol, would make a tunnel past all that is
/// decided for a request (RFC 9110 §7.8).
bool H1Upstream::switches_rightly() const noexcept {
  if (head_.framing != http::Framing::tunnel) return true;
  return !protocol_.empty() && head_.fields.count(http::FieldName::upgrade) == 1 &&
         http::equal_ignoring_case(*head_.fields.find(http::FieldName::upgrade), protocol_);
}

bool H1Upstream::read_body() {
  if (paused_) return false;
  ring::Streams& streams = door_.streams();
  const http::BodyReader::Step found = body_.next(streams.received(stream_));
  if (found.skip > 0) streams.consume(stream_, found.skip);
  switch (found.kind) {
    case http::BodyReader::Kind::data:
      exchange_->response_body(streams.take(stream_, found.length));
      if (state_ != State::body && state_ != State::tunnel) return false;
      if (!body_.ended()) return true;
      answer_complete(nullptr);
      return false;
    case http::BodyReader::Kind::need_more:
      return found.skip > 0 && !streams.received(stream_).empty();
    case http::BodyReader::Kind::end:
      answer_complete(body_.trailers().size() > 0 ? &body_.trailers() : nullptr);
      return false;
    case http::BodyReader::Kind::bad: broken(Broken::bad_message); return false;
  }
  return false;
}

void H1Upstream::answer_complete(const http::Fields* trailers) {
  state_ = State::complete;
  exchange_->response_end(trailers);
}

void H1Upstream::pause_response() {
  if (!std::exchange(paused_, true)) door_.streams().pause(stream_);
}

void H1Upstream::resume_response() {
  if (!std::exchange(paused_, false)) return;
  door_.streams().resume(stream_);
  read_answer();
  if (ended_ && !paused_ && state_ != State::closed) ended();
}

// --- Ends ------------------------------------------------------------------------------------

void H1Upstream::release() {
  exchange_ = nullptr;
  const bool reusable = state_ == State::complete && request_done_ && keep_ && !ended_ &&
                        door_.streams().received_total(stream_) == 0 && !door_.draining();
  if (!reusable) return close();
  state_ = State::idle;
  if (std::exchange(paused_, false)) door_.streams().resume(stream_);
  idle_since_ms_ = door_.now_ms();
  pool_->keep(*this);
  if (state_ != State::idle || armed_ms_ != 0) return;
  armed_ms_ = idle_since_ms_ + pool_->settings().config.idle_timeout_ms;
  door_.set_timer(stream_, armed_ms_);
}

void H1Upstream::broken(Broken why) {
  ExchangeEvents* const exchange = std::exchange(exchange_, nullptr);
  close();
  if (exchange != nullptr) exchange->upstream_broken(why);
}

void H1Upstream::close() {
  if (state_ == State::closed) return;
  const bool clean = state_ == State::complete || state_ == State::idle;
  state_ = State::closed;
  if (clean) {
    door_.streams().close(stream_);
  } else {
    door_.streams().abort(stream_);
  }
  door_.detach(stream_);
  pool_->forget(*this);
  door_.bury(std::unique_ptr<Connection>(this));
}

}  // namespace sallyport::http_door
