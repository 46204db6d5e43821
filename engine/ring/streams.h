#pragma once
// All byte streams of one shard: TCP, Unix and TLS over them, on the shard's ring. Who uses a
// stream sees plain octets in and out, whether TLS is on it or not. Nothing is called back:
// completions are collected, and the owner asks for events in its turn. What arrives lies in
// buffers of one pool (BufferPool); it can be read in place, or taken out as a Slice and sent on
// another stream without a copy. The shard's thread only. A call with an id whose stream is gone
// does nothing (and releases what it was given).

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/ring/buffer_pool.h"
#include "engine/ring/ring.h"
#include "engine/ring/tls.h"
#include "engine/ring/tls_fault.h"
#include "protocol/ip_address.h"
#include "protocol/octets.h"

namespace sallyport::ring {

/// Names a stream; an id of a stream that is gone is recognised by its generation.
struct StreamId {
  static constexpr std::uint32_t kNone = 0xffff'ffff;
  std::uint32_t index = kNone;
  std::uint32_t generation = 0;
  [[nodiscard]] bool valid() const noexcept { return index != kNone; }
  bool operator==(const StreamId&) const = default;
};

enum class StreamEventKind : std::uint8_t {
  accepted,   ///< a new stream of listener `listener`; its owner value is not set yet
  connected,  ///< connect() has succeeded, TLS handshake included
  received,   ///< received() is not empty, or more was appended
  drained,    ///< writable() was false, and a quarter of the limit at most is left to send
  ended,      ///< the peer sends no more (FIN, close_notify); received() may still hold octets
  failed,     ///< broken: error tells; nothing comes or goes any more. close() it
};

enum class StreamError : std::uint8_t {
  none,
  refused,          ///< connect: nobody listens
  unreachable,      ///< connect: no way there
  timed_out,        ///< connect or handshake took too long, or a send made no progress
  reset,            ///< the peer broke it off
  tls_handshake,    ///< the peer speaks no TLS, or nothing that both know
  tls_certificate,  ///< the server's certificate is not the one wanted
  truncated,        ///< TLS ended without close_notify
  no_buffers,       ///< the pool was exhausted and this stream held most
  other,
};

struct StreamEvent {
  StreamEventKind kind = StreamEventKind::failed;
  StreamError error = StreamError::none;
  std::uint16_t listener = 0;  ///< accepted
  StreamId stream;
  std::uint64_t owner = 0;  ///< as set by set_owner
};

struct StreamsPlan {
  /// Whose they are: Operation::accept or radsec_accept, and the five behind it.
  Operation first_operation = Operation::accept;
  std::uint32_t max_streams = 4096;
  std::uint32_t send_limit_octets = 256 * 1024;  ///< writable() is false above it; less when
                                                 ///< buffers become few: down to a 16th
  std::uint32_t linger_ms = 5'000;  ///< what close() leaves for the rest to go out, and for the FIN
};

class Streams {
 public:
  /// `ring` and `buffers` outlive it. All memory but that of TLS sessions is taken here or grows in
  /// steps.
  Streams(Ring& ring, BufferPool& buffers, const StreamsPlan& plan);
  ~Streams();  ///< after come_home

  // Listeners. `fd` is not owned and stays open.
  /// Accepts from now on; it pauses by itself while 7/8 of max_streams are open (the others are for
  /// connect), while 7/8 of the buffers are in use, or when descriptors are out.
  void listen(std::uint16_t listener, int fd);
  void stop_listening();
  /// After stop_listening: accepts again.
  void listen_again() noexcept;
  /// After stop_listening: whether a connection that the kernel has given us may still come.
  [[nodiscard]] bool accepting() const noexcept;

  /// A stream to `to` (or to a Unix socket's path). `tls` with `server_name`: the handshake is part
  /// of connecting, and `tls` outlives it. What is sent before goes out as soon as it can. Outcome:
  /// event connected or failed. `source`: bound to this address of ours; null: the system chooses.
  /// Invalid: max_streams reached, no descriptor left, or no such address here.
  [[nodiscard]] StreamId connect(const Endpoint& to, std::uint64_t owner, TlsClientContext* tls,
                                 std::string_view server_name, const IpAddress* source = nullptr);
  [[nodiscard]] StreamId connect_unix(std::string_view path, std::uint64_t owner);
  /// An accepted stream goes on as TLS server from the octets that are not consumed yet. Event
  /// connected when the handshake is done.
  void start_tls(StreamId stream, TlsServerContext& context);

  void set_owner(StreamId stream, std::uint64_t owner) noexcept;

