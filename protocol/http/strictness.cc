#include "protocol/http/strictness.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "protocol/http/field_text.h"
#include "protocol/http/target.h"

namespace sallyport::http {
namespace {

/// The longest registered one is UPDATEREDIRECTREF; a longer one is not implemented by anybody.
constexpr std::size_t kMaxMethodOctets = 32;
/// Of a length: 10^19 - 1 is below 2^64.
constexpr std::size_t kMaxLengthDigits = 19;
/// Each is looked for among the fields.
constexpr std::uint32_t kMaxConnectionOptions = 32;

/// Octets that a request target may hold: VCHAR but the number sign, since a fragment is never sent
/// (RFC 9112 §3.2).
constexpr OctetSet kTargetOctets = [] {
  OctetSet allowed{};
  for (std::size_t c = 0x21; c < 0x7f; ++c) allowed[c] = c != '#';
  return allowed;
}();

void append_lower(std::string& out, std::string_view text) {
  const std::size_t start = out.size();
  out.append(text);
  std::transform(out.begin() + static_cast<std::ptrdiff_t>(start), out.end(),
                 out.begin() + static_cast<std::ptrdiff_t>(start), to_lower);
}

/// "http://host:80/path?query" (RFC 9112 §3.2.2).
Refusal read_absolute_form(std::string_view target, RequestHead& head) {
  std::string_view rest = target;
  for (const std::string_view scheme :
       {std::string_view("http://"), std::string_view("https://")}) {
    if (starts_ignoring_case(target, scheme)) rest = target.substr(scheme.size());
  }
  if (rest.size() == target.size()) return {400, "target of no known form"};
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  if (!split_authority(authority)) return {400, "invalid authority in the target"};
  append_lower(head.authority, authority);
  rest.remove_prefix(authority.size());
  if (rest.starts_with('/')) {
    head.target.assign(rest);
  } else if (rest.empty() && head.method == Method::options) {
    head.target = "*";  // §3.2.4
  } else {
    head.target.assign("/").append(rest);
  }
  return {};
}

/// RFC 9112 §3.2: one Host in HTTP/1.1, valid, and the same as an absolute form names.
Refusal settle_host(const SingleField& host, RequestHead& head) {
  if (host.count > 1) return {400, "more than one Host"};
  if (host.count == 0) {
    return head.minor_version == 0 ? Refusal{} : Refusal{400, "no Host"};
  }
  if (!split_authority(host.value)) return {400, "invalid Host"};
  if (head.authority.empty()) {
    append_lower(head.authority, host.value);
  } else if (!equal_ignoring_case(head.authority, host.value)) {
    // The target would win; but somebody in front of us may have looked at Host.
    return {400, "Host differs from the target"};
  }
  return {};
}

enum class Coding : std::uint8_t { chunked, chunked_after_others, other, malformed };

/// Transfer-Encoding (RFC 9112 §6.1), one line.
Coding coding_of(std::string_view value) {
  if (equal_ignoring_case(value, "chunked")) return Coding::chunked;
  bool last_is_chunked = false;
  bool done = false;
  while (!done) {
    const std::size_t comma = value.find(',');
    const std::string_view element = trim(value.substr(0, comma));
    if (element.empty() || last_is_chunked) return Coding::malformed;
    last_is_chunked = equal_ignoring_case(element, "chunked");
    done = comma == std::string_view::npos;
    if (!done) value.remove_prefix(comma + 1);
  }
  return last_is_chunked ? Coding::chunked_after_others : Coding::other;
}

/// What delimits the content, as far as the fields tell. `Head` is a RequestHead or a ResponseHead;
/// the statuses are those that a request is refused with.
template <typename Head>
Refusal settle_framing(const Decisive& decisive, Head& head) {
  const SingleField& encoding = decisive.transfer_encoding;
  const SingleField& length = decisive.content_length;
  if (decisive.connection_options > kMaxConnectionOptions) {
    return {400, "too many connection options"};
  }
  if (decisive.malformed_option) return {400, "malformed Connection"};
  if (encoding.count > 0) {
    if (length.count > 0) return {400, "Content-Length beside Transfer-Encoding"};
    if (head.minor_version == 0) return {400, "Transfer-Encoding in HTTP/1.0"};
    if (encoding.count > 1) return {400, "more than one Transfer-Encoding"};
    switch (coding_of(encoding.value)) {
      case Coding::chunked: break;
      case Coding::chunked_after_others: return {501, "unknown transfer coding"};
      case Coding::other: return {400, "chunked is not the last transfer coding"};
      case Coding::malformed: return {400, "malformed Transfer-Encoding"};
    }
    head.framing = Framing::chunked;
  } else if (length.count > 0) {
    if (length.count > 1) return {400, "more than one Content-Length"};
    head.content_length = read_content_length(length.value);
    if (!head.content_length) return {400, "malformed Content-Length"};
    head.framing = *head.content_length == 0 ? Framing::none : Framing::length;
  }
  return {};
}

template <typename Head>
bool stays_open(const Decisive& decisive, const Head& head) {
  if (decisive.close) return false;
  return head.minor_version > 0 || decisive.keep_alive;
}

}  // namespace

bool Decisive::see(FieldName id, std::string_view value) noexcept {
  if (id == FieldName::other) return false;
  if (id == FieldName::host) return host.see(value), true;
  if (id == FieldName::content_length) return content_length.see(value), true;
  if (id == FieldName::transfer_encoding) return transfer_encoding.see(value), true;
  if (id == FieldName::upgrade) upgrade.see(value);
  if (id == FieldName::expect) expect.see(value);
  if (id == FieldName::connection) see_options(value);
  return false;
}

void Decisive::see_options(std::string_view value) noexcept {
  while (!value.empty()) {
    const std::size_t comma = std::min(value.find(','), value.size());
    const std::string_view option = trim(value.substr(0, comma));
    ++connection_options;
    if (equal_ignoring_case(option, "keep-alive")) {
      keep_alive = true;
    } else if (equal_ignoring_case(option, "close")) {
      close = true;
    } else if (equal_ignoring_case(option, "upgrade")) {
      upgrading = true;
    } else if (!option.empty() && !is_token(option)) {  // RFC 9110 §5.6.1: may be empty
      malformed_option = true;
    }
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
}

std::optional<std::uint64_t> read_content_length(std::string_view text) noexcept {
  if (text.empty() || text.size() > kMaxLengthDigits) return std::nullopt;
  std::uint64_t length = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return length;
}

Refusal read_request_target(std::string_view method, std::string_view target,
                            std::uint32_t max_octets, RequestHead& head) {
  if (method.size() > kMaxMethodOctets) return {501, "method too long"};
  head.method = method_of(method);
  head.method_text.assign(method);
  if (target.size() > max_octets) return {414, "target too long"};
  if (count_leading(kTargetOctets, target) != target.size())
    return {400, "octet that a target may not hold"};
  if (head.method == Method::connect) return {501, "CONNECT"};
  if (target.starts_with('/')) {
    head.target.assign(target);
    return {};
  }
  if (target == "*") {
    if (head.method != Method::options) return {400, "asterisk form without OPTIONS"};
    head.target.assign(target);
    return {};
  }
  return read_absolute_form(target, head);
}

Refusal settle_request(const Decisive& decisive, RequestHead& head) {
  if (const Refusal refusal = settle_host(decisive.host, head)) return refusal;
  if (const Refusal refusal = settle_framing(decisive, head)) return refusal;
  head.keep_alive = stays_open(decisive, head);
  if (head.minor_version == 0) {
    head.fields.remove(FieldName::expect);  // to be ignored (RFC 9110 §10.1.1): we write HTTP/1.1
    return {};
  }
  if (decisive.expect.count > 0) {
    if (decisive.expect.count > 1 || !equal_ignoring_case(decisive.expect.value, "100-continue")) {
      return {417, "unknown expectation"};
    }
    head.expect_continue = head.framing != Framing::none;
    if (!head.expect_continue) head.fields.remove(FieldName::expect);
  }
  // h2c is not taken (RFC 9113 §3.1 has dropped it), and passed on it would open a way past us.
  const std::string_view protocol = decisive.upgrade.value;
  if (decisive.upgrading && decisive.upgrade.count == 1 && !protocol.empty() &&
      !protocol.contains(',') && !starts_ignoring_case(protocol, "h2c")) {
    head.protocol.assign(protocol);
  }
  return {};
}

Refusal settle_response(const Decisive& decisive, Method request_method, ResponseHead& head) {
  if (head.status < 100 || head.status > 599) return {502, "status out of range"};
  if (const Refusal refusal = settle_framing(decisive, head)) return {502, refusal.reason};
  head.keep_alive = stays_open(decisive, head);
  // RFC 9112 §6.3, in its order.
  if (head.status == 101 || (request_method == Method::connect && head.status / 100 == 2)) {
    head.framing = Framing::tunnel;
    head.content_length.reset();
    head.keep_alive = false;
  } else if (head.status / 100 == 1 || head.status == 204) {
    head.framing = Framing::none;
    head.content_length.reset();  // RFC 9110 §8.6: it must not have one
  } else if (request_method == Method::head || head.status == 304) {
    head.framing = Framing::none;
  } else if (head.framing == Framing::none && !head.content_length) {
    head.framing = Framing::until_close;
    head.keep_alive = false;
  }
  return {};
}

bool is_trailer(FieldName id, std::string_view name) noexcept {
  switch (id) {
    case FieldName::accept:
    case FieldName::accept_encoding:
    case FieldName::authorization:
    case FieldName::cache_control:
    case FieldName::connection:
    case FieldName::content_length:
    case FieldName::content_type:
    case FieldName::cookie:
    case FieldName::date:
    case FieldName::expect:
    case FieldName::forwarded:
    case FieldName::host:
    case FieldName::keep_alive:
    case FieldName::location:
    case FieldName::origin:
    case FieldName::proxy_authenticate:
    case FieldName::proxy_authorization:
    case FieldName::proxy_connection:
    case FieldName::sec_fetch_dest:
    case FieldName::sec_fetch_mode:
    case FieldName::set_cookie:
    case FieldName::strict_transport_security:
    case FieldName::te:
    case FieldName::trailer:
    case FieldName::transfer_encoding:
    case FieldName::upgrade:
    case FieldName::user_agent:
    case FieldName::via:
    case FieldName::www_authenticate:
    case FieldName::x_forwarded_for:
    case FieldName::x_forwarded_host:
    case FieldName::x_forwarded_method:
    case FieldName::x_forwarded_proto:
    case FieldName::x_forwarded_uri:
    case FieldName::x_original_method:
    case FieldName::x_original_url:
    case FieldName::x_real_ip:
    case FieldName::x_requested_with: return false;
    case FieldName::alt_svc:
    case FieldName::server: return true;
    case FieldName::other: break;
  }
  constexpr std::array<std::string_view, 14> kRefused = {"age",
                                                         "content-encoding",
                                                         "content-range",
                                                         "content-location",
                                                         "expires",
                                                         "if-match",
                                                         "if-modified-since",
                                                         "if-none-match",
                                                         "if-range",
                                                         "if-unmodified-since",
                                                         "max-forwards",
                                                         "pragma",
                                                         "range",
                                                         "vary"};
  return std::ranges::none_of(
      kRefused, [&](std::string_view refused) { return equal_ignoring_case(refused, name); });
}

}  // namespace sallyport::http
