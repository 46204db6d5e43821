#include "engine/ring/streams.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <new>

#include <sys/mman.h>

#include "engine/ring/streams_core.h"
#include "protocol/check.h"

namespace sallyport::ring {
namespace {

constexpr std::uint8_t bit(StreamEventKind kind) noexcept {
  return static_cast<std::uint8_t>(1u << static_cast<unsigned>(kind));
}

constexpr bool may_follow(StreamState from, StreamState next) noexcept {
  using enum StreamState;
  switch (from) {
    case free: return next == connecting || next == open;
    case connecting: return next == open || next == failed || next == leaving;
    case open: return next == failed || next == closing || next == leaving;
    case failed: return next == leaving || next == closing;
    case closing: return next == leaving;
    case leaving: return next == free;
  }
  return false;
}

}  // namespace

StreamError judge_stream_error(int error) noexcept {
  switch (error) {
    case ECONNREFUSED:  // nobody listens, or a Unix socket's file is left over
    case ENOENT:        // no such Unix socket
    case EACCES:        // a Unix socket, or a firewall's answer
    case EPERM:
    case EAGAIN: return StreamError::refused;  // a Unix socket's backlog is full
    case ENETUNREACH:                          // no route, or ICMP said so
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case ENONET:
    case ENOPROTOOPT:
    case EADDRNOTAVAIL:  // no local port left
    case EAFNOSUPPORT: return StreamError::unreachable;
    case ETIMEDOUT: return StreamError::timed_out;  // retransmissions or keep-alive gave up
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:  // we send on, but the reset had come before
    case ENOTCONN: return StreamError::reset;
    default: return StreamError::other;
  }
}

// --- Impl: lists and states ------------------------------------------------------------------

Streams::Impl::Impl(Ring& the_ring, BufferPool& the_buffers, const StreamsPlan& the_plan)
    : ring(the_ring),
      buffers(the_buffers),
      plan(the_plan),
      nodes(the_buffers.most()),
      messages(kMessages),
      linger(the_plan.max_streams, 0) {
  void* const memory = ::mmap(nullptr, plan.max_streams * sizeof(Stream), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  records = static_cast<Stream*>(memory);
}

Streams::Impl::~Impl() {
  CHECK(in_flight == 0);
  CHECK(open == 0);
  ::munmap(records, plan.max_streams * sizeof(Stream));
}

void Streams::Impl::enter(Stream& stream, StreamState next) noexcept {
  CHECK(may_follow(stream.state, next));
  stream.state = next;
}

void Streams::Impl::note(Stream& stream, StreamEventKind kind) noexcept {
  stream.pending |= bit(kind);
  if (stream.in_dirty) return;
  stream.in_dirty = true;
  dirty.push_back(index_of(stream));
}

void Streams::Impl::want_armed(Stream& stream) noexcept {
  if (stream.in_to_arm) return;
  stream.in_to_arm = true;
  to_arm.push_back(index_of(stream));
}

void Streams::Impl::want_sent(Stream& stream) noexcept {
  if (stream.in_to_send) return;
  stream.in_to_send = true;
  to_send.push_back(index_of(stream));
}

void Streams::Impl::requested(Stream& stream) noexcept {
  ++stream.requests;
  ++in_flight;
}

void Streams::Impl::came_home(Stream& stream) noexcept {
  CHECK(stream.requests > 0 && in_flight > 0);
  --stream.requests;
  --in_flight;
}

Streams::Impl::Message* Streams::Impl::message() noexcept {
  if (messages_used == kMessages) ring.submit();
  if (ring.unsubmitted() == 0) messages_used = 0;
  return messages_used == kMessages ? nullptr : &messages[messages_used++];
}

void Streams::Impl::completed(const Completion& completion) noexcept {
  Tag tag = completion.tag;
  tag.operation = shifted(tag.operation, plan.first_operation, Operation::accept);
  if (tag.operation == Operation::accept) return accept_completed(completion);
  if (tag.operation == Operation::stream_cancel && tag.generation == Tag::kGenerationMask) {
    --in_flight;  // of a listener's accept
    listeners[tag.index].cancelling = false;
    return;
  }
  CHECK(tag.index < used);
  Stream& stream = records[tag.index];
  // A record is not used again before all its requests have come home.
  CHECK(stream.incarnation == tag.generation && stream.state != StreamState::free);
  switch (tag.operation) {
    case Operation::stream_receive: receive_completed(stream, completion); break;
    case Operation::stream_send: send_completed(stream, completion.result); break;
    case Operation::connect: connect_completed(stream, completion.result); break;
    case Operation::stream_cancel:
      came_home(stream);
      stream.cancelling = false;
      want_armed(stream);  // it may have missed the receive, which was just being run again
      break;
    case Operation::accept:
    case Operation::stream_close:
    case Operation::receive_message:
    case Operation::receive:
    case Operation::send:
    case Operation::cancel:
    case Operation::radsec_accept:
    case Operation::radsec_connect:
    case Operation::radsec_receive:
    case Operation::radsec_send:
    case Operation::radsec_cancel:
    case Operation::radsec_close:
    case Operation::server_accept:
    case Operation::server_connect:
    case Operation::server_receive:
    case Operation::server_send:
    case Operation::server_cancel:
    case Operation::server_close:
    case Operation::wake_message:
    case Operation::wake_event:
    case Operation::cancel_all: CHECK(!"not an operation of streams");
  }
  settle(stream);
}

bool Streams::Impl::next_event(StreamEvent& event) noexcept {
  for (; dirty_at < dirty.size(); ++dirty_at) {
    Stream& stream = records[dirty[dirty_at]];
    while (stream.pending != 0) {
      const auto kind = static_cast<StreamEventKind>(std::countr_zero(stream.pending));
      stream.pending &= static_cast<std::uint8_t>(stream.pending - 1);
      // The owner may have read all when he was told something else.
      if (kind == StreamEventKind::received && stream.in.empty()) continue;
      event = {.kind = kind,
               .error = kind == StreamEventKind::failed ? stream.error : StreamError::none,
               .listener = stream.listener,
               .stream = id_of(stream),
               .owner = stream.owner};
      return true;
    }
    stream.in_dirty = false;
  }
  dirty.clear();
  dirty_at = 0;
  return false;
}

void Streams::Impl::flush() noexcept {
  settle_prompt();
  send_queued();
  buffers.publish();
  arm_receivers();
  update_accepting();
}

void Streams::Impl::tick(std::uint64_t to_ms) noexcept {
  now_ms = to_ms;
  settle_prompt();
  linger.advance(to_ms, [this](std::uint32_t index) {
    if (records[index].state == StreamState::closing) leave(records[index]);
  });
  relieve();
}

std::optional<std::uint64_t> Streams::Impl::next_deadline_ms() const noexcept {
  std::optional<std::uint64_t> deadline = linger.next_deadline_ms();
  const auto also = [&deadline](std::uint64_t at_ms) {
    if (!deadline || at_ms < *deadline) deadline = at_ms;
  };
  if (starved_since_ms) also(*starved_since_ms + kStarvedMs);
  if (accept_again_ms > now_ms) also(accept_again_ms);
  if (!prompt.empty()) also(now_ms + kPromptMs);
  return deadline;
}

// --- The public face -------------------------------------------------------------------------

Streams::Streams(Ring& ring, BufferPool& buffers, const StreamsPlan& plan)
    : impl_(std::make_unique<Impl>(ring, buffers, plan)) {}
Streams::~Streams() = default;

void Streams::stop_listening() {
  for (Impl::Listener& listener : impl_->listeners) listener.wanted = false;
}

void Streams::listen_again() noexcept {
  for (Impl::Listener& listener : impl_->listeners) listener.wanted = true;
}

bool Streams::accepting() const noexcept {
  return std::ranges::any_of(impl_->listeners, &Impl::Listener::armed);
}

void Streams::set_owner(StreamId stream, std::uint64_t owner) noexcept {
  if (Stream* const found = impl_->find(stream)) found->owner = owner;
}

void Streams::tick(std::uint64_t now_ms) noexcept { impl_->tick(now_ms); }

std::optional<std::uint64_t> Streams::next_deadline_ms() const noexcept {
  return impl_->next_deadline_ms();
}

void Streams::completed(const Completion& completion) noexcept { impl_->completed(completion); }
bool Streams::next_event(StreamEvent& event) noexcept { return impl_->next_event(event); }
void Streams::flush() noexcept { impl_->flush(); }
std::uint32_t Streams::in_flight() const noexcept { return impl_->in_flight; }
void Streams::shut_down() noexcept { impl_->shut_down(); }
std::uint32_t Streams::open() const noexcept { return impl_->open; }

Octets Streams::received(StreamId stream) const noexcept {
  const Stream* const found = impl_->find(stream);
  if (found == nullptr || found->in.empty()) return {};
  return impl_->buffers.octets(impl_->nodes.front(found->in));
}

std::size_t Streams::received_total(StreamId stream) const noexcept {
  const Stream* const found = impl_->find(stream);
  return found == nullptr ? 0 : found->in_octets;
}

bool Streams::gather(StreamId stream, std::size_t octets) noexcept {
  Stream* const found = impl_->find(stream);
  return found != nullptr && impl_->gather(*found, octets);
}

void Streams::peek(StreamId stream, std::size_t from, MutableOctets to) const noexcept {
  if (const Stream* const found = impl_->find(stream)) impl_->peek(*found, from, to);
}

void Streams::consume(StreamId stream, std::size_t octets) noexcept {
  if (Stream* const found = impl_->find(stream)) impl_->consume(*found, octets);
}

Slice Streams::take(StreamId stream, std::size_t octets) noexcept {
  Stream* const found = impl_->find(stream);
  return found == nullptr ? Slice{} : impl_->take(*found, octets);
}

void Streams::pause(StreamId stream) noexcept {
  Stream* const found = impl_->find(stream);
  if (found == nullptr || found->paused) return;
  found->paused = true;
  impl_->want_armed(*found);
}

void Streams::resume(StreamId stream) noexcept {
  Stream* const found = impl_->find(stream);
  if (found == nullptr || !found->paused) return;
  found->paused = false;
  impl_->want_armed(*found);
}

void Streams::send(StreamId stream, Octets octets) noexcept {
  if (Stream* const found = impl_->find(stream)) impl_->send(*found, octets);
}

void Streams::send(StreamId stream, Slice slice) noexcept {
  Stream* const found = impl_->find(stream);
  if (found != nullptr && !slice.empty()) {
    impl_->send(*found, slice);
  } else if (slice.buffer != Slice::kNone) {
    impl_->buffers.release(slice);
  }
}

bool Streams::writable(StreamId stream) const noexcept {
  Stream* const found = impl_->find(stream);
  if (found == nullptr) return false;
  if (found->out_octets < impl_->send_limit()) return true;
  found->throttled = true;
  return false;
}

std::size_t Streams::unsent(StreamId stream) const noexcept {
  const Stream* const found = impl_->find(stream);
  return found == nullptr ? 0 : found->out_octets;
}

std::uint64_t Streams::progress_ms(StreamId stream) noexcept {
  Stream* const found = impl_->find(stream);
  return found == nullptr ? impl_->now_ms : impl_->progress(*found);
}

void Streams::end(StreamId stream) noexcept {
  Stream* const found = impl_->find(stream);
  if (found == nullptr || found->end_wanted) return;
  found->end_wanted = true;
  impl_->want_sent(*found);
}

void Streams::close(StreamId stream) noexcept {
  if (Stream* const found = impl_->find(stream)) impl_->close(*found);
}

void Streams::abort(StreamId stream) noexcept {
  if (Stream* const found = impl_->find(stream)) impl_->abort(*found);
}

bool Streams::alive(StreamId stream) const noexcept { return impl_->find(stream) != nullptr; }

}  // namespace sallyport::ring
