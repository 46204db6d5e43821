#include "engine/http/h2_head.h"

#include <algorithm>

#include "protocol/http/field_text.h"
#include "protocol/http/strictness.h"
#include "protocol/http/target.h"

namespace sallyport::http_door {
namespace {

using http::FieldName;

/// A head that is this many times larger than allowed is no mistake.
constexpr std::uint64_t kFloodFactor = 4;
constexpr std::uint64_t kOctetsAField = 32;  // RFC 9113 §6.5.2

/// Origin form, or "*": what an HTTP/1 request line can carry (RFC 9112 §3.2). No fragment, and
/// nothing that is not visible ASCII.
bool valid_target(std::string_view target) noexcept {
  if (target.empty() || (target.front() != '/' && target != "*")) return false;
  return std::ranges::all_of(target, [](char c) { return c > ' ' && c < '\x7f' && c != '#'; });
}

void assign_lower(std::string& out, std::string_view text) {
  out.resize(text.size());
  std::ranges::transform(text, out.begin(), http::to_lower);
}

/// Fields that belong to one connection: nghttp2 lets none of them through but TE (RFC 9113
/// §8.2.2); here they are named again, since what they could do is request smuggling.
bool connection_specific(FieldName id, std::string_view value) noexcept {
  switch (id) {
    case FieldName::connection:
    case FieldName::keep_alive:
    case FieldName::proxy_connection:
    case FieldName::transfer_encoding:
    case FieldName::upgrade: return true;
    case FieldName::te: return !http::equal_ignoring_case(value, "trailers");
    default: return false;  // any other field
  }
}

}  // namespace

void H2HeadReader::start() noexcept {
  fault_ = H2Fault::none;
  octets_ = 0;
  fields_ = 0;
  host_ = false;
  cookie_.clear();
}

void H2HeadReader::fail(H2Fault fault) noexcept { fault_ = std::max(fault_, fault); }

bool H2HeadReader::count(std::string_view name, std::string_view value) noexcept {
  octets_ += name.size() + value.size() + kOctetsAField;
  ++fields_;
  const std::uint64_t allowed =
      std::uint64_t{limits_.max_head_octets} + kOctetsAField * limits_.max_fields;
  if (octets_ > allowed * kFloodFactor) {
    fail(H2Fault::flood);
  } else if (octets_ > allowed || fields_ > limits_.max_fields ||
             name.size() > http::Fields::kMostNameOctets) {
    fail(H2Fault::too_large);
  }
  return fault_ == H2Fault::none;
}

void H2HeadReader::pseudo_field(http::RequestHead& head, std::string_view name,
                                std::string_view value) {
  if (name == ":method") {
    head.method = http::method_of(value);
    head.method_text = value;
  } else if (name == ":path") {
    if (value.size() > limits_.max_target_octets) return fail(H2Fault::target_too_long);
    if (!valid_target(value)) return fail(H2Fault::malformed);
    head.target = value;
  } else if (name == ":authority") {
    if (!http::split_authority(value)) return fail(H2Fault::malformed);
    assign_lower(head.authority, value);
  } else if (name == ":scheme") {
    if (value != "http" && value != "https") return fail(H2Fault::malformed);
    head.scheme = value;
  } else if (name == ":protocol") {
    // One of the names that Upgrade has (RFC 8441 §4): not a list of them.
    if (!http::is_token(value)) return fail(H2Fault::malformed);
    assign_lower(head.protocol, value);
  } else {
    fail(H2Fault::malformed);
  }
}

/// RFC 9113 §8.3.1: a server takes :authority, and treats a Host field that differs as malformed.
void H2HeadReader::host_field(http::RequestHead& head, std::string_view value) {
  if (host_ || !http::split_authority(value)) return fail(H2Fault::malformed);
  host_ = true;
  if (head.authority.empty()) return assign_lower(head.authority, value);
  if (!http::equal_ignoring_case(head.authority, value)) fail(H2Fault::malformed);
}

void H2HeadReader::request_field(http::RequestHead& head, std::string_view name,
                                 std::string_view value) {
  const bool pseudo = name.starts_with(':');
  // The target has its own limit and status.
  if (!(name == ":path" && value.size() > limits_.max_target_octets) && !count(name, value)) return;
  if (pseudo) return pseudo_field(head, name, value);
  const FieldName id = http::field_name(name);
  if (connection_specific(id, value)) return fail(H2Fault::malformed);
  switch (id) {
    case FieldName::host: return host_field(head, value);
    case FieldName::content_length: {
      const auto length = http::read_content_length(value);
      if (!length || head.content_length) return fail(H2Fault::malformed);
      head.content_length = length;
      return;
    }
    case FieldName::cookie:
      if (!cookie_.empty()) cookie_ += "; ";
      cookie_ += value;
      return;
    case FieldName::expect:
      head.expect_continue = http::equal_ignoring_case(value, "100-continue");
      break;
    default: break;  // any other field
  }
  head.fields.add(id, name, value);
}

H2Fault H2HeadReader::request_end(http::RequestHead& head, bool last) {
  if (!cookie_.empty()) head.fields.add(FieldName::cookie, "cookie", cookie_);
  const bool tunnel = head.method == http::Method::connect;
  if (head.target == "*" && head.method != http::Method::options) fail(H2Fault::malformed);
  if (head.authority.empty() && fault_ < H2Fault::target_too_long) fail(H2Fault::malformed);
  // RFC 8441 §4: :protocol makes an ordinary target out of CONNECT's; nothing has it but CONNECT.
  if (!head.protocol.empty() && !tunnel) fail(H2Fault::malformed);
  if (last && head.content_length.value_or(0) != 0) fail(H2Fault::malformed);
  if (last) {
    head.framing = http::Framing::none;
  } else {
    head.framing = tunnel ? http::Framing::tunnel : http::Framing::stream;
  }
  return fault_;
}

void H2HeadReader::response_field(http::ResponseHead& head, std::string_view name,
                                  std::string_view value) {
  if (!count(name, value)) return;
  if (name == ":status") {
    const auto status = http::read_content_length(value);
    if (value.size() != 3 || !status || *status < 100) return fail(H2Fault::malformed);
    head.status = static_cast<std::uint16_t>(*status);
    return;
  }
  const FieldName id = http::field_name(name);
  if (name.starts_with(':') || connection_specific(id, value)) return fail(H2Fault::malformed);
  if (id == FieldName::content_length) {
    const auto length = http::read_content_length(value);
    if (!length || head.content_length) return fail(H2Fault::malformed);
    head.content_length = length;
    return;
  }
  head.fields.add(id, name, value);
}

H2Fault H2HeadReader::response_end(http::ResponseHead& head, http::Method request_method,
                                   bool last) {
  if (head.status == 0 || head.status == 101) fail(H2Fault::malformed);  // RFC 9113 §8.6
  if (last && head.interim()) fail(H2Fault::malformed);                  // RFC 9113 §8.1
  // Whether END_STREAM comes with the head or behind it (RFC 9110 §6.4.1).
  const bool bodiless = last || head.interim() || request_method == http::Method::head ||
                        head.status == 204 || head.status == 304;
  if (head.status == 204) head.content_length.reset();  // RFC 9110 §8.6: it must not have one
  head.framing = bodiless ? http::Framing::none : http::Framing::stream;
  return fault_;
}

void H2HeadReader::trailer_field(http::Fields& trailers, std::string_view name,
                                 std::string_view value) {
  if (!count(name, value)) return;
  if (name.starts_with(':')) return fail(H2Fault::malformed);
  const FieldName id = http::field_name(name);
  if (http::is_trailer(id, name)) trailers.add(id, name, value);
}

}  // namespace sallyport::http_door
