#include "engine/http/router_target.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "protocol/ascii.h"

namespace sallyport::http_door {
namespace {

/// What an octet is to a target, as bits: a look over a target joins them without branches.
enum OctetBits : std::uint8_t {
  kForbidden = 1,     ///< in the path
  kForbiddenAll = 2,  ///< also in the query
  kToEscape = 4,      ///< in the path: not of RFC 3986 §3.3
  kHigh = 8,          ///< above 0x7f: to escape, also in the query
  kEscape = 16,       ///< "%"
  kSlash = 32,
  kAfterSlash = 64,  ///< behind a slash it makes a segment that may have to go, or be refused
};
static_assert(kSlash << 1 == kAfterSlash);

constexpr unsigned bits_of(unsigned char c) noexcept {
  if (c == '/') return kSlash | kAfterSlash;
  if (c == '.' || c == ';') return kAfterSlash;
  if (c == '%') return kEscape;
  if (c <= 0x20 || c == 0x7f || c == '#') return kForbidden | kForbiddenAll;
  if (c == '\\') return kForbidden;
  if (c > 0x7f) return kToEscape | kHigh;
  const bool plain =
      is_unreserved(c) || std::string_view("!$&'()*+,=:@").contains(static_cast<char>(c));
  return plain ? 0 : kToEscape;
}

constexpr std::array<std::uint8_t, 256> kOctetBits = [] {
  std::array<std::uint8_t, 256> bits{};
  for (unsigned c = 0; c < 256; ++c)
    bits[c] = static_cast<std::uint8_t>(bits_of(static_cast<unsigned char>(c)));
  return bits;
}();

unsigned octet_bits(char c) noexcept { return kOctetBits[static_cast<unsigned char>(c)]; }

bool has_to_be_escaped(char c, bool in_path) noexcept {
  return (octet_bits(c) & (in_path ? kToEscape : kHigh)) != 0;
}

constexpr char kHex[] = "0123456789ABCDEF";

/// The octet that the escape at the start of `text` stands for, or -1.
int escaped_octet(std::string_view text) noexcept {
  if (text.size() < 3 || text[0] != '%') return -1;
  const int high = hex_value(text[1]);
  const int low = hex_value(text[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/// What a look over the whole target says: most are canonical, and nothing is written.
struct Survey {
  std::size_t path_octets = 0;
  bool to_escape = false;
  bool canonical = true;
};

std::expected<Survey, TargetError> survey(std::string_view target) noexcept {
  const std::size_t path_octets = std::min(target.find('?'), target.size());
  unsigned in_path = 0;
  unsigned in_query = 0;
  unsigned odd_segments = 0;
  unsigned before = 0;
  for (const char c : target.substr(0, path_octets)) {
    const unsigned bits = octet_bits(c);
    in_path |= bits;
    odd_segments |= before << 1 & bits & kAfterSlash;
    before = bits;
  }
  for (const char c : target.substr(path_octets)) in_query |= octet_bits(c);
  if ((in_path & kForbidden) != 0 || (in_query & kForbiddenAll) != 0)
    return std::unexpected(TargetError::forbidden_octet);
  const bool to_escape = (in_path & kToEscape) != 0 || (in_query & kHigh) != 0;
  return Survey{.path_octets = path_octets,
                .to_escape = to_escape,
                .canonical = !to_escape && (in_path & kEscape) == 0 && odd_segments == 0};
}

/// Escapes from the end backwards, so that no octet is overwritten before it is read. Returns the
/// new length of the path.
std::size_t escape_in_place(std::string& target, const Survey& survey) {
  std::size_t from = target.size();
  std::size_t longer = 0;
  for (std::size_t i = 0; i < from; ++i)
    if (has_to_be_escaped(target[i], i < survey.path_octets)) longer += 2;
  target.resize(from + longer);
  std::size_t to = target.size();
  std::size_t path_octets = survey.path_octets;
  while (from > 0) {
    const char c = target[--from];
    const bool in_path = from < survey.path_octets;
    if (has_to_be_escaped(c, in_path)) {
      target[--to] = kHex[static_cast<unsigned char>(c) & 15];
      target[--to] = kHex[static_cast<unsigned char>(c) >> 4];
      target[--to] = '%';
      if (in_path) path_octets += 2;
    } else {
      target[--to] = c;
    }
  }
  return path_octets;
}

/// Whether a server that drops parameters or decodes slashes before it removes dot segments would
/// see one in this (already decoded) segment. "." and ".." alone are everybody's, and not hidden.
bool hides_dots(std::string_view segment) noexcept {
  const std::size_t parameters = std::min(segment.find(';'), segment.find("%3B"));
  const std::string_view name = segment.substr(0, parameters);
  if (name.empty() && parameters != std::string_view::npos) return true;
  bool whole = parameters == std::string_view::npos;
  for (std::size_t at = 0;;) {
    const std::size_t end = std::min({name.find("%2F", at), name.find("%5C", at), name.size()});
    if (end != name.size()) whole = false;
    const std::string_view piece = name.substr(at, end - at);
    if (!whole && (piece == "." || piece == "..")) return true;
    if (end == name.size()) return false;
    at = end + 3;
  }
}

/// Copies one escape from `from` to `*to`, canonical.
std::expected<char*, TargetError> put_escape(std::string_view from, char* to) noexcept {
  const int octet = escaped_octet(from);
  if (octet < 0x20 || octet == 0x7f) return std::unexpected(TargetError::bad_escape);
  if (octet == 0xc0 || octet == 0xc1) {  // two octets for what ASCII says in one (RFC 3629 §3)
    const int next = escaped_octet(from.substr(3));
    if (next >= 0x80 && next <= 0xbf) return std::unexpected(TargetError::bad_escape);
  }
  if (is_unreserved(static_cast<unsigned char>(octet))) {
    *to++ = static_cast<char>(octet);
  } else {
    *to++ = '%';
    *to++ = kHex[octet >> 4];
    *to++ = kHex[octet & 15];
  }
  return to;
}

/// Decodes, merges slashes and removes dot segments, forwards: what is written is never longer than
/// what was read. Returns the new length of the path.
std::expected<std::size_t, TargetError> resolve_in_place(char* text, std::size_t octets) noexcept {
  std::size_t read = 1;
  std::size_t written = 1;  // text[0..written) is canonical and ends in "/"
  for (bool more = true; more;) {
    const std::size_t segment_at = written;
    while (read < octets && text[read] != '/') {
      if (text[read] == '%') {
        const auto end = put_escape({text + read, octets - read}, text + written);
        if (!end) return std::unexpected(end.error());
        written = static_cast<std::size_t>(*end - text);
        read += 3;
      } else {
        text[written++] = text[read++];
      }
    }
    more = read < octets;
    const std::string_view segment(text + segment_at, written - segment_at);
    if (hides_dots(segment)) return std::unexpected(TargetError::hidden_dots);
    if (segment == "..") {
      written = segment_at;
      if (written > 1) --written;
      while (text[written - 1] != '/') --written;
    } else if (segment == ".") {
      written = segment_at;
    } else if (!segment.empty() && more) {
      text[written++] = '/';
    }
    ++read;
  }
  return written;
}

}  // namespace

std::string_view to_text(TargetError error) noexcept {
  switch (error) {
    case TargetError::not_a_path: return "the target is not a path";
    case TargetError::forbidden_octet: return "the target has an octet that no target may have";
    case TargetError::bad_escape: return "the target has an invalid percent-escape";
    case TargetError::hidden_dots: return "the path hides a dot segment";
  }
  return {};
}

std::expected<TargetParts, TargetError> normalise_target(std::string& target) {
  if (target == "*") return TargetParts{.path = target, .query = {}};
  if (!target.starts_with('/')) return std::unexpected(TargetError::not_a_path);
  const auto surveyed = survey(target);
  if (!surveyed) return std::unexpected(surveyed.error());
  std::size_t path_octets = surveyed->path_octets;
  if (!surveyed->canonical) {
    if (surveyed->to_escape) path_octets = escape_in_place(target, *surveyed);
    const auto resolved = resolve_in_place(target.data(), path_octets);
    if (!resolved) return std::unexpected(resolved.error());
    target.erase(*resolved, path_octets - *resolved);
    path_octets = *resolved;
  }
  const std::string_view whole = target;
  return TargetParts{.path = whole.substr(0, path_octets), .query = whole.substr(path_octets)};
}

}  // namespace sallyport::http_door
