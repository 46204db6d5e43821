#pragma once
// Heads on their way into HTTP/2 frames, in the form that nghttp2 takes: pseudo-header fields
// first, names in lower case, nothing that belongs to an HTTP/1 connection. One thread; its memory
// is used again and again.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "protocol/http/head.h"

namespace sallyport::http_door {

class H2FieldWriter {
 public:
  // What is returned is good until the next call, and as long as the head is not changed.

  /// An upgrade's success between the two sides is 101; here it is a 200 (RFC 8441 §4).
  [[nodiscard]] std::span<const nghttp2_nv> response(const http::ResponseHead& head);
  /// `scheme`: "http" or "https". A head with `protocol` becomes an extended CONNECT.
  [[nodiscard]] std::span<const nghttp2_nv> request(const http::RequestHead& head,
                                                    std::string_view scheme);
  [[nodiscard]] std::span<const nghttp2_nv> trailers(const http::Fields& fields);

 private:
  void put(std::string_view name, std::string_view value);
  void put_fields(const http::Fields& fields, bool handshake);
  void put_length(std::optional<std::uint64_t> length);

  std::vector<nghttp2_nv> out_;
  char status_[4] = {};
  char length_[24] = {};
};

}  // namespace sallyport::http_door
