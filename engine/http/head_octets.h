#pragma once
// A head of HTTP/1 as it comes, wherever its octets lie. Mostly that is one buffer and nothing is
// done; a head that is longer than a buffer is copied together, each octet once.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/ring/streams.h"
#include "protocol/http/h1_parser.h"

namespace sallyport::http_door {

class HeadOctets {
 public:
  /// Has `parse(octets, searched)` read what the stream has received of its next head, `searched`
  /// octets of which it has seen before. Until it is through, nothing may be consumed of the
  /// stream.
  template <typename Parse>
  [[nodiscard]] http::ParsedHead read(ring::Streams& streams, ring::StreamId stream,
                                      std::size_t octets_a_buffer, const http::Limits& limits,
                                      Parse parse) {
    const Octets first = streams.received(stream);
    http::ParsedHead parsed{.state = http::Parse::need_more, .consumed = searched_, .refusal = {}};
    // What has been copied together before is longer than the first buffer, which says nothing new.
    if (searched_ <= first.size()) parsed = parse(first, searched_);
    if (parsed.state == http::Parse::need_more && streams.received_total(stream) > first.size()) {
      const Octets whole = gather(streams, stream, octets_a_buffer, limits);
      parsed = whole.size() > first.size()
                   ? parse(whole, parsed.consumed)
                   : http::ParsedHead{.state = http::Parse::bad,
                                      .consumed = 0,
                                      .refusal = {431, "the head is too large"}};
    }
    if (parsed.state == http::Parse::need_more) {
      searched_ = parsed.consumed;
    } else {
      searched_ = 0;
      if (!copied_.empty()) std::vector<std::uint8_t>().swap(copied_);
    }
    return parsed;
  }

 private:
  static constexpr std::size_t kEmptyLines = 4;  ///< octets of those in front of a request

  /// As much as one may hold; empty: no buffer is free.
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

  std::vector<std::uint8_t> copied_;
  std::size_t searched_ = 0;  ///< octets of a head in which its end is not
};

}  // namespace sallyport::http_door
