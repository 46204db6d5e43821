#pragma once
// One HTTP/2 connection over nghttp2, either side of it, without I/O: octets in as slices of the
// pool, octets out to an H2Wire. Bodies are not copied: what comes in stays in the buffers that it
// was received in, what goes out is framed around its slices. Windows open only as far as octets
// are consumed. Events come out of receive() and flush(); who gets them notes them down and tells
// nobody before that call has returned. One thread.

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <nghttp2/nghttp2.h>

#include "engine/http/h2_flood.h"
#include "engine/http/h2_slices.h"
#include "engine/http/h2_wire.h"
#include "engine/ring/buffer_pool.h"
#include "protocol/http/head.h"

namespace sallyport::http_door {

/// Octets that a peer may send on one stream before they are consumed.
inline constexpr std::uint32_t kH2StreamWindow = 256 * 1024;
/// Octets queued on one stream to be sent; more are held back by whoever has them. Less when
/// buffers become few.
inline constexpr std::size_t kH2OutgoingLimit = 64 * 1024;

/// What a session keeps for one stream. Owned by who opened it; it lives until closed() at least.
struct H2Stream {
  explicit H2Stream(ring::BufferPool& pool) : incoming(pool), outgoing(pool) {}
  void reset_stream() noexcept;

  std::int32_t id = -1;
  H2Slices incoming;  ///< received and not consumed
  H2Slices outgoing;
  http::Fields outgoing_trailers;
  bool outgoing_end = false;
  bool has_trailers = false;
  bool deferred = false;  ///< nghttp2 waits for resume
  bool full = false;      ///< went over the limit of what is queued; drained() will tell

 protected:
  ~H2Stream() = default;
};

class H2SessionEvents {
 public:
  /// A head begins: a request's, an answer's (interim ones each), or trailers. `stream` is null
  /// when it is a new one. Null: it is refused.
  [[nodiscard]] virtual H2Stream* head_begins(std::int32_t id, H2Stream* stream) = 0;
  /// False: read no further, this is a flood.
  [[nodiscard]] virtual bool field(H2Stream& stream, std::string_view name,
                                   std::string_view value) = 0;
  virtual void head_ends(H2Stream& stream, bool last) = 0;
  virtual void body(H2Stream& stream, ring::Slice slice) = 0;  ///< takes the slice over
  virtual void incoming_ends(H2Stream& stream) = 0;            ///< after a body
  virtual void outgoing_ends(H2Stream& stream) = 0;            ///< END_STREAM has gone out
  virtual void drained(H2Stream& stream) = 0;                  ///< after `full`
  virtual void closed(H2Stream& stream, std::uint32_t error) = 0;
  virtual void goaway_received() = 0;
  virtual void ping_answered() = 0;

 protected:
  ~H2SessionEvents() = default;
};

struct H2Windows {
  std::uint32_t connection;   ///< octets
  std::uint32_t max_streams;  ///< that the peer may open
  std::uint32_t max_header_octets;
};

class H2Session {
 public:
  enum class Role : std::uint8_t { server, client };
  H2Session(Role role, ring::BufferPool& pool, H2SessionEvents& events, const H2Windows& windows);
  H2Session(const H2Session&) = delete;
  H2Session& operator=(const H2Session&) = delete;

  void receive(ring::Slice slice, std::uint64_t now_ms);  ///< takes the slice over
  /// Puts out what is to be sent, as long as the wire is writable.
  void flush(H2Wire& wire);
  [[nodiscard]] bool wants_flush() const noexcept;
  [[nodiscard]] bool ended() const noexcept { return ended_; }  ///< broken, without more words
  /// Nothing comes or goes any more: close the connection.
  [[nodiscard]] bool finished() const noexcept;
  /// GOAWAY with this error, and nothing after it.
  void condemn(std::uint32_t error) noexcept;
  void abandon() noexcept { ended_ = true; }  ///< the stream below is gone
  /// First half of a graceful end: the peer should open no more streams (RFC 9113 §6.8).
  void announce_shutdown() noexcept;
  void finish_shutdown() noexcept;  ///< second half: nothing above the last stream is processed
  void ping() noexcept;
  void grow_window(std::uint32_t octets) noexcept;  ///< of the connection; never shrinks

