#include "protocol/http/return_url.h"

#include <algorithm>

#include "protocol/ascii.h"
#include "protocol/http/field_text.h"
#include "protocol/http/target.h"

namespace sallyport::http {
namespace {

/// Visible ASCII but what browsers take for something else: "\" for "/", "#" for the end.
constexpr bool is_target_character(char c) noexcept {
  return c > 0x20 && c < 0x7f && c != '\\' && c != '#';
}

}  // namespace

std::optional<ReturnUrl> read_return_url(std::string_view text) noexcept {
  return text.size() > kMaxReturnUrlOctets ? std::nullopt : read_whole_url(text);
}

std::optional<ReturnUrl> read_whole_url(std::string_view text) noexcept {
  ReturnUrl url;
  if (starts_ignoring_case(text, "https://")) {
    url.https = true;
    text.remove_prefix(8);
  } else if (starts_ignoring_case(text, "http://")) {
    text.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  url.authority = text.substr(0, end);
  url.target = text.substr(end);
  if (!split_authority(url.authority)) return std::nullopt;
  if (url.target.empty()) url.target = "/";
  if (url.target.front() != '/') return std::nullopt;
  if (!std::ranges::all_of(url.target, is_target_character)) return std::nullopt;
  return url;
}

void append_url(std::string& out, bool https, std::string_view authority, std::string_view target) {
  out += https ? "https://" : "http://";
  out += authority;
  out += target;
}

void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[octet >> 4];
    out += kDigits[octet & 0xf];
  }
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (!pair.starts_with(name)) continue;
    std::string_view value = pair.substr(name.size());
    if (value.empty()) return std::string();
    if (value.front() != '=') continue;
    value.remove_prefix(1);

    std::string decoded;
    decoded.reserve(value.size());
    for (std::size_t at = 0; at < value.size(); ++at) {
      if (value[at] != '%') {
        decoded += value[at];
        continue;
      }
      if (value.size() - at < 3) return std::nullopt;
      const int high = hex_value(value[at + 1]);
      const int low = hex_value(value[at + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded += static_cast<char>(high << 4 | low);
      at += 2;
    }
    return decoded;
  }
  return std::nullopt;
}

}  // namespace sallyport::http
