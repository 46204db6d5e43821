#include "protocol/http/head_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string>

#include "protocol/check.h"
#include "protocol/http/field_text.h"
#include "protocol/http/status.h"

namespace sallyport::http {
namespace {

/// More than the lines that are not among the fields need: version, status, Host, Content-Length or
/// Transfer-Encoding, Connection, Upgrade; without what they are filled with.
constexpr std::size_t kOwnLinesOctets = 160;

/// Writes to memory that was measured before.
class Cursor {
 public:
  explicit Cursor(MutableOctets out) : at_(out.data()), end_(at_ + out.size()) {}
  void text(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void line(std::string_view name, std::string_view value) {
    text(name);
    text(": ");
    text(value);
    text("\r\n");
  }
  void fields(const Fields& fields) { at_ += fields.write_lines({at_, end_}); }
  [[nodiscard]] std::uint8_t* at() const { return at_; }

 private:
  std::uint8_t* at_;
  std::uint8_t* const end_;
};

void write_content_length(std::uint64_t length, Cursor& out) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), length).ptr;
  out.line("Content-Length", {digits.begin(), end});
}

/// `Head` is a RequestHead or a ResponseHead.
template <typename Head>
void write_framing(const Head& head, Cursor& out) {
  switch (head.framing) {
    case Framing::none:
    case Framing::length:
      if (head.content_length) write_content_length(*head.content_length, out);
      return;
    case Framing::chunked: out.text("Transfer-Encoding: chunked\r\n"); return;
    case Framing::stream:
      if (head.content_length) return write_content_length(*head.content_length, out);
      out.text("Transfer-Encoding: chunked\r\n");
      return;
    case Framing::until_close:
    case Framing::tunnel: return;
  }
}

/// Whether Connection may name the field. All that we know ourselves are either taken out without
/// being named or mean something beyond the connection.
bool may_be_named(std::string_view name) {
  if (field_name(name) != FieldName::other) return false;
  // What applications behind proxies look at, and ours.
  for (const std::string_view start : {"x-forwarded-", "x-original-", "x-sallyport-", "content-"}) {
    if (starts_ignoring_case(name, start)) return false;
  }
  constexpr std::array<std::string_view, 6> kEssential = {"age",           "etag",  "expires",
                                                          "last-modified", "range", "vary"};
  return std::ranges::none_of(
      kEssential, [&](std::string_view essential) { return equal_ignoring_case(essential, name); });
}

/// Value of line `n` of the field, which there is.
std::string_view find_line(const Fields& fields, FieldName id, std::size_t n) {
  std::size_t i = 0;
  while (fields[i].id != id || n-- > 0) ++i;
  return fields[i].value;
}

void remove_named(std::string_view connection, Fields& fields) {
  while (!connection.empty()) {
    const std::size_t comma = std::min(connection.find(','), connection.size());
    const std::string_view name = trim(connection.substr(0, comma));
    if (may_be_named(name)) fields.remove(name);
    connection.remove_prefix(std::min(comma + 1, connection.size()));
  }
}

/// "Connection: " and the options, or nothing. A TE has to be named (RFC 9110 §10.1.4).
void write_connection(std::string_view option, bool te, Cursor& out) {
  if (option.empty() && !te) return;
  out.text("Connection: ");
  out.text(option);
  if (te) out.text(option.empty() ? "TE" : ", TE");
  out.text("\r\n");
}

}  // namespace

std::size_t request_head_octets(const RequestHead& head) noexcept {
  return kOwnLinesOctets + head.method_text.size() + head.target.size() + head.authority.size() +
         head.protocol.size() + head.fields.line_octets();
}

std::size_t response_head_octets(const ResponseHead& head) noexcept {
  return kOwnLinesOctets + head.reason.size() + head.fields.line_octets();
}

std::size_t write_request_head(const RequestHead& head, MutableOctets out) noexcept {
  if (out.size() < request_head_octets(head)) return 0;
  Cursor cursor(out);
  cursor.text(head.method_text);
  cursor.text(" ");
  cursor.text(head.target);
  cursor.text(" HTTP/1.1\r\n");
  cursor.line("Host", head.authority);
  cursor.fields(head.fields);
  write_framing(head, cursor);
  const bool has_content_by_nature =
      head.method == Method::post || head.method == Method::put || head.method == Method::patch;
  if (has_content_by_nature && head.framing == Framing::none && !head.content_length) {
    write_content_length(0, cursor);
  }
  const bool upgrading = !head.protocol.empty();
  const std::string_view option = upgrading ? "upgrade" : head.keep_alive ? "" : "close";
  write_connection(option, head.fields.count(FieldName::te) > 0, cursor);
  if (upgrading) cursor.line("Upgrade", head.protocol);
  cursor.text("\r\n");
  return static_cast<std::size_t>(cursor.at() - out.data());
}

std::size_t write_response_head(const ResponseHead& head, MutableOctets out) noexcept {
  CHECK(head.status >= 100 && head.status <= 999);
  if (out.size() < response_head_octets(head)) return 0;
  Cursor cursor(out);
  const std::array<char, 4> status = {static_cast<char>('0' + head.status / 100),
                                      static_cast<char>('0' + head.status / 10 % 10),
                                      static_cast<char>('0' + head.status % 10), ' '};
  cursor.text("HTTP/1.1 ");
  cursor.text({status.data(), status.size()});
  cursor.text(head.reason.empty() ? reason_phrase(head.status) : std::string_view(head.reason));
  cursor.text("\r\n");
  cursor.fields(head.fields);
  write_framing(head, cursor);
  const bool closing = !head.keep_alive && !head.interim();
  write_connection(head.status == 101 ? "upgrade" : closing ? "close" : "", false, cursor);
  cursor.text("\r\n");
  return static_cast<std::size_t>(cursor.at() - out.data());
}

void remove_hop_by_hop(Fields& fields, KeepUpgrade upgrade) {
  const std::size_t lines = fields.count(FieldName::connection);
  for (std::size_t n = 0; n < lines; ++n) {
    remove_named(find_line(fields, FieldName::connection, n), fields);
  }
  const bool trailers = fields.has_element(FieldName::te, "trailers");
  fields.remove({FieldName::connection, FieldName::keep_alive, FieldName::proxy_connection,
                 FieldName::proxy_authenticate, FieldName::proxy_authorization, FieldName::te,
                 FieldName::trailer, FieldName::transfer_encoding});
  if (upgrade == KeepUpgrade::no) fields.remove(FieldName::upgrade);
  if (trailers) fields.add(FieldName::te, "TE", "trailers");
}

}  // namespace sallyport::http
