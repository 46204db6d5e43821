#pragma once
// The target of a request and its authority (RFC 9110 §4, RFC 9112 §3.2, RFC 3986). Pure; any
// thread. Views live as long as what they were cut from.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport::http {

struct Authority {
  std::string_view host;              ///< as written; an IPv6 address with its brackets
  std::optional<std::uint16_t> port;  ///< nothing: the scheme's
};

/// host[:port]. Narrower than RFC 3986 §3.2: no userinfo, no empty port, and of a registered name
/// only what host names are made of (letters, digits, "-", ".", "_"), at most 255 octets, no empty
/// label but one dot at the end.
[[nodiscard]] std::optional<Authority> split_authority(std::string_view text) noexcept;

struct Target {
  std::string_view path;
  std::string_view query;  ///< without the question mark
  bool has_query = false;  ///< "/a?" has an empty one, "/a" has none
};

/// An origin form, which the parser has checked.
[[nodiscard]] Target split_target(std::string_view target) noexcept;

/// A path in the form that rules are matched against (RFC 3986 §6.2.2): unreserved characters are
/// decoded, other escapes are kept with upper-case digits, dot segments are resolved. False: an
/// escape is malformed or hides a control character, or ".." leads out of the root; then `out`
/// holds nothing useful. `path` begins with "/" and is no view of `out`.
[[nodiscard]] bool normalise_path(std::string_view path, std::string& out);

}  // namespace sallyport::http
