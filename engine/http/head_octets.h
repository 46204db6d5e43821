#pragma once
// The octets of an HTTP/1 head in one piece, wherever they lie. Mostly that is one buffer and
// nothing is done; a head that is longer than a buffer is copied together, each octet once.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/ring/streams.h"
#include "protocol/http/h1_parser.h"

namespace sallyport::http_door {

class HeadOctets {
 public:
  /// What the stream has received of its next head, as far as one may go; empty: no buffer is free.
  /// Until reset(), nothing may be consumed of the stream.
  [[nodiscard]] Octets gather(ring::Streams& streams, ring::StreamId stream,
                              std::size_t octets_a_buffer, const http::Limits& limits) {
    const std::size_t wanted =
        std::min(streams.received_total(stream), std::size_t{limits.max_head_octets} + kEmptyLines);
    if (wanted <= octets_a_buffer) {
      return streams.gather(stream, wanted) ? streams.received(stream) : Octets{};
    }
    const std::size_t known = copied_.size();
    copied_.resize(std::max(wanted, known));
    streams.peek(stream, known, MutableOctets(copied_).subspan(known));
    return copied_;
  }
  void reset() noexcept {
    if (!copied_.empty()) std::vector<std::uint8_t>().swap(copied_);
  }

 private:
  static constexpr std::size_t kEmptyLines = 4;  ///< that may stand in front of a request

  std::vector<std::uint8_t> copied_;
};

}  // namespace sallyport::http_door