  // The shard's loop.
  /// Tells the time (monotonic). First in each turn; streams that lingered too long end here.
  void tick(std::uint64_t now_ms) noexcept;
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_ms() const noexcept;
  /// One of the six operations from the plan's first on: collects, acts on nothing of the owner's.
  void completed(const Completion& completion) noexcept;
  /// Each stream has each kind at most once a turn, in the order of StreamEventKind.
  [[nodiscard]] bool next_event(StreamEvent& event) noexcept;
  /// Queues for the ring what was asked for in this turn: one send a stream. Lends buffers
  /// (BufferPool::publish). Before the shard waits.
  void flush() noexcept;
  [[nodiscard]] std::uint32_t in_flight() const noexcept;  ///< requests that the kernel holds
  void shut_down() noexcept;  ///< ends all streams; run the ring until in_flight() is 0

  // Octets in.
  // What came before ended or failed stays readable until close().
  /// The octets that are next, contiguous as they came: up to the end of one buffer. Empty: none.
  /// The view holds until the next consume, take, gather, or the end of the turn.
  [[nodiscard]] Octets received(StreamId stream) const noexcept;
  /// All of the octets received and not consumed.
  [[nodiscard]] std::size_t received_total(StreamId stream) const noexcept;
  /// Makes received() hold at least `octets` contiguous ones if that many are there, by copying;
  /// false: fewer are there, or more than a buffer holds.
  [[nodiscard]] bool gather(StreamId stream, std::size_t octets) noexcept;
  /// Copies octets that were received, from the `from`th on, into all of `to`; they stay received.
  void peek(StreamId stream, std::size_t from, MutableOctets to) const noexcept;
  void consume(StreamId stream, std::size_t octets) noexcept;
  /// Takes the first `octets` (≤ received().size()) out as a slice, without a copy.
  [[nodiscard]] Slice take(StreamId stream, std::size_t octets) noexcept;
  /// Back-pressure: while paused the kernel's window fills. What had arrived already still is
  /// received.
  void pause(StreamId stream) noexcept;
  void resume(StreamId stream) noexcept;

  // Octets out. Queued, sent by flush(). Nothing is refused; writable() is how an owner holds back.
  void send(StreamId stream, Octets octets) noexcept;  ///< copied
  void send(StreamId stream, Slice slice) noexcept;    ///< takes the slice over
  [[nodiscard]] bool writable(StreamId stream) const noexcept;
  [[nodiscard]] std::size_t unsent(StreamId stream) const noexcept;
  /// monotonic ms of the last octet that went out (or was queued, where nothing was): for send
  /// time-outs. Asks the kernel, so only when a time-out seems due.
  [[nodiscard]] std::uint64_t progress_ms(StreamId stream) noexcept;
  /// FIN (or close_notify and FIN) after what is queued.
  void end(StreamId stream) noexcept;
  /// The id ends here; what is queued is still sent, then FIN. What comes is dropped until the peer
  /// ends too: closing at once would reset the connection and cost him the end of the answer (RFC
  /// 9112 §9.6). After the linger time it is reset.
  void close(StreamId stream) noexcept;
  /// The same at once, with a reset: the peer must not take it for a whole answer. (A Unix socket
  /// has no reset; he sees the end.)
  void abort(StreamId stream) noexcept;

  // What is known of a stream.
  [[nodiscard]] bool alive(StreamId stream) const noexcept;
  [[nodiscard]] const Endpoint& peer(StreamId stream) const noexcept;  ///< any, for a Unix socket
  [[nodiscard]] Endpoint local(StreamId stream) const noexcept;
  [[nodiscard]] bool is_tls(StreamId stream) const noexcept;
  [[nodiscard]] std::string_view alpn(StreamId stream) const noexcept;  ///< "h2", "http/1.1", ""
  [[nodiscard]] std::string_view sni(
      StreamId stream) const noexcept;  ///< as the visitor named it, or ""
  [[nodiscard]] std::string_view tls_version(StreamId stream) const noexcept;  ///< "TLSv1.3", ""
  /// What is wrong with the peer's certificate, where the error is tls_certificate.
  [[nodiscard]] TlsCertificateFault certificate_fault(StreamId stream) const noexcept;
  /// Why TLS failed, for a log, in one line; or "".
  [[nodiscard]] std::string tls_error_text(StreamId stream) const;
  /// The peer's own certificate (DER), where one was asked for; or empty. Until the stream ends.
  [[nodiscard]] Octets peer_certificate(StreamId stream) const noexcept;
  [[nodiscard]] TlsPskPeer psk_peer(StreamId stream) const noexcept;
  [[nodiscard]] bool tls_resumed(StreamId stream) const noexcept;
  /// Streams, those that linger included.
  [[nodiscard]] std::uint32_t open() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::ring