  // Streams. A false answer: not possible any more; closed() comes or the session has ended.
  [[nodiscard]] bool submit_request(H2Stream& stream, std::span<const nghttp2_nv> fields,
                                    bool body) noexcept;
  [[nodiscard]] bool submit_response(H2Stream& stream, std::span<const nghttp2_nv> fields,
                                     bool body) noexcept;
  [[nodiscard]] bool submit_interim(H2Stream& stream, std::span<const nghttp2_nv> fields) noexcept;
  void send_body(H2Stream& stream, ring::Slice slice);  ///< takes the slice over
  void send_end(H2Stream& stream, const http::Fields* trailers);
  void reset(H2Stream& stream, std::uint32_t error) noexcept;
  /// So many octets of the stream's body are done with; its window opens again.
  void consume(const H2Stream& stream, std::size_t octets) noexcept;
  /// Only the connection's window opens again.
  void consume_connection(std::size_t octets) noexcept;
  /// All that waits in `incoming` is dropped.
  void discard(H2Stream& stream) noexcept;
  [[nodiscard]] std::uint32_t remote_setting(nghttp2_settings_id id) const noexcept;
  /// Until then remote_setting() tells the defaults.
  [[nodiscard]] bool remote_settings_known() const noexcept { return settings_known_; }
  [[nodiscard]] bool may_request() const noexcept;
  /// A head, or the preface, has begun and is not complete.
  [[nodiscard]] bool mid_head() const noexcept { return !greeted_ || head_of_ != 0; }
  /// The peer may send octets of bodies, as far as the connection's window goes.
  [[nodiscard]] bool window_open() const noexcept;
  [[nodiscard]] std::uint64_t octets_sent() const noexcept { return octets_sent_; }
  [[nodiscard]] bool flooded() const noexcept { return fault_ == NGHTTP2_ENHANCE_YOUR_CALM; }
  [[nodiscard]] H2FloodGuard& guard() noexcept { return guard_; }

 private:
  struct Callbacks;
  struct Delete {
    void operator()(nghttp2_session* session) const noexcept { nghttp2_session_del(session); }
  };
  [[nodiscard]] H2Stream* stream(std::int32_t id) const noexcept;
  static ssize_t read_body(nghttp2_session* session, std::int32_t id, std::uint8_t* buffer,
                           std::size_t most, std::uint32_t* flags, nghttp2_data_source* source,
                           void* user);
  void resume(H2Stream& stream) noexcept;
  [[nodiscard]] std::size_t outgoing_limit() const noexcept;
  [[nodiscard]] nghttp2_data_provider provider(H2Stream& stream) const noexcept;
  void submit_settings(const H2Windows& windows) noexcept;
  void frame_begins(const nghttp2_frame_hd& header) noexcept;
  void fault(std::uint32_t error) noexcept;
  void nuisance() noexcept;
  void frame_received(const nghttp2_frame& frame);
  void frame_sent(const nghttp2_frame& frame);
  void data_received(H2Stream& stream, Octets octets);
  [[nodiscard]] ssize_t body_octets(H2Stream& stream, std::size_t most, std::uint32_t& flags);
  void send_data(H2Stream& stream, Octets frame_header, std::size_t octets);

  Role role_;
  ring::BufferPool& pool_;
  H2SessionEvents& events_;
  std::unique_ptr<nghttp2_session, Delete> session_;
  H2FloodGuard guard_;
  ring::Slice input_;       ///< what receive() reads
  H2Wire* wire_ = nullptr;  ///< during flush()
  std::uint64_t now_ms_ = 0;
  std::uint64_t octets_sent_ = 0;           ///< of bodies
  std::uint32_t window_;                    ///< of the connection
  std::int32_t head_of_ = 0;                ///< the stream whose head is being read
  std::uint32_t fault_ = NGHTTP2_NO_ERROR;  ///< found within a callback: the connection ends
  bool greeted_ = false;                    ///< the first frame has come
  bool settings_known_ = false;             ///< the peer's first SETTINGS have come
  bool ended_ = false;                      ///< broken beyond a GOAWAY
};

}  // namespace sallyport::http_door
