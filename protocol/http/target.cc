#include "protocol/http/target.h"

#include <algorithm>

#include "protocol/ascii.h"
#include "protocol/http/address_text.h"
#include "protocol/http/scan.h"

namespace sallyport::http {
namespace {

constexpr std::size_t kMaxHostOctets = 255;

constexpr OctetSet kHostOctets = [] {
  OctetSet set{};
  for (std::size_t c = 0; c < 0x7f; ++c) {
    const char octet = static_cast<char>(c);
    set[c] = is_unreserved(octet) && octet != '~';
  }
  return set;
}();

bool is_host_name(std::string_view host) {
  if (host.empty() || host.size() > kMaxHostOctets || host.front() == '.') return false;
  char before = '\0';
  for (const char c : host) {
    if (!is_in(kHostOctets, c) || (c == '.' && before == '.')) return false;
    before = c;
  }
  return true;
}

/// Appends the escape at the front of `rest`, decoded where that changes no meaning, and takes it
/// off.
bool append_escape(std::string_view& rest, std::string& out) {
  if (rest.size() < 3) return false;
  const int high = hex_value(rest[1]);
  const int low = hex_value(rest[2]);
  if (high < 0 || low < 0) return false;
  const int octet = high << 4 | low;
  if (is_control(static_cast<char>(octet))) return false;
  if (is_unreserved(static_cast<char>(octet))) {
    out += static_cast<char>(octet);
  } else {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    out += '%';
    out += kDigits[static_cast<std::size_t>(high)];
    out += kDigits[static_cast<std::size_t>(low)];
  }
  rest.remove_prefix(3);
  return true;
}

/// Resolves the last segment of `out`, which begins with "/", if it is one of dots.
bool resolve_last_segment(std::string& out, bool at_end) {
  const std::size_t slash = out.rfind('/');
  const std::string_view segment = std::string_view(out).substr(slash + 1);
  if (segment != "." && segment != "..") return true;
  if (segment == ".") {
    out.resize(slash);
  } else {
    if (slash == 0) return false;
    out.resize(out.rfind('/', slash - 1));
  }
  if (at_end) out += '/';  // RFC 3986 §5.2.4: "/a/." is the folder "/a/"
  return true;
}

}  // namespace

std::optional<Authority> split_authority(std::string_view text) noexcept {
  Authority authority;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view address = text.substr(1, end - 1);
    if (!address.contains(':') || !read_address(address)) return std::nullopt;
    authority.host = text.substr(0, end + 1);
  } else {
    authority.host = text.substr(0, text.find(':'));
    if (!is_host_name(authority.host)) return std::nullopt;
  }
  text.remove_prefix(authority.host.size());
  if (text.empty()) return authority;
  if (text.front() != ':') return std::nullopt;
  authority.port = read_port(text.substr(1));
  if (!authority.port) return std::nullopt;
  return authority;
}

Target split_target(std::string_view target) noexcept {
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return {.path = target, .query = {}};
  return {.path = target.substr(0, mark), .query = target.substr(mark + 1), .has_query = true};
}

bool normalise_path(std::string_view path, std::string& out) {
  out.clear();
  if (!path.starts_with('/')) return false;
  while (!path.empty()) {
    if (path.front() == '%') {
      if (!append_escape(path, out)) return false;
      continue;
    }
    if (path.front() == '/' && !out.empty() && !resolve_last_segment(out, false)) return false;
    out += path.front();
    path.remove_prefix(1);
  }
  return resolve_last_segment(out, true);
}

}  // namespace sallyport::http
