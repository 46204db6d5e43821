#pragma once
// Inside Streams: the record of a stream, and the parts that work on it.
//   streams.cc          the loop's side: completions sorted, events handed out, lists flushed
//   streams_open.cc     how a stream begins: listeners, connect
//   streams_receive.cc  octets in, back-pressure, and the end of the peer
//   streams_send.cc     octets out
//   streams_tls.cc      both of these with TLS between
//   streams_close.cc    how a stream ends: end, close, abort, failures, everything home

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include <sys/socket.h>
#include <sys/uio.h>

#include "engine/ring/slice_queue.h"
#include "engine/ring/streams.h"
#include "engine/ring/timer_wheel.h"

namespace sallyport::ring {

/// Slices up to this length are copied behind the one before where there is room: cheaper than a
/// vector, and a buffer is not pinned by a few octets.
inline constexpr std::uint32_t kCopyOctets = 1024;
/// Slices that one send carries.
inline constexpr std::size_t kSendPieces = 16;
/// As many octets are sent at once, where nothing waits for it: without a completion that would
/// only wake the shard. More are left to the kernel, which goes on when there is room.
inline constexpr std::uint32_t kPromptOctets = 64 * 1024;
/// So long may buffers of what was sent at once be held by a shard that sleeps.
inline constexpr std::uint64_t kPromptMs = 20;
/// A stream that has sent so often lives for long, and gets a place in the ring's table of files.
inline constexpr std::uint8_t kSendsForAPlace = 8;
/// Sends of several slices, and connects, between two submissions.
inline constexpr std::uint32_t kMessages = 128;
/// No descriptor was left: accepting starts again after this, or when a stream ends.
inline constexpr std::uint64_t kAcceptRetryMs = 100;
/// No buffer was free to receive into for so long: who holds most is cut off.
inline constexpr std::uint64_t kStarvedMs = 250;

enum class StreamState : std::uint8_t {
  free,        ///< in the list of free records
  connecting,  ///< the connect is running
  open,        ///< octets come and go
  failed,      ///< broken, and its owner has not closed it yet
  closing,     ///< its owner is gone: the rest goes out, then FIN; the peer's end is awaited
  leaving,     ///< its owner is gone and the socket is done with; its requests come home
};

/// TLS on a stream. Then `in` and `out` of the stream are still what its owner reads and what the
/// kernel sends; this is what lies between.
struct StreamTls {
  explicit StreamTls(TlsSession&& the_session) noexcept : session(std::move(the_session)) {}
  TlsSession session;
  SliceQueue plain;             ///< queued, and not encrypted yet
  SliceQueue cipher;            ///< received, and not decrypted yet
  bool peer_closed = false;     ///< close_notify came
  bool close_notified = false;  ///< ours is in `out`, or gone
};

/// One stream. Never moves; its memory is not touched before its first use.
struct Stream {
  std::uint64_t owner = 0;
  std::unique_ptr<StreamTls> tls;
  int fd = -1;
  std::uint32_t generation = 0;   ///< of its id
  std::uint32_t incarnation = 0;  ///< in its tags: the id's generation at the start
  SliceQueue in;
  SliceQueue out;
  std::uint32_t in_octets = 0;
  std::uint32_t out_octets = 0;  ///< unsent, also where they are not encrypted yet
  std::uint32_t sending = 0;     ///< octets of `out` that the kernel is sending
  StreamState state = StreamState::free;
  std::uint8_t pending = 0;   ///< events to tell: a bit for each StreamEventKind
  std::uint8_t requests = 0;  ///< that the kernel holds
  StreamError error = StreamError::none;

  bool armed : 1 = false;        ///< the receive is with the kernel
  bool cancelling : 1 = false;   ///< so is its cancel
  bool paused : 1 = false;       ///< the owner takes no more just now
  bool starved : 1 = false;      ///< the receive ended because no buffer was free
  bool quiet : 1 = false;        ///< nothing is expected to have come yet
  bool peer_ended : 1 = false;   ///< FIN came
  bool throttled : 1 = false;    ///< writable() has been false: `drained` is owed
  bool send_broken : 1 = false;  ///< `error` waits until what came before it has been received
  bool end_wanted : 1 = false;   ///< FIN when `out` is empty
  bool end_sent : 1 = false;
  bool alerting : 1 = false;  ///< failed, but what is queued tells the peer why
  bool is_unix : 1 = false;
  bool prompt : 1 = false;  ///< what is being sent goes at once, or a completion tells
  bool slow : 1 = false;  ///< there was no room for that: until all is sent the kernel waits for it
  // In which lists it is. These outlive the stream: a record is listed once.
  bool in_dirty : 1 = false;
  bool in_to_arm : 1 = false;
  bool in_to_send : 1 = false;

