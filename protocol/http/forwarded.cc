#include "protocol/http/forwarded.h"

#include <algorithm>

#include "protocol/http/address_text.h"
#include "protocol/http/field_text.h"

namespace sallyport::http {
namespace {

/// One name and value of an element.
struct Pair {
  std::string_view name;
  std::string_view value;
};

/// Takes a quoted string's inside off the front of `text`, which begins behind the opening quote.
/// A value with escapes is empty: no address, host or scheme needs one (RFC 9110 §5.6.4).
std::optional<std::string_view> take_quoted(std::string_view& text) noexcept {
  bool escaped = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\') {
      escaped = true;
      ++at;
    } else if (text[at] == '"') {
      const std::string_view inside = escaped ? std::string_view() : text.substr(0, at);
      text.remove_prefix(at + 1);
      return inside;
    }
  }
  return std::nullopt;
}

/// Takes a pair off the front. Nothing: it is none.
std::optional<Pair> take_pair(std::string_view& text) noexcept {
  Pair pair;
  const auto name_end = std::ranges::find_if_not(text, is_token_character);
  pair.name = text.substr(0, static_cast<std::size_t>(name_end - text.begin()));
  text.remove_prefix(pair.name.size());
  if (pair.name.empty() || !text.starts_with('=')) return std::nullopt;
  text.remove_prefix(1);
  if (text.starts_with('"')) {
    text.remove_prefix(1);
    const auto inside = take_quoted(text);
    if (!inside) return std::nullopt;
    pair.value = *inside;
    return pair;
  }
  // RFC 7239 §4 wants quotes around a colon or a bracket, and many proxies leave them out. What
  // ends a value is the same either way.
  pair.value = text.substr(0, std::min(text.find_first_of(" \t,;\""), text.size()));
  text.remove_prefix(pair.value.size());
  if (pair.value.empty()) return std::nullopt;
  return pair;
}

/// Sets what the pair says; a second time is refused, since it could be read either way.
bool apply(const Pair& pair, Hop& hop, unsigned& seen) noexcept {
  struct Known {
    std::string_view name;
    std::string_view Hop::* field;
    unsigned bit;
  };
  static constexpr Known kKnown[] = {
      {"for", &Hop::node, 1}, {"proto", &Hop::proto, 2}, {"host", &Hop::host, 4}};
  for (const Known& known : kKnown) {
    if (!equal_ignoring_case(pair.name, known.name)) continue;
    if ((seen & known.bit) != 0) return false;
    seen |= known.bit;
    hop.*known.field = pair.value;
  }
  return true;
}

enum class Took : std::uint8_t { hop, nothing, bad };

/// Takes one element and the comma behind it off the front of `line`. Empty ones are nothing
/// (RFC 9110 §5.6.1.2).
Took take_element(std::string_view& line, Hop& hop) noexcept {
  unsigned seen = 0;
  bool empty = true;
  for (;;) {
    line = trim_left(line);
    if (!line.empty() && line.front() != ',' && line.front() != ';') {
      const auto pair = take_pair(line);
      if (!pair || !apply(*pair, hop, seen)) return Took::bad;
      empty = false;
      line = trim_left(line);
    }
    if (line.empty()) return empty ? Took::nothing : Took::hop;
    const char separator = line.front();
    line.remove_prefix(1);
    if (separator == ',') return empty ? Took::nothing : Took::hop;
    if (separator != ';') return Took::bad;
  }
}

}  // namespace

std::optional<IpAddress> Hop::address() const noexcept { return read_node(node); }

HopWalk::HopWalk(HopSyntax syntax, std::span<const std::string_view> lines) noexcept
    : syntax_(syntax), lines_(lines) {}

void HopWalk::keep(const Hop& hop) noexcept {
  line_hops_[line_count_++ % kMaxHops] = hop;
  line_kept_ = std::min(line_count_, kMaxHops);
}

bool HopWalk::read_line(std::string_view line) noexcept {
  line_count_ = line_kept_ = 0;
  if (syntax_ == HopSyntax::forwarded) {
    while (!line.empty()) {
      Hop hop;
      switch (take_element(line, hop)) {
        case Took::hop: keep(hop); break;
        case Took::nothing: break;
        case Took::bad: return false;
      }
    }
    return true;
  }
  while (!line.empty()) {
    const std::size_t comma = std::min(line.find(','), line.size());
    const std::string_view node = trim(line.substr(0, comma));
    if (!node.empty()) keep({.node = node, .proto = {}, .host = {}});
    line.remove_prefix(std::min(comma + 1, line.size()));
  }
  return true;
}

std::optional<Hop> HopWalk::next() noexcept {
  while (!refused_ && line_count_ == 0 && !lines_.empty()) {
    refused_ = !read_line(lines_.back());
    lines_ = lines_.first(lines_.size() - 1);
  }
  if (refused_ || line_count_ == 0) return std::nullopt;
  if (line_kept_ == 0 || taken_ == kMaxHops) {
    refused_ = true;
    return std::nullopt;
  }
  ++taken_;
  --line_kept_;
  return line_hops_[--line_count_ % kMaxHops];
}

std::string_view visitor_text(const IpAddress& visitor, AddressBuffer& buffer) noexcept {
  return visitor.is_any() ? "unknown" : visitor.text(buffer);
}

void append_forwarded(std::string& out, std::string_view visitor, bool https,
                      std::string_view host) {
  // RFC 7239 §6: IPv6 in brackets, and then in quotes.
  const bool v6 = visitor.contains(':');
  out += v6 ? "for=\"[" : "for=";
  out += visitor;
  if (v6) out += "]\"";
  if (!host.empty()) {
    const bool token = is_token(host);
    out += token ? ";host=" : ";host=\"";
    out += host;
    if (!token) out += '"';
  }
  out += https ? ";proto=https" : ";proto=http";
}

}  // namespace sallyport::http
