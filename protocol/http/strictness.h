#pragma once
// What the fields of an HTTP/1 head must say to be believed: exactly one way to read how long the
// message is and whom it is for (RFC 9112 §3.2, §6, §11.2). What two parsers could read differently
// is refused, whoever would be right. Pure; any thread. The rules are listed in
// docs/http-strictness.md.

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/http/head.h"

namespace sallyport::http {

/// Why a head was refused. After one the connection is closed: where the next message begins is
/// anybody's guess.
struct Refusal {
  std::uint16_t status = 0;  ///< to answer with: 4xx or 5xx; 0: nothing was refused
  std::string_view reason;   ///< static, for logs
  explicit operator bool() const noexcept { return status != 0; }
};

/// A field that may come once.
struct SingleField {
  std::string_view value;
  std::uint32_t count = 0;
  void see(std::string_view seen) noexcept {
    value = seen;
    ++count;
  }
};

/// What decides about framing and routing, gathered while a head is read. Views into the head.
struct Decisive {
  SingleField host;
  SingleField content_length;
  SingleField transfer_encoding;
  SingleField upgrade;
  SingleField expect;
  std::uint32_t connection_options = 0;
  bool malformed_option = false;  ///< one is no token
  bool close = false;             ///< is one of them
  bool keep_alive = false;        ///< "
  bool upgrading = false;         ///< "

  /// True for a field that must not be passed on as it is: the head says it otherwise.
  bool see(FieldName id, std::string_view value) noexcept;
  /// Of one line of Connection.
  void see_options(std::string_view value) noexcept;
};

/// Digits only; at most 19, so that no sum of two overflows.
[[nodiscard]] std::optional<std::uint64_t> read_content_length(std::string_view text) noexcept;

/// RFC 9112 §3.2: fills method, target and authority (the target's, in absolute form; otherwise
/// empty). `max_octets` bounds the target.
[[nodiscard]] Refusal read_request_target(std::string_view method, std::string_view target,
                                          std::uint32_t max_octets, RequestHead& head);

/// After the last field: fills authority, framing, content_length, keep_alive, expect_continue and
/// protocol. The request line has been read.
[[nodiscard]] Refusal settle_request(const Decisive& decisive, RequestHead& head);

/// The same for an answer to `request_method`.
[[nodiscard]] Refusal settle_response(const Decisive& decisive, Method request_method,
                                      ResponseHead& head);

/// Whether a trailer field may be passed on: none that would change framing, routing, credentials
/// or how content is read (RFC 9110 §6.5.1).
[[nodiscard]] bool is_trailer(FieldName id, std::string_view name) noexcept;

}  // namespace sallyport::http
