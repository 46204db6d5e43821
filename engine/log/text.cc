#include "engine/log/text.h"

#include <chrono>
#include <iterator>

#include "protocol/utf8.h"

namespace sallyport::log {
namespace {

/// What a terminal or an editor would obey instead of show.
bool obeyed_not_shown(char32_t point) {
  return point < 0x20 || (point >= 0x7f && point <= 0x9f) ||       // C0, DEL, C1
         point == 0x2028 || point == 0x2029 ||                     // line and paragraph separator
         point == 0x061c || point == 0x200e || point == 0x200f ||  // marks
         (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);  // overrides
}

/// Stands for itself inside any quotes.
bool is_ordinary(char octet) {
  return octet >= ' ' && octet <= '~' && octet != '"' && octet != '\\';
}

/// With leading zeros.
void append_digits(fmt::memory_buffer& out, std::uint32_t number, std::size_t digits) {
  char text[10];
  for (std::size_t i = digits; i-- > 0; number /= 10)
    text[i] = static_cast<char>('0' + number % 10);
  append(out, {text, digits});
}

void append_invisible(fmt::memory_buffer& out, char32_t point, Escape escape) {
  const auto number = static_cast<std::uint32_t>(point);
  if (escape == Escape::json) {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", number);  // none is beyond U+FFFF
  } else if (number < 0x80) {
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", number);
  } else {
    fmt::format_to(std::back_inserter(out), "\\u{{{:x}}}", number);
  }
}

}  // namespace

void append_escaped(fmt::memory_buffer& out, std::string_view text, Escape escape) {
  const bool quotes = escape != Escape::plain;
  std::size_t clean = 0;  // text[clean..i) goes out as it is
  std::size_t i = 0;
  const auto flush = [&] { append(out, text.substr(clean, i - clean)); };
  while (i < text.size()) {
    if (is_ordinary(text[i])) {  // nearly all there is: not worth decoding
      ++i;
      continue;
    }
    const Utf8Character decoded = decode_utf8(text.substr(i));
    const bool quote = quotes && (decoded.point == '"' || decoded.point == '\\');
    if (decoded.octets != 0 && !quote && !obeyed_not_shown(decoded.point)) {
      i += decoded.octets;
      continue;
    }
    flush();
    if (decoded.octets == 0) {
      if (escape == Escape::json)
        append(out, "\\ufffd");
      else
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<std::uint8_t>(text[i]));
      ++i;
    } else {
      if (quote) {
        out.push_back('\\');
        out.push_back(static_cast<char>(decoded.point));
      } else {
        append_invisible(out, decoded.point, escape);
      }
      i += decoded.octets;
    }
    clean = i;
  }
  flush();
}

void append_json_member(fmt::memory_buffer& out, std::string_view key, std::string_view text) {
  if (out.size() > 0 && out[out.size() - 1] != '{') out.push_back(',');
  out.push_back('"');
  append(out, key);
  append(out, "\":\"");
  append_escaped(out, text, Escape::json);
  out.push_back('"');
}

void append_time(fmt::memory_buffer& out, std::uint64_t unix_ms) {
  namespace chrono = std::chrono;
  const chrono::sys_time<chrono::milliseconds> at{chrono::milliseconds(unix_ms)};
  const auto day = chrono::floor<chrono::days>(at);
  const chrono::year_month_day date{day};
  const chrono::hh_mm_ss time{at - day};
  append_digits(out, static_cast<std::uint32_t>(static_cast<int>(date.year())), 4);
  out.push_back('-');
  append_digits(out, static_cast<unsigned>(date.month()), 2);
  out.push_back('-');
  append_digits(out, static_cast<unsigned>(date.day()), 2);
  out.push_back('T');
  append_digits(out, static_cast<std::uint32_t>(time.hours().count()), 2);
  out.push_back(':');
  append_digits(out, static_cast<std::uint32_t>(time.minutes().count()), 2);
  out.push_back(':');
  append_digits(out, static_cast<std::uint32_t>(time.seconds().count()), 2);
  out.push_back('.');
  append_digits(out, static_cast<std::uint32_t>(time.subseconds().count()), 3);
  out.push_back('Z');
}

}  // namespace sallyport::log
