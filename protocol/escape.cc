#include "protocol/escape.h"

#include <algorithm>

#include "protocol/utf8.h"

namespace sallyport {
void append_html(std::string& out, std::string_view text) {
  while (true) {
    const std::size_t plain = std::min(text.find_first_of("&<>\"'"), text.size());
    out += text.substr(0, plain);
    if (plain == text.size()) return;
    switch (text[plain]) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += "&#39;"; break;  // of five characters, the one that is left
    }
    text.remove_prefix(plain + 1);
  }
}

void append_json(std::string& out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += '"';
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t size = decode_utf8(text).octets;
    if (size == 0) {
      out += '?';
    } else if (first == '"' || first == '\\') {
      out += '\\';
      out += text.front();
    } else if (first < 0x20 || first == '<' || first == 0x7f) {
      // "<" so that no reader who takes it for HTML finds any.
      out += "\\u00";
      out += kDigits[first >> 4];
      out += kDigits[first & 0xf];
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  out += '"';
}

}  // namespace sallyport
