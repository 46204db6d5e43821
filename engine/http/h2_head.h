#pragma once
// Heads from HTTP/2 frames: one field after the other, as HPACK gives them out, becomes the head
// that both protocols share. nghttp2 has checked before what RFC 9113 §8 says of names, values and
// pseudo-header fields; what is checked here is what an HTTP/1 upstream could read differently.
// Pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/http/h1_parser.h"
#include "protocol/http/head.h"

namespace sallyport::http_door {

/// What is wrong with a head.
enum class H2Fault : std::uint8_t {
  none,
  malformed,        ///< a stream error PROTOCOL_ERROR (RFC 9113 §8.1.1)
  target_too_long,  ///< 414
  too_large,        ///< 431: octets or fields
  flood,            ///< beyond all measure: the connection ends
};

/// Builds one head at a time. Of `limits.max_head_octets` each field takes 32 more than it has (RFC
/// 9113 §6.5.2): so many are allowed besides.
class H2HeadReader {
 public:
  explicit H2HeadReader(const http::Limits& limits) : limits_(limits) {}

  void start() noexcept;
  /// A field of a request's head. Views live for the call only.
  void request_field(http::RequestHead& head, std::string_view name, std::string_view value);
  /// The head is complete; `last`: nothing follows it.
  [[nodiscard]] H2Fault request_end(http::RequestHead& head, bool last);
  void response_field(http::ResponseHead& head, std::string_view name, std::string_view value);
  /// `request_method`: of the request that is answered.
  [[nodiscard]] H2Fault response_end(http::ResponseHead& head, http::Method request_method,
                                     bool last);
  /// Fields that have no place behind a body (RFC 9110 §6.5.1) are left out.
  void trailer_field(http::Fields& trailers, std::string_view name, std::string_view value);
  [[nodiscard]] H2Fault trailers_end() const noexcept { return fault_; }
  [[nodiscard]] bool flooded() const noexcept { return fault_ == H2Fault::flood; }

 private:
  [[nodiscard]] bool count(std::string_view name, std::string_view value) noexcept;
  void fail(H2Fault fault) noexcept;
  void pseudo_field(http::RequestHead& head, std::string_view name, std::string_view value);
  void host_field(http::RequestHead& head, std::string_view value);

  http::Limits limits_;
  H2Fault fault_ = H2Fault::none;
  std::uint64_t octets_ = 0;
  std::uint32_t fields_ = 0;
  bool host_ = false;   ///< a Host field has come
  std::string cookie_;  ///< crumbs, put together (RFC 9113 §8.2.3)
};

}  // namespace sallyport::http_door
