#include "engine/http/h2_client.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <openssl/base64.h>
#include <openssl/sha.h>

#include "protocol/check.h"

namespace sallyport::http_door {
namespace {

/// Interim answers that may wait for one turn, or come before one final answer.
constexpr std::size_t kMaxInterim = 16;
/// The connection's window is that of so many streams more than are open, so that a stream which a
/// slow visitor holds up holds up no other.
constexpr std::uint32_t kSpareStreams = 4;

H2Windows windows(const H2ClientPlan& plan) {
  return {.connection = kSpareStreams * kH2StreamWindow,
          .max_streams = 0,
          .max_header_octets = plan.head.max_head_octets};
}

Broken why_closed(std::uint32_t error) noexcept {
  switch (error) {
    case NGHTTP2_REFUSED_STREAM:
    case NGHTTP2_HTTP_1_1_REQUIRED:
      return Broken::not_processed;  // RFC 9113 §8.7
    // What nghttp2 finds wrong with an answer, it resets with one of these.
    case NGHTTP2_PROTOCOL_ERROR:
    case NGHTTP2_FLOW_CONTROL_ERROR:
    case NGHTTP2_FRAME_SIZE_ERROR: return Broken::bad_message;
    default: return Broken::reset;
  }
}

/// RFC 6455 §4.2.2: SHA-1 of the key and a constant, in base64. HTTP/2's handshake has none, so the
/// server's is made up for a visitor who waits for it.
std::string accept_of(std::string_view key) {
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest;
  std::string text(key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  SHA1(as_octets(text).data(), text.size(), digest.data());
  std::array<std::uint8_t, 4 * (SHA_DIGEST_LENGTH + 2) / 3 + 1> encoded;
  const std::size_t size = EVP_EncodeBlock(encoded.data(), digest.data(), digest.size());
  return std::string(as_text(Octets(encoded).first(size)));
}

}  // namespace

/// One stream. In the list of free ones; or an exchange's, or the session's, or both; put back when
/// both have left it.
class H2Client::Request final : public H2Stream, public UpstreamSide {
 public:
  Request(H2Client& client, ring::BufferPool& pool) : H2Stream(pool), client_(client) {}

  http::ResponseHead head;
  std::vector<http::ResponseHead> interim;  ///< not told yet
  http::Fields trailers;
  std::optional<http::RequestHead> held;  ///< an upgrade, until the server's settings are known
  http::Method method = http::Method::other;
  std::string protocol;  ///< of an upgrade
  std::string accept;    ///< for its 101
  ExchangeEvents* exchange = nullptr;
  Broken broken = Broken::none;
  bool used = false;       ///< not in the list of free ones
  bool changed = false;    ///< in changed_
  bool submitted = false;  ///< the session knows it, until `closed`
  bool closed = false;
  bool reused = false;         ///< the connection had served others before
  bool head_complete = false;  ///< the final one
  bool head_told = false;
  bool ended = false;  ///< END_STREAM has come
  bool end_told = false;
  bool paused = false;
  bool released = false;  ///< by the exchange, or it was told that this has broken off
  bool writable_again = false;

  void reset() {
    reset_stream();
    head.reset();
    interim.clear();
    trailers.reset();
    held.reset();
    protocol.clear();
    accept.clear();
    exchange = nullptr;
    broken = Broken::none;
    used = changed = submitted = closed = reused = head_complete = false;
    head_told = ended = end_told = paused = released = writable_again = false;
  }

  void fail(Broken why) {
    if (broken == Broken::none) broken = why;
    client_.changed(*this);
  }

  // UpstreamSide.
  void request(const http::RequestHead& request_head, bool body) override;
  void request_body(ring::Slice slice) override;
  void request_end(const http::Fields* request_trailers) override;
  void release() override;
  [[nodiscard]] bool writable() const noexcept override { return client_.connected_ && !full; }
  void pause_response() override { paused = true; }
  void resume_response() override;

 private:
  [[nodiscard]] bool alive() const noexcept { return submitted && !closed && !released; }

