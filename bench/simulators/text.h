#pragma once
// Text in and out of the simulators: JSON and HTML escaping, percent decoding, forms, durations.
// Pure functions; what comes in is hostile until it has passed one of them.

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport::lab {

/// A JSON string with its quotes. `text` must be valid UTF-8.
[[nodiscard]] std::string json_quote(std::string_view text);

/// Safe as element content and inside a double-quoted attribute.
[[nodiscard]] std::string html_escape(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text);

/// Undoes %41 (and + in forms). Nothing when an escape is cut short or the result is not UTF-8.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool form);

/// One field of an application/x-www-form-urlencoded body.
[[nodiscard]] std::optional<std::string> form_field(std::string_view body, std::string_view name);

/// Base64 (RFC 4648 §4), as in Basic authentication.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

/// "500ms", "2s", "1m30s", "1h", "0". An error says what is wrong with the text.
[[nodiscard]] std::expected<std::uint64_t, std::string> parse_duration_ms(std::string_view text);

[[nodiscard]] std::string_view trim(std::string_view text);

/// The lines of a file that say something: trimmed, neither empty nor a comment that begins with #.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {}
  [[nodiscard]] bool next();  ///< false: there is none left
  [[nodiscard]] std::string_view line() const { return line_; }
  [[nodiscard]] std::size_t number() const { return number_; }  ///< from 1, all lines counted

 private:
  std::string_view rest_;
  std::string_view line_;
  std::size_t number_ = 0;
};

}  // namespace sallyport::lab
