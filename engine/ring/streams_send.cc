// Octets out: queued as slices, one send of a stream with the kernel at a time.

#include <algorithm>
#include <cerrno>
#include <utility>

#include <linux/tcp.h>  // netinet/tcp.h's tcp_info ends before tcpi_bytes_acked
#include <netinet/in.h>
#include <sys/socket.h>

#include "engine/ring/streams_core.h"
#include "protocol/check.h"

namespace sallyport::ring {

std::size_t Streams::Impl::room_behind(const SliceQueue& queue) noexcept {
  if (queue.empty()) return 0;
  const Slice& last = nodes.back(queue);
  // Octets behind a slice that the kernel is sending may be written: they are not in its vector.
  return buffers.shared(last) ? 0 : buffers.octets_each() - last.offset - last.length;
}

void Streams::Impl::append_copy(const SliceQueue& queue, Octets octets) noexcept {
  Slice& last = nodes.back(queue);
  const auto length = static_cast<std::uint32_t>(octets.size());
  copy_octets(octets,
              buffers.writable(
                  {.buffer = last.buffer, .offset = last.offset + last.length, .length = length}));
  last.length += length;
}

void Streams::Impl::send(Stream& stream, Octets octets) noexcept {
  SliceQueue& queue = outgoing(stream);
  while (!octets.empty()) {
    if (stream.state == StreamState::failed || stream.send_broken) return;
    std::size_t part = std::min(octets.size(), room_behind(queue));
    if (part == 0) {
      Slice fresh = buffers.allocate();
      if (fresh.buffer == Slice::kNone) return fail(stream, StreamError::no_buffers);
      fresh.length = 0;
      nodes.push(queue, fresh);
      part = std::min<std::size_t>(octets.size(), buffers.octets_each());
    }
    append_copy(queue, octets.first(part));
    queued(stream, part);
    octets = octets.subspan(part);
  }
}

void Streams::Impl::send(Stream& stream, Slice slice) noexcept {
  if (stream.state == StreamState::failed || stream.send_broken) return buffers.release(slice);
  SliceQueue& queue = outgoing(stream);
  if (slice.length <= kCopyOctets && room_behind(queue) >= slice.length) {
    append_copy(queue, buffers.octets(slice));
    buffers.release(slice);
  } else {
    nodes.push(queue, slice);
  }
  queued(stream, slice.length);
}

void Streams::Impl::queued(Stream& stream, std::size_t octets) noexcept {
  CHECK(!stream.end_wanted);
  if (stream.out_octets == 0) stream.progress_ms = now_ms;
  stream.out_octets += static_cast<std::uint32_t>(octets);
  want_sent(stream);
}

bool Streams::Impl::may_send(const Stream& stream) noexcept {
  return stream.state == StreamState::open || stream.state == StreamState::closing ||
         stream.alerting;
}

void Streams::Impl::send_queued() noexcept {
  flushing.swap(to_send);
  for (const std::uint32_t index : flushing) {
    Stream& stream = records[index];
    stream.in_to_send = false;
    if (!may_send(stream) || stream.sending > 0) continue;  // goes on when that is done
    if (stream.tls != nullptr) encrypt(stream);
    if (!stream.out.empty()) {
      send_from(stream);
    } else if (outgoing(stream).empty()) {
      finish_sending(stream);
    }
  }
  flushing.clear();
}

bool Streams::Impl::may_be_prompt(const Stream& stream) noexcept {
  // What waits for the end of this send (octets behind it, a FIN, a `drained` that is owed) needs a
  // completion that wakes the shard.
  return stream.state == StreamState::open && !stream.slow && !stream.end_wanted &&
         !stream.throttled && stream.sending == stream.out_octets &&
         stream.sending <= kPromptOctets;
}

void Streams::Impl::send_from(Stream& stream) noexcept {
  const Tag send_tag = tag(Operation::stream_send, stream);
  if (stream.out.head == stream.out.tail) {
    const Octets octets = buffers.octets(nodes.front(stream.out));
    stream.sending = static_cast<std::uint32_t>(octets.size());
    if (may_be_prompt(stream)) {
      ring.send_stream_now(note_prompt(stream), octets, send_tag);
    } else {
      ring.send_stream(stream.fd, octets, send_tag);
    }
    return requested(stream);
  }
  Message* const out = message();
  if (out == nullptr) return want_sent(stream);
  std::size_t pieces = 0;
  nodes.walk(stream.out, [&](const Slice& slice) {
    const MutableOctets octets = buffers.writable(slice);
    out->pieces[pieces++] = {.iov_base = octets.data(), .iov_len = octets.size()};
    stream.sending += slice.length;
    return pieces < kSendPieces;
  });
  out->header = {};
  out->header.msg_iov = out->pieces.data();
  out->header.msg_iovlen = pieces;
  if (may_be_prompt(stream)) {
    ring.send_stream_message_now(note_prompt(stream), out->header, send_tag);
  } else {
    ring.send_stream_message(stream.fd, out->header, send_tag);
  }
  requested(stream);
}

FileName Streams::Impl::note_prompt(Stream& stream) noexcept {
  stream.prompt = true;
  prompt.push_back(index_of(stream));
  // Only these go by the table: they are done when submitted, so none of them holds a file that has
  // left it.
  if (stream.prompt_sends < kSendsForAPlace && ++stream.prompt_sends == kSendsForAPlace) {
    stream.place = ring.take_place(stream.fd).value_or(Stream::kNoPlace);
  }
  if (stream.place == Stream::kNoPlace) return {.number = stream.fd, .registered = false};
  return {.number = static_cast<int>(stream.place), .registered = true};
}

void Streams::Impl::settle_prompt() noexcept {
  if (prompt.empty() || !ring.settled()) return;
  // By index: a send that is done may note what is to be sent next, but nothing is sent in here.
  for (const std::uint32_t index : prompt) {
    Stream& stream = records[index];
    if (!stream.prompt) continue;  // a completion has told
    send_completed(stream, static_cast<int>(stream.sending));
    settle(stream);
  }
  prompt.clear();
}

void Streams::Impl::send_completed(Stream& stream, int result) noexcept {
  came_home(stream);
  const std::uint32_t asked = std::exchange(stream.sending, 0);
  if (stream.prompt) {
    stream.prompt = false;
    stream.slow = result < static_cast<int>(asked);
  } else if (stream.out_octets == asked) {
    stream.slow = false;
  }
  if (!may_send(stream)) return drop_out(stream);
  if (result <= 0) {
    if (result == -EINTR || result == -EAGAIN || result == -ENOMEM) return want_sent(stream);
    return send_broke(stream, -result);
  }
  // Fewer than asked for: then came an error, which the next send will meet again.
  const std::uint32_t sent = std::min(static_cast<std::uint32_t>(result), asked);
  skip(stream.out, sent);
  stream.out_octets -= sent;
  stream.progress_ms = now_ms;
  if (stream.throttled && stream.out_octets <= send_limit() / 4) {
    stream.throttled = false;
    note(stream, StreamEventKind::drained);
  }
  if (stream.out_octets > 0 || stream.end_wanted) want_sent(stream);
}

void Streams::Impl::send_broke(Stream& stream, int error) noexcept {
  const StreamError judged = judge_stream_error(error);
  drop_out(stream);
  if (stream.alerting) return;
  if (stream.state == StreamState::closing || stream.peer_ended) return fail(stream, judged);
  // What the peer said before he broke off may explain it (a 413, then a reset): the receive brings
  // it, and then the end.
  stream.send_broken = true;
  stream.error = judged;
  want_armed(stream);
}

void Streams::Impl::skip(SliceQueue& queue, std::size_t octets) noexcept {
  while (octets > 0) {
    Slice& first = nodes.front(queue);
    if (octets < first.length) {
      first.offset += static_cast<std::uint32_t>(octets);
      first.length -= static_cast<std::uint32_t>(octets);
      return;
    }
    octets -= first.length;
    buffers.release(nodes.pop(queue));
  }
}

std::uint64_t Streams::Impl::progress(Stream& stream) noexcept {
  if (stream.out_octets == 0) return now_ms;
  if (stream.sending == 0 || stream.is_unix) return stream.progress_ms;
  // A send completes when the last octet of many is in the socket's buffer, which a slow peer takes
  // long for. What he has acknowledged tells (RFC 4898's tcpEStatsAppHCThruOctetsAcked).
  tcp_info info{};
  socklen_t octets = sizeof(info);
  if (::getsockopt(stream.fd, IPPROTO_TCP, TCP_INFO, &info, &octets) == 0) {
    const auto acked = static_cast<std::uint32_t>(info.tcpi_bytes_acked);
    if (std::exchange(stream.acked, acked) != acked) stream.progress_ms = now_ms;
  }
  return stream.progress_ms;
}

}  // namespace sallyport::ring
