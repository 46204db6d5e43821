#pragma once
// Text that goes into a log line: whatever a stranger puts into a user name, the line stays one
// line, stays valid UTF-8 and moves no terminal's cursor. Pure; appends to a buffer of the caller.
// The admin pages write their JSON with it too.

#include <cstdint>
#include <string_view>

#include <fmt/format.h>

namespace sallyport::log {

enum class LineStyle : std::uint8_t {
  human,     ///< time, level, text
  coloured,  ///< the same with the level in colour, for a terminal
  json,      ///< one object a line
};

/// Inside which quotes a text stands.
enum class Escape : std::uint8_t {
  plain,   ///< none: control characters as \x1b, quotes and backslashes stay
  quoted,  ///< "…" for people: quotes and backslashes get a backslash
  json,    ///< "…" of JSON (RFC 8259 §7); an octet that is not UTF-8 becomes U+FFFD
};

/// Appends `text` with everything escaped that could break the line, the quotes or the terminal:
/// C0 and C1 controls, DEL, line separators, bidirectional overrides, octets that are not UTF-8.
void append_escaped(fmt::memory_buffer& out, std::string_view text, Escape escape);

/// Appends `"key":"text"`, with a comma before it unless it is the first of its object.
void append_json_member(fmt::memory_buffer& out, std::string_view key, std::string_view text);

/// Appends RFC 3339 in UTC with milliseconds: 2026-01-31T23:59:59.007Z.
void append_time(fmt::memory_buffer& out, std::uint64_t unix_ms);

inline void append(fmt::memory_buffer& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

}  // namespace sallyport::log
