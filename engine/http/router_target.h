#pragma once
// The target of a request in one canonical form (RFC 3986 §6.2.2), so that the path a route was
// matched with is the path the upstream is sent: it is rewritten in place, and whoever routes,
// rewrites or forwards reads the same octets. Pure; any thread; the string's memory is used again.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace sallyport::http_door {

/// Why a target is refused. All of them are a 400.
enum class TargetError : std::uint8_t {
  not_a_path,       ///< neither "/…" nor "*" (RFC 9112 §3.2)
  forbidden_octet,  ///< a control, a space, "#", or "\" in the path, which some servers read as "/"
  bad_escape,   ///< "%" without two hexadecimal digits, of a control, or overlong UTF-8 ("%C0%AE")
  hidden_dots,  ///< a dot segment that only some servers see: "..;x", "..%2F", "%5C..", "/;x/"
};
[[nodiscard]] std::string_view to_text(TargetError error) noexcept;

/// Views of the target they were made from.
struct TargetParts {
  std::string_view path;   ///< begins with "/"; or "*"
  std::string_view query;  ///< with its "?"; empty: none
};

/// Brings `target` (origin form, or "*") into canonical form, in place:
/// - escapes of unreserved characters are decoded, hexadecimal digits of others become upper case;
/// - octets of the path that RFC 3986 §3.3 knows only escaped are escaped ("{" is "%7B"), in the
///   query those above 0x7f;
/// - "//" becomes "/", then dot segments are removed (RFC 3986 §5.2.4; above the root is the root);
/// - encoded slashes stay encoded; parameters (";x") and everything else of the query stay.
/// Canonical targets stay as they are. On an error the content of `target` is unspecified.
[[nodiscard]] std::expected<TargetParts, TargetError> normalise_target(std::string& target);

}  // namespace sallyport::http_door
