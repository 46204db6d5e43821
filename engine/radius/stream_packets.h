#pragma once
// Whole packets out of a stream (RFC 6613 §2.6), read where they lie. On the stream's thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/ring/streams.h"
#include "protocol/radius/stream_frame.h"

namespace sallyport::radius_door {

struct StreamPackets {
  std::size_t octets = 0;  ///< of all that were taken: to be consumed when nobody looks at them
  std::optional<radius::Malformed> malformed = {};  ///< what follows them is no packet
};

/// Calls take(packet) for the first ones, at most `room`, that lie in one buffer of the stream. The
/// octets stay there until the stream consumes them.
template <typename Take>
[[nodiscard]] StreamPackets take_packets(ring::Streams& streams, ring::StreamId stream,
                                         std::size_t room, Take&& take) {
  StreamPackets taken;
  std::array<std::uint8_t, radius::kFrameHeadOctets> head;
  if (room == 0 || streams.received_total(stream) < head.size()) return taken;
  streams.peek(stream, 0, head);
  // Here, not below: received() may hold a part of the head only, which tells nothing.
  if (const auto first = radius::first_packet(head); !first) {
    taken.malformed = first.error();
    return taken;
  }
  if (!streams.gather(stream, radius::frame_octets(head))) return taken;

  const Octets received = streams.received(stream);
  for (; room > 0; --room) {
    const auto packet = radius::first_packet(received.subspan(taken.octets));
    if (!packet) {
      taken.malformed = packet.error();
      break;
    }
    if (!*packet) break;
    take(**packet);
    taken.octets += (*packet)->size();
  }
  return taken;
}

}  // namespace sallyport::radius_door
