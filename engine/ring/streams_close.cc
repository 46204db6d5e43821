// How a stream ends: in peace (end, close), by force (abort, failures), and how its record becomes
// free: not before the kernel has given all of its requests back.

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include "engine/ring/streams_core.h"
#include "protocol/check.h"

namespace sallyport::ring {

void Streams::Impl::finish_sending(Stream& stream) noexcept {
  if (!stream.end_wanted) return;
  if (stream.tls != nullptr && !stream.tls->close_notified) {
    notify_close(stream);
    if (!stream.out.empty()) return send_from(stream);
  }
  if (stream.peer_ended && stream.state == StreamState::closing) {
    enter(stream, StreamState::leaving);  // both have ended, or closing the socket says our FIN
    return settle(stream);
  }
  if (stream.end_sent) return;
  stream.end_sent = true;
  // Not by the ring: IORING_OP_SHUTDOWN always goes through a worker thread. If it fails, the
  // stream is broken, and the receive tells.
  static_cast<void>(::shutdown(stream.fd, SHUT_WR));
}

void Streams::Impl::forget_owner(Stream& stream) noexcept {
  // Never kGenerationMask, which marks what is a listener's.
  stream.generation = (stream.generation + 1) % Tag::kGenerationMask;
  stream.pending = 0;
  drop(stream.in);
  stream.in_octets = 0;
  if (stream.tls != nullptr) drop(stream.tls->cipher);
}

void Streams::Impl::close(Stream& stream) noexcept {
  const bool in_peace = stream.state == StreamState::open && !stream.send_broken;
  if (!in_peace && !stream.alerting) return abort(stream);
  forget_owner(stream);
  enter(stream, StreamState::closing);
  stream.end_wanted = true;
  want_sent(stream);
  want_armed(stream);
  linger.schedule(index_of(stream), now_ms + plan.linger_ms);
}

void Streams::Impl::abort(Stream& stream) noexcept {
  forget_owner(stream);
  leave(stream);
}

void Streams::Impl::disconnect(Stream& stream) noexcept {
  if (!stream.is_unix) {
    // Resets the connection at once (tcp_disconnect, net/ipv4/tcp.c), and so ends what the kernel
    // does for it. Closing would not: requests hold the socket open.
    const sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
    if (::connect(stream.fd, &nobody, sizeof(nobody)) == 0) return;
  }
  static_cast<void>(::shutdown(stream.fd, SHUT_RDWR));
}

void Streams::Impl::fail(Stream& stream, StreamError error) noexcept {
  if (stream.state == StreamState::closing) return leave(stream);  // nobody to tell
  if (stream.state == StreamState::failed || stream.state == StreamState::leaving) return;
  enter(stream, StreamState::failed);
  stream.error = error;
  note(stream, StreamEventKind::failed);
  disconnect(stream);
  drop_out(stream);
}

void Streams::Impl::leave(Stream& stream) noexcept {
  // A connect that is still queued would begin after the end.
  if (stream.state == StreamState::connecting) ring.submit();
  disconnect(stream);
  enter(stream, StreamState::leaving);
  drop_out(stream);
  settle(stream);
}

void Streams::Impl::settle(Stream& stream) noexcept {
  if (stream.state != StreamState::leaving || stream.requests > 0) return;
  CHECK(stream.in.empty());
  drop_out(stream);
  stream.tls.reset();
  linger.cancel(index_of(stream));
  if (stream.place != Stream::kNoPlace) {
    ring.vacate(std::exchange(stream.place, Stream::kNoPlace));
  }
  ::close(std::exchange(stream.fd, -1));
  enter(stream, StreamState::free);
  stream.next_free = first_free;
  first_free = index_of(stream);
  --open;
  accept_again_ms = 0;  // a descriptor is free
}

void Streams::Impl::drop(SliceQueue& queue) noexcept {
  while (!queue.empty()) buffers.release(nodes.pop(queue));
}

void Streams::Impl::drop_out(Stream& stream) noexcept {
  if (stream.tls != nullptr) drop(stream.tls->plain);
  if (stream.sending > 0) return;  // the kernel reads them: when the send has come home
  drop(stream.out);
  stream.out_octets = 0;
}

// --- When buffers are gone -------------------------------------------------------------------

std::size_t Streams::Impl::held(const Stream& stream) const noexcept {
  if (stream.state == StreamState::free || stream.state == StreamState::failed) return 0;
  std::size_t count = 0;
  const auto add = [&count](const Slice&) { return ++count > 0; };
  nodes.walk(stream.in, add);
  nodes.walk(stream.out, add);
  if (stream.tls != nullptr) nodes.walk(stream.tls->plain, add);
  return count;
}

void Streams::Impl::relieve() noexcept {
  // Only between two turns: then nobody is reading what goes.
  const bool nearly_gone = buffers.in_use() > buffers.most() - buffers.most() / 32;
  const bool starved = starved_since_ms && now_ms >= *starved_since_ms + kStarvedMs;
  if (!nearly_gone && !starved) return;
  // A walk over everything, so not often: what was cut off takes a turn to come home.
  if (last_shed_ms == now_ms) return;
  last_shed_ms = now_ms;
  if (starved) starved_since_ms = now_ms;
  // As many as it takes: where hundreds hold everything, one at a time would not be noticed.
  const std::size_t wanted = buffers.most() - buffers.most() / 16;
  std::size_t too_many = buffers.in_use() > wanted ? buffers.in_use() - wanted : 1;
  while (too_many > 0) {
    const std::size_t gone = shed_most();
    if (gone == 0) return;
    too_many -= std::min(too_many, gone);
  }
}

/// Cuts off who holds most, and returns how many buffers that will give back; 0: nobody has many.
std::size_t Streams::Impl::shed_most() noexcept {
  Stream* most = nullptr;
  std::size_t most_held = 1;  // one buffer is nobody's fault
  for (std::uint32_t index = 0; index < used; ++index) {
    const std::size_t count = held(records[index]);
    if (count <= most_held) continue;
    most = &records[index];
    most_held = count;
  }
  if (most == nullptr) return 0;
  fail(*most, StreamError::no_buffers);
  drop(most->in);
  most->in_octets = 0;
  if (most->tls != nullptr) drop(most->tls->cipher);
  return most_held;
}

std::uint32_t Streams::Impl::send_limit() const noexcept {
  // Many slow peers must not hold all buffers: each may hold less when buffers become few.
  const std::uint32_t in_use = buffers.in_use();
  if (in_use < buffers.most() / 2) return plan.send_limit_octets;
  if (in_use < buffers.most() / 4 * 3) return plan.send_limit_octets / 4;
  return plan.send_limit_octets / 16;
}

// --- Everything home -------------------------------------------------------------------------

void Streams::Impl::shut_down() noexcept {
  shutting_down = true;
  for (Listener& listener : listeners) listener.wanted = false;
  for (std::uint32_t index = 0; index < used; ++index) {
    Stream& stream = records[index];
    if (stream.state == StreamState::free || stream.state == StreamState::leaving) continue;
    abort(stream);
  }
  flush();
}

}  // namespace sallyport::ring
