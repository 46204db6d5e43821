#pragma once
// A prefix of whole path segments, and whether a canonical path (router_target.h) begins with it.
// Pure; immutable; any thread.

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/http/router_target.h"

namespace sallyport::http_door {

/// Compared octet by octet as a server would read them, so that no spelling gets past a route:
/// escapes are decoded ("/%40x" is "/@x") but for the slash, which is no border when it is encoded;
/// parameters take no part ("/admin;x" and "/admin%3Bx" are "/admin"). Case matters.
class PathPrefix {
 public:
  PathPrefix() = default;  ///< every path
  /// Configured text: "" and "/" are every path; a slash at the end says nothing; a query is
  /// refused as not_a_path.
  [[nodiscard]] static std::expected<PathPrefix, TargetError> parse(std::string_view text);

  /// How many octets of the canonical `path` the prefix covers, its last segment's parameters
  /// included: what follows is empty or begins with "/". Empty: it does not begin with the prefix.
  [[nodiscard]] std::optional<std::size_t> match(std::string_view path) const noexcept;

  /// A hash of the first segment, 0 for every path. Paths that the prefix matches have the same
  /// first_segment(path), unless this is 0.
  [[nodiscard]] std::uint32_t first_segment() const noexcept { return first_segment_; }
  [[nodiscard]] static std::uint32_t first_segment(std::string_view path) noexcept;  ///< never 0

 private:
  std::vector<std::uint16_t> symbols_;  ///< octets, and kBorder between segments
  std::uint32_t first_segment_ = 0;
};

}  // namespace sallyport::http_door
