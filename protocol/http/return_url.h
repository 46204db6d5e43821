#pragma once
// The URL that a visitor comes back to after the gate: made, carried in a query, and read back with
// suspicion, since whoever writes the link chooses it. Pure; any thread.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport::http {

/// Longer ones are not carried: the visitor starts at the front page then.
inline constexpr std::size_t kMaxReturnUrlOctets = 4'096;

/// An absolute http or https URL, in the only form that is believed. Views into the text.
struct ReturnUrl {
  bool https = false;
  std::string_view authority;  ///< host[:port], as split_authority() takes it
  std::string_view target;     ///< path and query; "/" where the text has neither
};

/// Nothing for whatever else a browser could follow elsewhere: another scheme, a relative or
/// scheme-relative URL, userinfo, a backslash, white space, controls, octets above 0x7e, a
/// fragment. The host still has to be one of ours: the caller asks the router.
[[nodiscard]] std::optional<ReturnUrl> read_return_url(std::string_view text) noexcept;
/// The same of any length, for a URL that is only looked at.
[[nodiscard]] std::optional<ReturnUrl> read_whole_url(std::string_view text) noexcept;

/// scheme://authority target.
void append_url(std::string& out, bool https, std::string_view authority, std::string_view target);

/// All but unreserved characters (RFC 3986 §2.3) become escapes.
void append_escaped(std::string& out, std::string_view text);

/// The value of the first `name` in a query ("a=b&c=d", no question mark), decoded: "+" is a plus,
/// since our own links escape spaces. Nothing: not there, or an escape is malformed.
[[nodiscard]] std::optional<std::string> query_value(std::string_view query, std::string_view name);

}  // namespace sallyport::http
