// What a session does with frames and streams: counts what is a nuisance, hands on heads and
// bodies, sends heads and bodies. The connection's own matters are in h2_session.cc.

#include <algorithm>

#include "engine/http/h2_fields.h"
#include "engine/http/h2_session.h"
#include "protocol/check.h"

namespace sallyport::http_door {
namespace {

/// A DATA frame smaller than this, with more behind it, was made small by the peer's window.
constexpr std::size_t kWorthwhileData = 256;

/// A reset that the peer has earned; others are ours to decide.
bool peers_fault(std::uint32_t error) noexcept {
  switch (error) {
    case NGHTTP2_PROTOCOL_ERROR:
    case NGHTTP2_FLOW_CONTROL_ERROR:
    case NGHTTP2_STREAM_CLOSED:
    case NGHTTP2_FRAME_SIZE_ERROR:
    case NGHTTP2_REFUSED_STREAM: return true;
    default: return false;
  }
}

}  // namespace

// Frames.

void H2Session::frame_begins(const nghttp2_frame_hd& header) noexcept {
  greeted_ = true;
  if (role_ != Role::server) return;
  switch (header.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION: return;
    case NGHTTP2_DATA:
      if (header.length != 0 || (header.flags & NGHTTP2_FLAG_END_STREAM) != 0) return;
      break;
    case NGHTTP2_RST_STREAM:
      if (!guard_.reset(now_ms_)) fault(NGHTTP2_ENHANCE_YOUR_CALM);
      return;
    case NGHTTP2_PRIORITY:
      // RFC 9113 §6.3; nghttp2 ignores these frames altogether once priorities are off.
      if (header.stream_id == 0) fault(NGHTTP2_PROTOCOL_ERROR);
      break;
    default: break;  // a frame type: a number
  }
  nuisance();
}

void H2Session::nuisance() noexcept {
  if (role_ == Role::server && !guard_.control(now_ms_)) fault(NGHTTP2_ENHANCE_YOUR_CALM);
}

void H2Session::fault(std::uint32_t error) noexcept {
  if (fault_ == NGHTTP2_NO_ERROR) fault_ = error;
}

void H2Session::frame_received(const nghttp2_frame& frame) {
  const bool last = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame.hd.type) {
    case NGHTTP2_DATA: {
      // Padding is no content; nghttp2 counts the octet of its length in.
      const std::size_t octets = frame.hd.length - frame.data.padlen;
      if (octets >= kWorthwhileData) guard_.data_moved();
      if (octets == 0 && frame.hd.length != 0 && !last) nuisance();
      if (H2Stream* const stream = last ? this->stream(frame.hd.stream_id) : nullptr) {
        events_.incoming_ends(*stream);
      }
      return;
    }
    case NGHTTP2_HEADERS:
      head_of_ = 0;
      if (H2Stream* const stream = this->stream(frame.hd.stream_id)) {
        events_.head_ends(*stream, last);
      }
      return;
    case NGHTTP2_SETTINGS:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) == 0) settings_known_ = true;
      return;
    case NGHTTP2_GOAWAY: return events_.goaway_received();
    case NGHTTP2_PING:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) != 0) events_.ping_answered();
      return;
    default: return;  // a frame type: a number
  }
}

void H2Session::frame_sent(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_DATA:
    case NGHTTP2_HEADERS:
      if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
      if (H2Stream* const stream = this->stream(frame.hd.stream_id)) {
        events_.outgoing_ends(*stream);
      }
      return;
    case NGHTTP2_RST_STREAM:
      if (role_ == Role::server && peers_fault(frame.rst_stream.error_code) &&
          !guard_.reset(now_ms_)) {
        fault(NGHTTP2_ENHANCE_YOUR_CALM);
      }
      return;
    default: return;  // a frame type: a number
  }
}

// Octets in.

void H2Session::data_received(H2Stream& stream, Octets octets) {
  const Octets whole = pool_.octets(input_);
  CHECK(octets.data() >= whole.data() &&
        octets.data() + octets.size() <= whole.data() + whole.size());
  const ring::Slice part{
      .buffer = input_.buffer,
      .offset = input_.offset + static_cast<std::uint32_t>(octets.data() - whole.data()),
      .length = static_cast<std::uint32_t>(octets.size())};
  pool_.retain(part);
  events_.body(stream, part);
}