  H2Client& client_;
};

void H2Client::Request::request(const http::RequestHead& request_head, bool body) {
  CHECK(!submitted && !released);
  method = request_head.method;
  const bool upgrade = !request_head.protocol.empty();
  // RFC 8441 §3: only a server that has said so takes an extended CONNECT.
  if (upgrade && !client_.lost_ && !client_.session_.remote_settings_known()) {
    held = request_head;
    client_.holding_ = true;
    return;
  }
  if (upgrade && client_.session_.remote_setting(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) != 1) {
    return fail(Broken::not_processed);
  }
  if (upgrade) {
    protocol = request_head.protocol;
    if (const auto key = request_head.fields.find("sec-websocket-key")) accept = accept_of(*key);
  }
  const auto fields = client_.writer_.request(request_head, client_.plan_.scheme);
  if (client_.lost_ || !client_.session_.submit_request(*this, fields, body || upgrade)) {
    return fail(Broken::not_processed);
  }
  submitted = true;
  reused = client_.used_;
  if (!body && !upgrade) outgoing_end = true;
  client_.session_.grow_window((client_.open_ + kSpareStreams) * kH2StreamWindow);
  client_.owner_.needs_turn();
}

void H2Client::Request::request_body(ring::Slice slice) {
  if (!alive()) return client_.pool_.release(slice);
  client_.session_.send_body(*this, slice);
  client_.owner_.needs_turn();
}

void H2Client::Request::request_end(const http::Fields* request_trailers) {
  if (!alive()) return;
  client_.session_.send_end(*this, request_trailers);
  client_.owner_.needs_turn();
}

void H2Client::Request::release() {
  if (released) return;
  released = true;
  exchange = nullptr;
  if (submitted && !closed) {
    client_.session_.discard(*this);
    // With both messages complete the stream closes by itself once ours has gone out.
    if (!ended || !outgoing_end) client_.session_.reset(*this, NGHTTP2_CANCEL);
  }
  client_.changed(*this);
}

void H2Client::Request::resume_response() {
  if (!std::exchange(paused, false)) return;
  client_.changed(*this);
}

H2Client::H2Client(ring::BufferPool& pool, H2ClientOwner& owner, const H2ClientPlan& plan)
    : pool_(pool),
      owner_(owner),
      plan_(plan),
      session_(H2Session::Role::client, pool, *this, windows(plan)),
      reader_(plan.head) {}

H2Client::~H2Client() = default;

bool H2Client::can_open() const noexcept {
  const std::uint32_t allowed =
      std::min(plan_.max_streams, session_.remote_setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS));
  return !lost_ && !going_away_ && open_ < allowed && session_.may_request();
}

UpstreamSide& H2Client::open(ExchangeEvents& exchange) {
  if (free_.empty()) {
    all_.push_back(std::make_unique<Request>(*this, pool_));
    free_.push_back(all_.back().get());
  }
  Request& request = *free_.back();
  free_.pop_back();
  request.used = true;
  request.exchange = &exchange;
  ++open_;
  return request;
}

void H2Client::connected() {
  connected_ = true;
  for (const auto& request : all_) {
    if (!request->used || request->released) continue;
    request->writable_again = true;
    changed(*request);
  }
}

void H2Client::receive(ring::Slice slice, std::uint64_t now_ms) {
  session_.receive(slice, now_ms);
  if (!holding_ || !session_.remote_settings_known()) return;
  holding_ = false;
  for (const auto& request : all_) {
    const auto head = std::exchange(request->held, std::nullopt);
    if (head && !request->released) request->request(*head, false);
  }
}

// What the session tells. It is noted down.

H2Stream* H2Client::head_begins(std::int32_t, H2Stream* stream) {
  reader_.start();
  if (stream == nullptr) return nullptr;
  auto& request = static_cast<Request&>(*stream);
  if (!request.head_complete) request.head.reset();
  return stream;
}

bool H2Client::field(H2Stream& stream, std::string_view name, std::string_view value) {
  auto& request = static_cast<Request&>(stream);
  if (request.head_complete) {
    reader_.trailer_field(request.trailers, name, value);
  } else {
    reader_.response_field(request.head, name, value);
  }
  return !reader_.flooded();
}

void H2Client::head_ends(H2Stream& stream, bool last) {
  auto& request = static_cast<Request&>(stream);
  used_ = true;
  if (request.head_complete) {
    if (reader_.trailers_end() != H2Fault::none) return bad_message(request);
    request.ended = last;
    return changed(request);
  }
  if (reader_.response_end(request.head, request.method, last) != H2Fault::none)
    return bad_message(request);
  if (request.head.interim()) {
    if (request.interim.size() == kMaxInterim) return bad_message(request);
    request.interim.push_back(request.head);
    return changed(request);
  }
  request.head_complete = true;
  request.ended = last;
  if (!request.protocol.empty() && request.head.status / 100 == 2) switch_protocols(request);
  changed(request);
}

void H2Client::switch_protocols(Request& request) {
  request.head.status = 101;
  request.head.framing = http::Framing::tunnel;
  request.head.content_length.reset();
  request.head.fields.add(http::FieldName::upgrade, "Upgrade", request.protocol);
  if (!request.accept.empty()) request.head.fields.add("Sec-WebSocket-Accept", request.accept);
}

void H2Client::bad_message(Request& request) {
  session_.reset(request, NGHTTP2_PROTOCOL_ERROR);
  request.fail(Broken::bad_message);
}

void H2Client::body(H2Stream& stream, ring::Slice slice) {
  auto& request = static_cast<Request&>(stream);
  if (request.released) {
    session_.consume(request, slice.length);
    return pool_.release(slice);
  }
  request.incoming.push(slice);
  changed(request);
}

void H2Client::incoming_ends(H2Stream& stream) {
  auto& request = static_cast<Request&>(stream);
  request.ended = true;
  changed(request);
}

void H2Client::drained(H2Stream& stream) {
  auto& request = static_cast<Request&>(stream);
  request.writable_again = true;
  changed(request);
}

void H2Client::closed(H2Stream& stream, std::uint32_t error) {
  auto& request = static_cast<Request&>(stream);
  request.closed = true;
  request.outgoing.clear();
  if (!request.ended) request.fail(why_closed(error));
  changed(request);
}

void H2Client::ping_answered() {
  if (probes_ != 0) --probes_;
}

void H2Client::changed(Request& request) {
  if (request.changed) return;
  request.changed = true;
  changed_.push_back(&request);
  owner_.needs_turn();
}

// What exchanges are told.

void H2Client::deliver() {
  if (session_.finished() && open_ != 0) lost(Broken::reset);
  while (!changed_.empty()) {
    std::swap(changed_, batch_);
    for (Request* const request : batch_) {
      request->changed = false;
      deliver(*request);
    }
    batch_.clear();
  }
}

void H2Client::deliver(Request& request) {
  if (!request.used) return;
  if (request.broken != Broken::none && !request.released) {
    ExchangeEvents* const exchange = std::exchange(request.exchange, nullptr);
    request.released = true;
    session_.discard(request);
    exchange->upstream_broken(request.broken);
  }
  for (std::size_t i = 0; i < request.interim.size() && !request.released; ++i) {
    request.exchange->response_head(request.interim[i]);
  }
  request.interim.clear();
  if (request.head_complete && !request.head_told && !request.released) {
    request.head_told = true;
    request.exchange->response_head(request.head);
  }
  deliver_body(request);
  if (std::exchange(request.writable_again, false) && !request.released) {
    request.exchange->upstream_writable();
  }
  if (request.released && (request.closed || !request.submitted) && !request.changed) {
    recycle(request);
  }
}

void H2Client::deliver_body(Request& request) {
  while (!request.released && !request.paused && !request.incoming.empty()) {
    const ring::Slice slice = request.incoming.pop();
    session_.consume(request, slice.length);
    request.exchange->response_body(slice);
  }
  if (request.released || request.paused || !request.incoming.empty()) return;
  if (!request.ended || request.end_told || !request.head_told) return;
  request.end_told = true;
  const bool trailers = request.trailers.size() != 0 && request.head.framing != http::Framing::none;
  request.exchange->response_end(trailers ? &request.trailers : nullptr);
}

void H2Client::recycle(Request& request) {
  CHECK(open_ != 0);
  --open_;
  request.reset();
  free_.push_back(&request);
}

void H2Client::shut_down() noexcept {
  if (std::exchange(going_away_, true)) return;
  session_.finish_shutdown();
  owner_.needs_turn();
}

void H2Client::probe() noexcept {
  ++probes_;
  session_.ping();
  owner_.needs_turn();
}

Broken H2Client::why_lost(Broken why, const Request& request) noexcept {
  if (!request.submitted) return Broken::not_processed;
  return why == Broken::reset && request.reused && !request.head_complete ? Broken::stale : why;
}

void H2Client::lost(Broken why) noexcept {
  lost_ = true;
  session_.abandon();
  for (const auto& request : all_) {
    if (!request->used || (request->closed && request->ended)) continue;
    request->closed = true;
    if (!request->ended) request->fail(why_lost(why, *request));
    changed(*request);
  }
}

}  // namespace sallyport::http_door
