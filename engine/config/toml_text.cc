#include "engine/config/toml_text.h"

#include <algorithm>

namespace sallyport::config {
namespace {

/// Behind the comment that begins at `at`.
std::size_t skip_comment(std::string_view text, std::size_t at) noexcept {
  return std::min(text.find('\n', at), text.size());
}

/// Behind the text whose opening quote stands at `at`. A text on one line ends with its line.
std::size_t skip_quoted(std::string_view text, std::size_t at) noexcept {
  const char quote = text[at];
  const std::string_view three = quote == '"' ? R"(""")" : "'''";
  const bool several_lines = text.substr(at).starts_with(three);
  const std::size_t closing = several_lines ? 3 : 1;
  for (at += closing; at < text.size(); ++at) {
    if (text[at] == '\\' && quote == '"') {
      ++at;
    } else if (text[at] == '\n' && !several_lines) {
      return at;
    } else if (text.substr(at).starts_with(three.substr(0, closing))) {
      at += closing;
      // Up to two more quotes belong to the text itself: """a"""" is a".
      for (int more = 0; several_lines && more < 2 && at < text.size() && text[at] == quote; ++more)
        ++at;
      return at;
    }
  }
  return text.size();
}

}  // namespace

std::optional<std::size_t> first_stray_octet(std::string_view text) noexcept {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  std::size_t at = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '#') {
      at = skip_comment(text, at);
    } else if (c == '"' || c == '\'') {
      at = skip_quoted(text, at);
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      return at;
    } else {
      ++at;
    }
  }
  return std::nullopt;
}

}  // namespace sallyport::config
