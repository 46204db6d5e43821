// Octets in: what comes is kept in order, the receive is armed and cancelled as its owner can take
// it, and begins again when buffers are back.

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/ring/streams_core.h"
#include "protocol/check.h"

namespace sallyport::ring {
namespace {

/// Why a multishot receive has ended without octets.
enum class ReceiveEnd : std::uint8_t {
  pause,    ///< nothing is wrong, or we have cancelled it
  starved,  ///< no buffer was free
  broken,   ///< the stream is
};

ReceiveEnd judge_receive(int error) noexcept {
  switch (error) {
    case ECANCELED:
    case EAGAIN:
    case EINTR:
    case ENOMEM: return ReceiveEnd::pause;
    case ENOBUFS: return ReceiveEnd::starved;
    default: return ReceiveEnd::broken;  // judge_stream_error tells how
  }
}

}  // namespace

void Streams::Impl::receive_completed(Stream& stream, const Completion& completion) noexcept {
  if (const auto buffer = completion.buffer()) {
    const auto octets = static_cast<std::size_t>(std::max(completion.result, 0));
    const Slice slice = buffers.arrived(*buffer, octets);
    if (octets > 0 && stream.state == StreamState::open) {
      append(stream, slice);
    } else {
      buffers.release(slice);
    }
  }
  if (completion.more()) return;
  came_home(stream);
  stream.armed = false;
  receive_ended(stream, completion.result);
}

void Streams::Impl::receive_ended(Stream& stream, int result) noexcept {
  if (stream.state != StreamState::open && stream.state != StreamState::closing) return;
  if (result > 0) return want_armed(stream);  // the kernel had no room to post more
  if (result == 0) return peer_has_ended(stream);
  switch (judge_receive(-result)) {
    case ReceiveEnd::pause:
      if (stream.send_broken) return fail(stream, stream.error);
      return want_armed(stream);
    case ReceiveEnd::starved:
      stream.starved = true;
      if (!starved_since_ms) starved_since_ms = now_ms;
      return want_armed(stream);
    case ReceiveEnd::broken:
      return fail(stream, stream.send_broken ? stream.error : judge_stream_error(-result));
  }
}

void Streams::Impl::peer_has_ended(Stream& stream) noexcept {
  stream.peer_ended = true;
  if (stream.state == StreamState::closing) {
    want_sent(stream);  // all may be done
  } else if (stream.send_broken) {
    fail(stream, stream.error);
  } else if (stream.tls != nullptr) {
    tls_ended(stream);
  } else {
    note(stream, StreamEventKind::ended);
  }
}

void Streams::Impl::append(Stream& stream, Slice slice) noexcept {
  if (stream.tls != nullptr) {
    nodes.push(stream.tls->cipher, slice);
    return decrypt(stream);
  }
  const std::uint32_t octets = slice.length;
  if (slice.length < kCopyOctets && room_behind(stream.in) >= slice.length) {
    append_copy(stream.in, buffers.octets(slice));
    buffers.release(slice);
  } else {
    nodes.push(stream.in, slice);
  }
  appended(stream, octets);
}

void Streams::Impl::appended(Stream& stream, std::size_t octets) noexcept {
  stream.in_octets += static_cast<std::uint32_t>(octets);
  note(stream, StreamEventKind::received);
}

// --- Back-pressure ---------------------------------------------------------------------------

bool Streams::Impl::wants_octets(const Stream& stream) const noexcept {
  if (stream.peer_ended) return false;
  if (stream.state == StreamState::closing) return true;  // and drops them
  return stream.state == StreamState::open && (!stream.paused || stream.send_broken);
}

void Streams::Impl::arm_receivers() noexcept {
  flushing.swap(to_arm);
  std::uint32_t buffers_left = buffers.lent();
  bool starved = false;
  for (const std::uint32_t index : flushing) {
    Stream& stream = records[index];
    stream.in_to_arm = false;
    const bool want = wants_octets(stream);
    if (want && !stream.armed) {
      if (stream.starved && buffers_left == 0) {
        starved = true;
        want_armed(stream);  // in the same order: the longest starved one is served first
        continue;
      }
      if (stream.starved) --buffers_left;
      stream.starved = false;
      ring.receive_stream(stream.fd, buffers.group(), stream.quiet,
                          tag(Operation::stream_receive, stream));
      stream.quiet = false;
      stream.armed = true;
      requested(stream);
    } else if (!want && stream.armed && !stream.cancelling && stream.state == StreamState::open) {
      ring.cancel(tag(Operation::stream_receive, stream), tag(Operation::stream_cancel, stream));
      stream.cancelling = true;
      requested(stream);
    }
  }
  flushing.clear();
  if (!starved) starved_since_ms.reset();
}

// --- What the owner does with it -------------------------------------------------------------

bool Streams::Impl::gather(Stream& stream, std::size_t octets) noexcept {
  if (octets > stream.in_octets || octets > buffers.octets_each()) return false;
  if (octets == 0 || nodes.front(stream.in).length >= octets) return true;
  if (buffers.shared(nodes.front(stream.in))) {
    Slice fresh = buffers.allocate();
    if (fresh.buffer == Slice::kNone) return false;
    Slice& first = nodes.front(stream.in);
    fresh.length = first.length;
    copy_octets(buffers.octets(first), buffers.writable(fresh));
    buffers.release(first);
    first = fresh;
  }
  Slice first = nodes.pop(stream.in);  // the buffer is ours alone: all of it may be written to
  if (first.offset + octets > buffers.octets_each()) {
    const Slice moved{.buffer = first.buffer, .offset = 0, .length = first.length};
    std::memmove(buffers.writable(moved).data(), buffers.octets(first).data(), first.length);
    first = moved;
  }
  while (first.length < octets) {
    Slice& next = nodes.front(stream.in);
    const auto part =
        static_cast<std::uint32_t>(std::min<std::size_t>(next.length, octets - first.length));
    const Slice room{.buffer = first.buffer, .offset = first.offset + first.length, .length = part};
    copy_octets(buffers.octets(next).first(part), buffers.writable(room));
    first.length += part;
    next.offset += part;
    next.length -= part;
    if (next.empty()) buffers.release(nodes.pop(stream.in));
  }
  nodes.push_front(stream.in, first);
  return true;
}

void Streams::Impl::peek(const Stream& stream, std::size_t from, MutableOctets to) const noexcept {
  CHECK(from + to.size() <= stream.in_octets);
  nodes.walk(stream.in, [&](const Slice& slice) {
    const Octets octets = buffers.octets(slice);
    const Octets part = octets.subspan(std::min(from, octets.size()));
    const std::size_t count = std::min(part.size(), to.size());
    copy_octets(part.first(count), to.first(count));
    to = to.subspan(count);
    from -= octets.size() - part.size();
    return !to.empty();
  });
}

void Streams::Impl::consume(Stream& stream, std::size_t octets) noexcept {
  CHECK(octets <= stream.in_octets);
  stream.in_octets -= static_cast<std::uint32_t>(octets);
  skip(stream.in, octets);
}

Slice Streams::Impl::take(Stream& stream, std::size_t octets) noexcept {
  if (octets == 0) return {};
  CHECK(!stream.in.empty() && octets <= nodes.front(stream.in).length);
  const auto length = static_cast<std::uint32_t>(octets);
  stream.in_octets -= length;
  Slice& first = nodes.front(stream.in);
  if (length == first.length) return nodes.pop(stream.in);
  const Slice taken{.buffer = first.buffer, .offset = first.offset, .length = length};
  buffers.retain(taken);
  first.offset += length;
  first.length -= length;
  return taken;
}

}  // namespace sallyport::ring
