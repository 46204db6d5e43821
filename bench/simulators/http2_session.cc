// HTTP/2 with nghttp2, whose session works on memory. A stream keeps its request only until it has
// been handed over: a held request costs one small block here and nghttp2's own stream.

#include <algorithm>
#include <array>
#include <unordered_map>

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include "bench/simulators/http_session.h"
#include "protocol/check.h"

namespace sallyport::lab {
namespace {

struct Stream {
  std::unique_ptr<HttpRequest> request;  ///< while it is being received
  std::string body;                      ///< of the answer
  std::size_t sent = 0;
  bool endless = false;
  bool cut = false;  ///< the connection ends when `body` has been sent
};

class Http2Session final : public HttpSession {
 public:
  explicit Http2Session(std::uint32_t max_streams) {
    nghttp2_session_callbacks* callbacks = nullptr;
    CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    // A held stream must not keep what only priorities need.
    nghttp2_option* option = nullptr;
    CHECK(nghttp2_option_new(&option) == 0);
    nghttp2_option_set_no_closed_streams(option, 1);
    CHECK(nghttp2_session_server_new2(&session_, callbacks, this, option) == 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    const std::array settings = {
        nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, max_streams}};
    CHECK(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) ==
          0);
  }
  ~Http2Session() override { nghttp2_session_del(session_); }
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  bool receive(Octets octets, Arrivals& arrivals) override {
    arrivals_ = &arrivals;
    const ssize_t used = nghttp2_session_mem_recv(session_, octets.data(), octets.size());
    arrivals_ = nullptr;
    return used >= 0 && static_cast<std::size_t>(used) == octets.size();
  }

  void respond(std::int32_t id, HttpReply&& reply) override {
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    if (reply.cut == Cut::before_answer) {
      cut_ = true;
      return;
    }
    Stream& stream = *found->second;
    stream.body = std::move(reply.body);
    stream.endless = reply.endless;
    std::vector<std::pair<std::string, std::string>> fields;
    fields.emplace_back(":status", fmt::to_string(reply.status));
    if (!reply.content_type.empty()) fields.emplace_back("content-type", reply.content_type);
    for (auto& header : reply.headers) fields.push_back(std::move(header));
    if (!stream.endless) fields.emplace_back("content-length", fmt::to_string(stream.body.size()));
    if (reply.cut == Cut::in_body) {
      stream.cut = true;
      stream.body.resize(stream.body.size() / 2);
    }
    submit(id, stream, fields);
  }

  void append(std::int32_t id, std::string_view text) override {
    const auto found = streams_.find(id);
    if (found == streams_.end() || !found->second->endless) return;
    found->second->body += text;
    // Fails only when the stream is not waiting: then it is being sent already.
    nghttp2_session_resume_data(session_, id);
  }

  void write(std::string& out, Arrivals& arrivals) override {
    if (cut_) return;
    arrivals_ = &arrivals;
    for (;;) {
      const std::uint8_t* octets = nullptr;
      const ssize_t length = nghttp2_session_mem_send(session_, &octets);
      if (length < 0) cut_ = true;
      if (length <= 0) break;
      out.append(reinterpret_cast<const char*>(octets), static_cast<std::size_t>(length));
      if (cut_) break;  // the half body is out: nothing may follow it
    }
    arrivals_ = nullptr;
  }

  [[nodiscard]] bool finished() const override {
    return cut_ ||
           (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0);
  }

 private:
  static Http2Session& self(void* user_data) { return *static_cast<Http2Session*>(user_data); }

  void submit(std::int32_t id, Stream& stream,
              const std::vector<std::pair<std::string, std::string>>& fields) {
    std::vector<nghttp2_nv> wire;
    wire.reserve(fields.size());
    for (const auto& [name, value] : fields) {
      // nghttp2 copies both (no NO_COPY flag), its signature is merely not const.
      wire.push_back({const_cast<std::uint8_t*>(as_octets(name).data()),
                      const_cast<std::uint8_t*>(as_octets(value).data()), name.size(), value.size(),
                      NGHTTP2_NV_FLAG_NONE});
    }
    const nghttp2_data_provider provider = {.source = {.ptr = &stream}, .read_callback = read_body};
    if (nghttp2_submit_response(session_, id, wire.data(), wire.size(), &provider) != 0)
      cut_ = true;
  }

  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* buffer,
                           std::size_t capacity, std::uint32_t* flags, nghttp2_data_source* source,
                           void* user_data) {
    Stream& stream = *static_cast<Stream*>(source->ptr);
    const std::size_t length = std::min(capacity, stream.body.size() - stream.sent);
    std::copy_n(stream.body.begin() + static_cast<std::ptrdiff_t>(stream.sent), length, buffer);
    stream.sent += length;
    if (stream.sent < stream.body.size()) return static_cast<ssize_t>(length);
    if (stream.endless) {
      stream.body.clear();
      stream.sent = 0;
      return length > 0 ? static_cast<ssize_t>(length) : ssize_t{NGHTTP2_ERR_DEFERRED};
    }
    if (stream.cut) {
      self(user_data).cut_ = true;
      return static_cast<ssize_t>(length);
    }
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(length);
  }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    auto stream = std::make_unique<Stream>();
    stream->request = std::make_unique<HttpRequest>();
    self(user_data).streams_.insert_or_assign(frame->hd.stream_id, std::move(stream));
    return 0;
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_length, const std::uint8_t* value, std::size_t value_length,
                       std::uint8_t, void* user_data) {
    auto& streams = self(user_data).streams_;
    const auto found = streams.find(frame->hd.stream_id);
    if (found == streams.end() || !found->second->request) return 0;
    HttpRequest& request = *found->second->request;
    const std::string_view field = as_text({name, name_length});
    const std::string text(as_text({value, value_length}));
    if (field == ":method") request.method = text == "HEAD" ? "GET" : text;
    if (field == ":path") request.target = text;
    if (field == "authorization") request.authorization = text;
    if (field == "content-type") request.content_type = text;
    if (field == "accept") request.accept = text;
    if (field == "sec-fetch-site") request.fetch_site = text;
    return 0;
  }

  static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t id,
                     const std::uint8_t* octets, std::size_t length, void* user_data) {
    auto& streams = self(user_data).streams_;
    const auto found = streams.find(id);
    if (found == streams.end() || !found->second->request) return 0;
    std::string& body = found->second->request->body;
    if (body.size() + length > kMaxRequestBodyOctets)
      return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    body.append(reinterpret_cast<const char*>(octets), length);
    return 0;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
                      (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA);
    auto& me = self(user_data);
    const auto found = me.streams_.find(frame->hd.stream_id);
    if (!ends || found == me.streams_.end() || !found->second->request) return 0;
    me.arrivals_->requests.push_back(
        {.stream = frame->hd.stream_id, .request = std::move(*found->second->request)});
    found->second->request.reset();
    return 0;
  }

  static int on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* user_data) {
    auto& me = self(user_data);
    if (me.streams_.erase(id) > 0 && me.arrivals_ != nullptr) me.arrivals_->gone.push_back(id);
    return 0;
  }

  nghttp2_session* session_ = nullptr;
  Arrivals* arrivals_ = nullptr;  ///< only while octets pass
  bool cut_ = false;
  std::unordered_map<std::int32_t, std::unique_ptr<Stream>> streams_;
};

}  // namespace

std::unique_ptr<HttpSession> make_http2_session(std::uint32_t max_streams) {
  return std::make_unique<Http2Session>(max_streams);
}

}  // namespace sallyport::lab
