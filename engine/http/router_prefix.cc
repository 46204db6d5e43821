#include "engine/http/router_prefix.h"

#include <algorithm>
#include <string>

namespace sallyport::http_door {
namespace {

constexpr std::uint16_t kBorder = 0x100;  // a "/" that was not encoded
constexpr std::uint16_t kEnd = 0x101;

constexpr unsigned hex_value(char c) noexcept {  // of a canonical path: upper case
  return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'A' + 10);
}

/// Reads a canonical path as symbols: decoded octets, kBorder, kEnd at last. No parameters.
class SymbolReader {
 public:
  explicit SymbolReader(std::string_view path) noexcept : path_(path) {}

  /// Where the next symbol begins, parameters passed over.
  std::size_t position() noexcept {
    if (at_ < path_.size() && (path_[at_] == ';' || path_.substr(at_).starts_with("%3B")))
      at_ = std::min(path_.find('/', at_), path_.size());
    return at_;
  }

  std::uint16_t next() noexcept {
    if (position() == path_.size()) return kEnd;
    const char c = path_[at_++];
    if (c == '/') return kBorder;
    if (c != '%') return static_cast<unsigned char>(c);
    const unsigned octet = hex_value(path_[at_]) << 4 | hex_value(path_[at_ + 1]);
    at_ += 2;
    return static_cast<std::uint16_t>(octet);
  }

 private:
  std::string_view path_;
  std::size_t at_ = 0;
};

}  // namespace

std::expected<PathPrefix, TargetError> PathPrefix::parse(std::string_view text) {
  PathPrefix result;
  if (text.empty()) return result;
  std::string canonical(text);
  const auto parts = normalise_target(canonical);
  if (!parts) return std::unexpected(parts.error());
  if (!parts->query.empty() || parts->path == "*") return std::unexpected(TargetError::not_a_path);
  std::string_view path = parts->path;
  if (path.ends_with('/')) path.remove_suffix(1);
  SymbolReader reader(path);
  for (std::uint16_t symbol; (symbol = reader.next()) != kEnd;) result.symbols_.push_back(symbol);
  if (!result.symbols_.empty()) result.first_segment_ = first_segment(path);
  return result;
}

std::optional<std::size_t> PathPrefix::match(std::string_view path) const noexcept {
  SymbolReader reader(path);
  for (const std::uint16_t symbol : symbols_)
    if (reader.next() != symbol) return std::nullopt;
  // Nothing of the path has been read for the prefix of all: "*" matches it, too.
  if (symbols_.empty()) return 0;
  const std::size_t covered = reader.position();
  const std::uint16_t after = reader.next();
  if (after != kBorder && after != kEnd) return std::nullopt;
  return covered;
}

std::uint32_t PathPrefix::first_segment(std::string_view path) noexcept {
  SymbolReader reader(path);
  reader.next();                     // the "/" in front
  std::uint32_t hash = 0x811c'9dc5;  // FNV-1a: the operator's own names, nothing to aim at
  for (std::uint16_t symbol; (symbol = reader.next()) < kBorder;)
    hash = (hash ^ symbol) * 0x0100'0193;
  return std::max(hash, 1u);
}

}  // namespace sallyport::http_door