  std::uint8_t prompt_sends = 0;  ///< up to kSendsForAPlace
  std::uint16_t listener = 0;
  Endpoint peer;
  std::uint32_t acked = 0;  ///< of the octets sent, as last seen by progress_ms
  std::uint64_t progress_ms = 0;
  std::uint32_t next_free = StreamId::kNone;
  std::uint32_t place = kNoPlace;  ///< in the ring's table of files
  static constexpr std::uint32_t kNoPlace = 0xffff'ffff;
};
static_assert(sizeof(Stream) <= 136);

struct Streams::Impl {
  Impl(Ring& the_ring, BufferPool& the_buffers, const StreamsPlan& the_plan);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  struct Listener {
    std::uint16_t number;
    int fd;
    bool is_unix;
    bool armed = false;
    bool cancelling = false;
    bool wanted = true;  ///< until stop_listening, or the socket is no good
  };
  /// What a sendmsg or a connect points to, until submitted.
  struct Message {
    msghdr header;
    std::array<iovec, kSendPieces> pieces;
    sockaddr_storage address;
  };

  // streams.cc
  [[nodiscard]] Stream* find(StreamId id) noexcept {
    if (id.index >= used) return nullptr;
    Stream& stream = records[id.index];
    return stream.generation == id.generation ? &stream : nullptr;
  }
  [[nodiscard]] const Stream* find(StreamId id) const noexcept {
    return const_cast<Impl*>(this)->find(id);
  }
  [[nodiscard]] std::uint32_t index_of(const Stream& stream) const noexcept {
    return static_cast<std::uint32_t>(&stream - records);
  }
  [[nodiscard]] StreamId id_of(const Stream& stream) const noexcept {
    return {.index = index_of(stream), .generation = stream.generation};
  }
  [[nodiscard]] Tag tag(Operation operation, const Stream& stream) const noexcept {
    return {
        .operation = ours(operation), .generation = stream.incarnation, .index = index_of(stream)};
  }
  /// The operations are named as the HTTP door's; the ring knows those of the plan.
  [[nodiscard]] Operation ours(Operation operation) const noexcept {
    return shifted(operation, Operation::accept, plan.first_operation);
  }
  [[nodiscard]] static Operation shifted(Operation operation, Operation from,
                                         Operation to) noexcept {
    return static_cast<Operation>(static_cast<int>(operation) - static_cast<int>(from) +
                                  static_cast<int>(to));
  }
  void enter(Stream& stream, StreamState next) noexcept;  ///< the only place that changes a state
  void note(Stream& stream, StreamEventKind kind) noexcept;
  void want_armed(Stream& stream) noexcept;
  void want_sent(Stream& stream) noexcept;
  void requested(Stream& stream) noexcept;
  void came_home(Stream& stream) noexcept;
  [[nodiscard]] Message* message() noexcept;
  void completed(const Completion& completion) noexcept;
  [[nodiscard]] bool next_event(StreamEvent& event) noexcept;
  void flush() noexcept;
  void tick(std::uint64_t to_ms) noexcept;
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_ms() const noexcept;

  // streams_open.cc
  [[nodiscard]] Stream* begin(int fd, StreamState state) noexcept;
  [[nodiscard]] StreamId connect(const sockaddr* address, std::uint32_t octets,
                                 const Endpoint& peer, std::uint64_t owner,
                                 std::unique_ptr<StreamTls> tls, const IpAddress* source) noexcept;
  void connect_completed(Stream& stream, int result) noexcept;
  void accept_completed(const Completion& completion) noexcept;
  void accepted(const Listener& listener, int fd) noexcept;
  void update_accepting() noexcept;

  // streams_receive.cc
  void receive_completed(Stream& stream, const Completion& completion) noexcept;
  void receive_ended(Stream& stream, int result) noexcept;
  void peer_has_ended(Stream& stream) noexcept;
  void append(Stream& stream, Slice slice) noexcept;
  void appended(Stream& stream, std::size_t octets) noexcept;
  [[nodiscard]] bool wants_octets(const Stream& stream) const noexcept;
  void arm_receivers() noexcept;
  [[nodiscard]] bool gather(Stream& stream, std::size_t octets) noexcept;
  void peek(const Stream& stream, std::size_t from, MutableOctets to) const noexcept;
  void consume(Stream& stream, std::size_t octets) noexcept;
  [[nodiscard]] Slice take(Stream& stream, std::size_t octets) noexcept;

