#include "engine/http/h2_session.h"

#include <array>

#include "engine/http/h2_fields.h"
#include "protocol/check.h"

namespace sallyport::http_door {
namespace {

/// Frames that may wait to be sent: an answer, windows and resets for every stream come to some
/// hundreds. More: the peer makes us answer and does not read.
constexpr std::size_t kMaxQueuedFrames = 4096;
/// PING and SETTINGS acknowledgements among them.
constexpr std::size_t kMaxQueuedAcknowledgements = 256;
/// Fields that we send; the head they came in was within our own limits, ours are some hundreds.
constexpr std::size_t kMaxSentHead = 256 * 1024;
/// RFC 9113 §6 ends with CONTINUATION, 9.
constexpr unsigned kFirstExtension = 10;

nghttp2_option* make_options() {
  nghttp2_option* options = nullptr;
  CHECK(nghttp2_option_new(&options) == 0);
  nghttp2_option_set_no_auto_window_update(options, 1);
  nghttp2_option_set_no_closed_streams(options, 1);
  nghttp2_option_set_max_outbound_ack(options, kMaxQueuedAcknowledgements);
  nghttp2_option_set_max_send_header_block_length(options, kMaxSentHead);
  // Else it would skip frames of other types without telling, however many come.
  for (unsigned type = kFirstExtension; type <= 0xff; ++type) {
    nghttp2_option_set_user_recv_extension_type(options, static_cast<std::uint8_t>(type));
  }
  return options;
}

std::string_view text(const std::uint8_t* octets, std::size_t size) {
  return as_text({octets, size});
}

}  // namespace

void H2Stream::reset_stream() noexcept {
  id = -1;
  incoming.clear();
  outgoing.clear();
  outgoing_trailers.reset();
  outgoing_end = has_trailers = deferred = full = false;
}

/// What nghttp2 calls; each only finds the session and goes on there.
struct H2Session::Callbacks {
  static H2Session& self(void* user) { return *static_cast<H2Session*>(user); }

  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* header, void* user) {
    self(user).frame_begins(*header);
    return 0;
  }

