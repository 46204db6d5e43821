#include "engine/http/h2_fields.h"

#include <charconv>
#include <optional>

#include "protocol/http/field_text.h"

namespace sallyport::http_door {
namespace {

using http::FieldName;

/// RFC 9113 §8.2.2; and Content-Length and Host, which a head keeps apart from its fields.
bool left_out(const http::Field& field) noexcept {
  switch (field.id) {
    case FieldName::connection:
    case FieldName::content_length:
    case FieldName::host:
    case FieldName::keep_alive:
    case FieldName::proxy_connection:
    case FieldName::transfer_encoding:
    case FieldName::upgrade: return true;
    case FieldName::te: return !http::equal_ignoring_case(field.value, "trailers");
    default:  // any other field
      return field.name.empty() || field.name.front() == ':';
  }
}

/// HTTP/2 has its own handshake for WebSockets (RFC 8441 §5).
bool handshake_field(const http::Field& field) noexcept {
  return field.id == FieldName::other &&
         (http::equal_ignoring_case(field.name, "sec-websocket-key") ||
          http::equal_ignoring_case(field.name, "sec-websocket-accept"));
}

}  // namespace

void H2FieldWriter::put(std::string_view name, std::string_view value) {
  // nghttp2 takes pointers to what is not const for old C's sake, and writes through neither; it
  // copies both and turns names into lower case.
  // NOLINTBEGIN(cppcoreguidelines-pro-type-const-cast)
  out_.push_back({
      .name = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(name.data())),
      .value = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(value.data())),
      .namelen = name.size(),
      .valuelen = value.size(),
      .flags = NGHTTP2_NV_FLAG_NONE,
  });
  // NOLINTEND(cppcoreguidelines-pro-type-const-cast)
}

void H2FieldWriter::put_fields(const http::Fields& fields, bool handshake) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const http::Field field = fields[i];
    if (left_out(field) || (handshake && handshake_field(field))) continue;
    put(field.name, field.value);
    // Credentials are never put into the peer's table, where their length can be guessed at
    // (RFC 7541 §7.1.3).
    if (field.id == FieldName::authorization || field.id == FieldName::proxy_authorization) {
      out_.back().flags = NGHTTP2_NV_FLAG_NO_INDEX;
    }
  }
}

void H2FieldWriter::put_length(std::optional<std::uint64_t> length) {
  if (!length) return;
  const auto [end, error] = std::to_chars(std::begin(length_), std::end(length_), *length);
  put("content-length", {length_, end});
}

std::span<const nghttp2_nv> H2FieldWriter::response(const http::ResponseHead& head) {
  out_.clear();
  const bool upgraded = head.status == 101;
  const unsigned status = upgraded ? 200 : head.status;
  const auto [end, error] = std::to_chars(std::begin(status_), std::end(status_), status);
  put(":status", {status_, end});
  put_fields(head.fields, upgraded);
  // RFC 9110 §8.6: none with 1xx and 204.
  if (status >= 200 && status != 204 && !upgraded) put_length(head.content_length);
  return out_;
}

std::span<const nghttp2_nv> H2FieldWriter::request(const http::RequestHead& head,
                                                   std::string_view scheme) {
  out_.clear();
  const bool upgrade = !head.protocol.empty();
  put(":method", upgrade ? "CONNECT" : std::string_view(head.method_text));
  if (upgrade) put(":protocol", head.protocol);
  if (upgrade || head.method != http::Method::connect) {
    put(":scheme", scheme);
    put(":path", head.target);
  }
  put(":authority", head.authority);
  put_fields(head.fields, upgrade);
  if (!upgrade) put_length(head.content_length);
  return out_;
}

std::span<const nghttp2_nv> H2FieldWriter::trailers(const http::Fields& fields) {
  out_.clear();
  put_fields(fields, false);
  return out_;
}

}  // namespace sallyport::http_door