  // streams_send.cc
  void send(Stream& stream, Octets octets) noexcept;
  void send(Stream& stream, Slice slice) noexcept;
  void queued(Stream& stream, std::size_t octets) noexcept;
  /// What the owner sends goes here first.
  [[nodiscard]] static SliceQueue& outgoing(Stream& stream) noexcept {
    return stream.tls != nullptr ? stream.tls->plain : stream.out;
  }
  [[nodiscard]] std::size_t room_behind(const SliceQueue& queue) noexcept;
  void append_copy(const SliceQueue& queue, Octets octets) noexcept;
  [[nodiscard]] static bool may_send(const Stream& stream) noexcept;
  void send_queued() noexcept;
  void send_from(Stream& stream) noexcept;
  [[nodiscard]] static bool may_be_prompt(const Stream& stream) noexcept;
  [[nodiscard]] FileName note_prompt(Stream& stream) noexcept;
  void settle_prompt() noexcept;
  void send_completed(Stream& stream, int result) noexcept;
  void send_broke(Stream& stream, int error) noexcept;
  void skip(SliceQueue& queue, std::size_t octets) noexcept;  ///< and releases
  [[nodiscard]] std::uint64_t progress(Stream& stream) noexcept;

  // streams_tls.cc
  class CipherSink;
  void start_tls(Stream& stream, std::unique_ptr<StreamTls> tls) noexcept;
  void shake_hands(Stream& stream) noexcept;
  void decrypt(Stream& stream) noexcept;
  [[nodiscard]] TlsStatus decrypt_some(Stream& stream, Octets& cipher) noexcept;
  void encrypt(Stream& stream) noexcept;
  void notify_close(Stream& stream) noexcept;
  void tls_ended(Stream& stream) noexcept;
  void tls_failed(Stream& stream) noexcept;

  // streams_close.cc
  void finish_sending(Stream& stream) noexcept;
  void close(Stream& stream) noexcept;
  void abort(Stream& stream) noexcept;
  void forget_owner(Stream& stream) noexcept;
  void disconnect(Stream& stream) noexcept;
  void fail(Stream& stream, StreamError error) noexcept;
  void leave(Stream& stream) noexcept;
  void settle(Stream& stream) noexcept;
  void drop(SliceQueue& queue) noexcept;
  void drop_out(Stream& stream) noexcept;
  [[nodiscard]] std::size_t held(const Stream& stream) const noexcept;
  void relieve() noexcept;
  [[nodiscard]] std::size_t shed_most() noexcept;
  [[nodiscard]] std::uint32_t send_limit() const noexcept;
  void shut_down() noexcept;

  Ring& ring;
  BufferPool& buffers;
  const StreamsPlan plan;
  Stream* records;         ///< mapped; [0, used) have been in use
  std::uint32_t used = 0;  ///< and are valid
  std::uint32_t first_free = StreamId::kNone;
  std::uint32_t open = 0;
  std::uint32_t in_flight = 0;
  SliceNodes nodes;
  std::vector<Listener> listeners;
  std::vector<std::uint32_t> dirty;    ///< have events to tell
  std::size_t dirty_at = 0;            ///< told up to here
  std::vector<std::uint32_t> to_arm;   ///< whose receive may have to be armed or cancelled
  std::vector<std::uint32_t> to_send;  ///< have something to send
  std::vector<std::uint32_t> prompt;   ///< sent at once, as far as is known
  std::vector<std::uint32_t> flushing;
  std::vector<Message> messages;
  std::uint32_t messages_used = 0;
  TimerWheel linger;
  std::uint64_t now_ms = 0;
  std::uint64_t accept_again_ms = 0;              ///< not before; 0: at once
  std::optional<std::uint64_t> starved_since_ms;  ///< no buffer was free since
  std::optional<std::uint64_t> last_shed_ms;
  bool shutting_down = false;
};

/// What errno says of a stream; a connect's too.
[[nodiscard]] StreamError judge_stream_error(int error) noexcept;

}  // namespace sallyport::ring