void H2Session::consume(const H2Stream& stream, std::size_t octets) noexcept {
  if (ended_ || octets == 0) return;
  if (nghttp2_session_consume(session_.get(), stream.id, octets) != 0) ended_ = true;
}

void H2Session::consume_connection(std::size_t octets) noexcept {
  if (ended_) return;
  if (nghttp2_session_consume_connection(session_.get(), octets) != 0) ended_ = true;
}

void H2Session::discard(H2Stream& stream) noexcept {
  consume(stream, stream.incoming.octets());
  stream.incoming.clear();
}

// Heads and bodies out.

nghttp2_data_provider H2Session::provider(H2Stream& stream) const noexcept {
  nghttp2_data_provider provider{};
  provider.source.ptr = &stream;
  provider.read_callback = read_body;
  return provider;
}

bool H2Session::submit_request(H2Stream& stream, std::span<const nghttp2_nv> fields,
                               bool body) noexcept {
  if (ended_) return false;
  const nghttp2_data_provider source = provider(stream);
  const std::int32_t id = nghttp2_submit_request(session_.get(), nullptr, fields.data(),
                                                 fields.size(), body ? &source : nullptr, &stream);
  if (id < 0) return false;
  stream.id = id;
  return true;
}

bool H2Session::submit_response(H2Stream& stream, std::span<const nghttp2_nv> fields,
                                bool body) noexcept {
  if (ended_) return false;
  const nghttp2_data_provider source = provider(stream);
  return nghttp2_submit_response(session_.get(), stream.id, fields.data(), fields.size(),
                                 body ? &source : nullptr) == 0;
}

bool H2Session::submit_interim(H2Stream& stream, std::span<const nghttp2_nv> fields) noexcept {
  return !ended_ && nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, stream.id, nullptr,
                                           fields.data(), fields.size(), nullptr) == 0;
}

void H2Session::send_body(H2Stream& stream, ring::Slice slice) {
  stream.outgoing.push(slice);
  if (stream.outgoing.octets() > outgoing_limit()) stream.full = true;
  resume(stream);
}

std::size_t H2Session::outgoing_limit() const noexcept {
  if (pool_.in_use() < pool_.most() / 2) return kH2OutgoingLimit;
  return pool_.in_use() < pool_.most() / 4 * 3 ? kH2OutgoingLimit / 4 : kH2OutgoingLimit / 16;
}

void H2Session::send_end(H2Stream& stream, const http::Fields* trailers) {
  stream.outgoing_end = true;
  if (trailers != nullptr && trailers->size() != 0) {
    stream.outgoing_trailers = *trailers;
    stream.has_trailers = true;
  }
  resume(stream);
}

void H2Session::resume(H2Stream& stream) noexcept {
  if (!stream.deferred || ended_) return;
  stream.deferred = false;
  // Fails only for a stream that is closed, and closed() tells of that.
  nghttp2_session_resume_data(session_.get(), stream.id);
}

void H2Session::reset(H2Stream& stream, std::uint32_t error) noexcept {
  stream.outgoing.clear();
  if (ended_ || stream.id < 0) return;
  if (nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id, error) != 0) {
    ended_ = true;
  }
}

/// nghttp2 asks how many octets a DATA frame may have; send_data then gives them to the wire.
ssize_t H2Session::body_octets(H2Stream& stream, std::size_t most, std::uint32_t& flags) {
  const std::size_t count = std::min(most, stream.outgoing.octets());
  if (count == 0 && !stream.outgoing_end) {
    stream.deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (stream.outgoing_end && count == stream.outgoing.octets()) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream.has_trailers) {
      H2FieldWriter writer;
      const auto fields = writer.trailers(stream.outgoing_trailers);
      flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      if (nghttp2_submit_trailer(session_.get(), stream.id, fields.data(), fields.size()) != 0) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
      }
    }
  }
  return static_cast<ssize_t>(count);
}

void H2Session::send_data(H2Stream& stream, Octets frame_header, std::size_t octets) {
  wire_->send(frame_header);
  if (octets >= kWorthwhileData || octets == stream.outgoing.octets()) guard_.data_moved();
  octets_sent_ += octets;
  while (octets != 0) {
    const ring::Slice slice = stream.outgoing.pop(octets);
    octets -= slice.length;
    wire_->send(slice);
  }
  if (stream.full && stream.outgoing.octets() <= outgoing_limit() / 4) {
    stream.full = false;
    events_.drained(stream);
  }
}

}  // namespace sallyport::http_door