  static int begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    H2Session& me = self(user);
    const std::int32_t id = frame->hd.stream_id;
    H2Stream* const known = me.stream(id);
    H2Stream* const stream = me.events_.head_begins(id, known);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    stream->id = id;
    if (known == nullptr) nghttp2_session_set_stream_user_data(session, id, stream);
    me.head_of_ = id;
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_length, const std::uint8_t* value, std::size_t value_length,
                    std::uint8_t, void* user) {
    H2Session& me = self(user);
    H2Stream* const stream = me.stream(frame->hd.stream_id);
    if (stream == nullptr) return 0;
    if (me.events_.field(*stream, text(name, name_length), text(value, value_length))) return 0;
    me.fault(NGHTTP2_ENHANCE_YOUR_CALM);
    return NGHTTP2_ERR_PAUSE;
  }

  /// Without this nghttp2 would leave such a field out and take the rest.
  static int invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*,
                            std::size_t, const std::uint8_t*, std::size_t, std::uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int data_chunk(nghttp2_session* session, std::uint8_t, std::int32_t id,
                        const std::uint8_t* data, std::size_t length, void* user) {
    H2Session& me = self(user);
    H2Stream* const stream = me.stream(id);
    if (stream != nullptr) {
      me.data_received(*stream, {data, length});
    } else {
      nghttp2_session_consume(session, id, length);
    }
    return 0;
  }

  /// A frame of a type that we do not know: it has been counted, and is skipped.
  static int skip_extension(nghttp2_session*, void**, const nghttp2_frame_hd*, void*) {
    return NGHTTP2_ERR_CANCEL;
  }

  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    self(user).frame_received(*frame);
    return 0;
  }

  static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    self(user).frame_sent(*frame);
    return 0;
  }

  /// A head that is too large to be sent, or came too late: the stream must not stay open. Of a
  /// request the peer knows nothing, and nghttp2 closes it.
  static int frame_not_sent(nghttp2_session* session, const nghttp2_frame* frame, int, void*) {
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                NGHTTP2_INTERNAL_ERROR);
    }
    return 0;
  }

  static int stream_closed(nghttp2_session* session, std::int32_t id, std::uint32_t error,
                           void* user) {
    H2Session& me = self(user);
    if (me.head_of_ == id) me.head_of_ = 0;
    H2Stream* const stream = me.stream(id);
    if (stream == nullptr) return 0;
    nghttp2_session_set_stream_user_data(session, id, nullptr);
    me.events_.closed(*stream, error);
    return 0;
  }

  static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* frame_header,
                       std::size_t length, nghttp2_data_source* source, void* user) {
    constexpr std::size_t kFrameHeader = 9;  // RFC 9113 §4.1
    self(user).send_data(*static_cast<H2Stream*>(source->ptr), {frame_header, kFrameHeader},
                         length);
    return 0;
  }

  static nghttp2_session_callbacks* make() {
    nghttp2_session_callbacks* table = nullptr;
    CHECK(nghttp2_session_callbacks_new(&table) == 0);
    nghttp2_session_callbacks_set_on_begin_frame_callback(table, begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(table, begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(table, header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(table, invalid_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table, data_chunk);
    nghttp2_session_callbacks_set_unpack_extension_callback(table, skip_extension);
    nghttp2_session_callbacks_set_on_frame_recv_callback(table, frame_received);
    nghttp2_session_callbacks_set_on_frame_send_callback(table, frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(table, frame_not_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(table, stream_closed);
    nghttp2_session_callbacks_set_send_data_callback(table, send_data);
    return table;
  }
};

ssize_t H2Session::read_body(nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t most,
                             std::uint32_t* flags, nghttp2_data_source* source, void* user) {
  return Callbacks::self(user).body_octets(*static_cast<H2Stream*>(source->ptr), most, *flags);
}

H2Session::H2Session(Role role, ring::BufferPool& pool, H2SessionEvents& events,
                     const H2Windows& windows)
    : role_(role), pool_(pool), events_(events), window_(windows.connection) {
  // Both are the same for all sessions and only read; sessions copy them.
  static const nghttp2_session_callbacks* const callbacks = Callbacks::make();
  static const nghttp2_option* const options = make_options();
  nghttp2_session* session = nullptr;
  const auto open =
      role == Role::server ? nghttp2_session_server_new2 : nghttp2_session_client_new2;
  CHECK(open(&session, callbacks, this, options) == 0);
  session_.reset(session);
  submit_settings(windows);
}

void H2Session::submit_settings(const H2Windows& windows) noexcept {
  std::array<nghttp2_settings_entry, 5> entries{};
  std::size_t count = 0;
  entries[count++] = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kH2StreamWindow};
  entries[count++] = {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, windows.max_header_octets};
  if (role_ == Role::server) {
    entries[count++] = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, windows.max_streams};
    entries[count++] = {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1};  // RFC 8441
    entries[count++] = {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1};    // RFC 9218 §2.1
  } else {
    entries[count++] = {NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
  }
  CHECK(nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, entries.data(), count) == 0);
  CHECK(nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, 0,
                                              static_cast<std::int32_t>(window_)) == 0);
}

void H2Session::receive(ring::Slice slice, std::uint64_t now_ms) {
  if (!ended_) {
    input_ = slice;
    now_ms_ = now_ms;
    const Octets octets = pool_.octets(slice);
    const ssize_t read = nghttp2_session_mem_recv(session_.get(), octets.data(), octets.size());
    if (read == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
      condemn(NGHTTP2_PROTOCOL_ERROR);
    } else if (read == NGHTTP2_ERR_FLOODED) {
      fault(NGHTTP2_ENHANCE_YOUR_CALM);  // more to acknowledge than may wait
    } else if (read < 0) {
      ended_ = true;
    } else if (nghttp2_session_get_outbound_queue_size(session_.get()) > kMaxQueuedFrames) {
      fault(NGHTTP2_ENHANCE_YOUR_CALM);
    }
    if (fault_ != NGHTTP2_NO_ERROR && !ended_) condemn(fault_);
  }
  pool_.release(slice);
}

void H2Session::flush(H2Wire& wire) {
  wire_ = &wire;
  while (!ended_ && wire.writable()) {
    const std::uint8_t* octets = nullptr;
    const ssize_t count = nghttp2_session_mem_send(session_.get(), &octets);
    if (count < 0) ended_ = true;
    if (count <= 0) break;
    wire.send(Octets{octets, static_cast<std::size_t>(count)});
  }
  wire_ = nullptr;
  // A flood of streams to be reset shows when the resets go out.
  if (fault_ != NGHTTP2_NO_ERROR && !ended_) condemn(fault_);
}

bool H2Session::wants_flush() const noexcept {
  return !ended_ && nghttp2_session_want_write(session_.get()) != 0;
}

bool H2Session::finished() const noexcept {
  return ended_ || (nghttp2_session_want_read(session_.get()) == 0 &&
                    nghttp2_session_want_write(session_.get()) == 0);
}

void H2Session::condemn(std::uint32_t error) noexcept {
  if (nghttp2_session_terminate_session(session_.get(), error) != 0) ended_ = true;
}

void H2Session::announce_shutdown() noexcept {
  if (nghttp2_submit_shutdown_notice(session_.get()) != 0) ended_ = true;
}

void H2Session::finish_shutdown() noexcept {
  const std::int32_t last = nghttp2_session_get_last_proc_stream_id(session_.get());
  if (nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr,
                            0) != 0) {
    ended_ = true;
  }
}

void H2Session::ping() noexcept {
  if (nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr) != 0) ended_ = true;
}

void H2Session::grow_window(std::uint32_t octets) noexcept {
  if (octets <= window_) return;
  window_ = octets;
  if (nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, 0,
                                            static_cast<std::int32_t>(octets)) != 0) {
    ended_ = true;
  }
}

H2Stream* H2Session::stream(std::int32_t id) const noexcept {
  return static_cast<H2Stream*>(nghttp2_session_get_stream_user_data(session_.get(), id));
}

std::uint32_t H2Session::remote_setting(nghttp2_settings_id id) const noexcept {
  return nghttp2_session_get_remote_settings(session_.get(), id);
}

bool H2Session::window_open() const noexcept {
  return nghttp2_session_get_local_window_size(session_.get()) > 0;
}

bool H2Session::may_request() const noexcept {
  return !ended_ && nghttp2_session_check_request_allowed(session_.get()) != 0;
}

}  // namespace sallyport::http_door
