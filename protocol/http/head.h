#pragma once
// The head of a request or answer, owned: method, target or status, and fields in their order. Made
// by a parser (h1_parser.h, or the engine's HTTP/2 session), changed on the way through, written by
// head_writer.h. reset() keeps the memory, so that a head used again and again asks for none.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/check.h"
#include "protocol/octets.h"

namespace sallyport::http {

enum class Method : std::uint8_t {
  get,
  head,
  post,
  put,
  delete_,
  options,
  connect,
  patch,
  trace,
  other
};

/// Fields that some code asks for; all others are `other`.
enum class FieldName : std::uint8_t {
  other,
  accept,
  accept_encoding,
  alt_svc,
  authorization,
  cache_control,
  connection,
  content_length,
  content_type,
  cookie,
  date,
  expect,
  forwarded,
  host,
  keep_alive,
  location,
  origin,
  proxy_authenticate,
  proxy_authorization,
  proxy_connection,
  server,
  sec_fetch_dest,
  sec_fetch_mode,
  set_cookie,
  strict_transport_security,
  te,
  trailer,
  transfer_encoding,
  upgrade,
  user_agent,
  via,
  www_authenticate,
  x_forwarded_for,
  x_forwarded_host,
  x_forwarded_method,
  x_forwarded_proto,
  x_forwarded_uri,
  x_original_method,
  x_original_url,
  x_real_ip,
  x_requested_with,
};

/// Some of them, as a bit for each.
struct FieldSet {
  std::uint64_t bits = 0;
  constexpr FieldSet() = default;
  consteval FieldSet(std::initializer_list<FieldName> names) {
    for (const FieldName name : names) add(name);
  }
  constexpr void add(FieldName name) noexcept {
    bits |= std::uint64_t{1} << static_cast<unsigned>(name);
  }
  [[nodiscard]] constexpr bool has(FieldName name) const noexcept {
    return (bits >> static_cast<unsigned>(name) & 1) != 0;
  }
};

[[nodiscard]] FieldName field_name(std::string_view name) noexcept;  ///< any case
[[nodiscard]] Method method_of(std::string_view text) noexcept;  ///< case-sensitive, RFC 9110 §9.1

/// How the octets after a head are delimited (RFC 9112 §6).
enum class Framing : std::uint8_t {
  none,    ///< no body
  length,  ///< content_length octets
  chunked,
  until_close,  ///< an answer that the end of the connection ends
  stream,       ///< HTTP/2: END_STREAM ends it; content_length may be given
  tunnel,       ///< after a 101, or a 2xx to CONNECT: octets without end
};

struct Field {
  FieldName id;
  std::string_view name;   ///< as it came (HTTP/2: lower case)
  std::string_view value;  ///< without white space around it
};

/// Views that it hands out hold until the next add() or reset(); remove() leaves them valid. What
/// is added may be such a view.
class Fields {
  struct Entry {
    FieldName id;
    bool is_line;  ///< ": " and CRLF stand around the value
    std::uint16_t name_length;
    std::uint32_t name_at;
    std::uint32_t value_at;
    std::uint32_t value_length;
  };

 public:
  static constexpr std::size_t kMostNameOctets = 65'535;

  void reset() noexcept;
  /// `name` has kMostNameOctets at most.
  void add(std::string_view name, std::string_view value);
  void add(FieldName id, std::string_view name, std::string_view value);
  /// For a parser, after reset(): notes the places of a field in what begins with a head, whose
  /// lines end with CRLF. None may be read before hold() copies that head, once for all.
  void place(FieldName id, std::string_view head, std::string_view name, std::string_view value) {
    const char* const colon = name.data() + name.size();
    const bool is_line =
        value.data() == colon + 2 && colon[1] == ' ' && value.data()[value.size()] == '\r';
    seen_.add(id);
    entries_.push_back({.id = id,
                        .is_line = is_line,
                        .name_length = static_cast<std::uint16_t>(name.size()),
                        .name_at = static_cast<std::uint32_t>(name.data() - head.data()),
                        .value_at = static_cast<std::uint32_t>(value.data() - head.data()),
                        .value_length = static_cast<std::uint32_t>(value.size())});
  }
  void hold(std::string_view head);
  void set(std::string_view name, std::string_view value);  ///< removes all others of that name
  void remove(FieldName id) noexcept;
  void remove(std::string_view name) noexcept;
  void remove(FieldSet ids) noexcept;  ///< in one pass
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] Field operator[](std::size_t index) const noexcept {
    CHECK(index < entries_.size());
    const Entry& entry = entries_[index];
    const char* const text = text_.data();
    return {.id = entry.id,
            .name = {text + entry.name_at, entry.name_length},
            .value = {text + entry.value_at, entry.value_length}};
  }
  /// Of those that no code asks for, the ones whose name `unwanted(name)` is true of.
  template <typename Unwanted>
  void remove_others(Unwanted unwanted) {
    std::erase_if(entries_, [&](const Entry& entry) {
      return entry.id == FieldName::other &&
             unwanted(std::string_view(text_).substr(entry.name_at, entry.name_length));
    });
  }
  /// The first of that name.
  [[nodiscard]] std::optional<std::string_view> find(FieldName id) const noexcept;
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t count(FieldName id) const noexcept;
  /// Whether a list field (RFC 9110 §5.6.1), over all its lines, has this element; any case.
  [[nodiscard]] bool has_element(FieldName id, std::string_view element) const noexcept;
  [[nodiscard]] std::size_t octets() const noexcept;  ///< of names and values
  /// "name: value" CRLF for each.
  [[nodiscard]] std::size_t line_octets() const noexcept {
    return octets() + kLineOctets * entries_.size();
  }
  /// Returns line_octets(), for which `out` has room.
  [[nodiscard]] std::size_t write_lines(MutableOctets out) const noexcept;

 private:
  static constexpr std::string_view kColon = ": ";
  static constexpr std::string_view kLineEnd = "\r\n";
  static constexpr std::size_t kLineOctets = kColon.size() + kLineEnd.size();
  FieldSet seen_;     ///< all that there are, and perhaps some that have been removed
  std::string text_;  ///< a head, and lines that were added
  std::vector<Entry> entries_;
};

struct RequestHead {
  Method method = Method::other;
  std::string method_text;
  std::string
      target;  ///< origin form: path and query ("*" for OPTIONS *); never with scheme or host
  std::string authority;  ///< host[:port] of Host or :authority, lower case
  std::string scheme;     ///< HTTP/2's :scheme; empty for HTTP/1
  std::string protocol;   ///< extended CONNECT's :protocol (RFC 8441), or HTTP/1's single Upgrade
                          ///< token; empty: none
  std::uint8_t minor_version = 1;  ///< of HTTP/1
  Fields fields;                   ///< Host is not among them
  Framing framing = Framing::none;
  std::optional<std::uint64_t> content_length;
  bool keep_alive = true;  ///< HTTP/1: the connection may be used again after the answer
  bool expect_continue = false;

  void reset() noexcept;
};

struct ResponseHead {
  std::uint16_t status = 0;
  std::uint8_t minor_version = 1;
  std::string reason;  ///< as it came; written by HTTP/1 only
  Fields fields;
  Framing framing = Framing::none;
  std::optional<std::uint64_t> content_length;
  bool keep_alive = true;
  [[nodiscard]] bool interim() const noexcept { return status < 200 && status != 101; }

  void reset() noexcept;
};

}  // namespace sallyport::http
