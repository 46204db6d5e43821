#pragma once
// Paths, methods, header fields and URLs of the HTTP door, as texts of a file. Nothing that passes
// here can break a message apart: no CR, LF or NUL, names are tokens (RFC 9110 §5.6.2), values are
// field values (§5.5). Each add_… appends what `text` says to `to`, or says what is wrong with it
// and appends nothing.

#include <string>
#include <string_view>
#include <vector>

#include "engine/config/checks.h"
#include "engine/config/http.h"

namespace sallyport::config {

/// A prefix in whole segments: "/api", "/" for any. As requests are normalised before they are
/// matched, it has no dot segments, empty segments or parameters; empty is fine.
[[nodiscard]] Finding check_path_prefix(std::string_view text);
/// The same, but neither empty nor "/" nor within /.well-known.
[[nodiscard]] Finding check_gate_path(std::string_view text);
/// Path and query of a request of ours (health checks): begins with /; empty is fine.
[[nodiscard]] Finding check_target(std::string_view text);

/// http:// or https://, host, port and path: no query, no user name. Empty is fine.
[[nodiscard]] Finding check_web_url(std::string_view text);
/// The same, or a path, in either with {host} and {uri}. Empty is fine.
[[nodiscard]] Finding check_redirect(std::string_view text);

[[nodiscard]] Finding check_token(std::string_view text);  ///< not empty
/// A field value; empty is fine.
[[nodiscard]] Finding check_field_value(std::string_view text);
/// A media type with parameters (RFC 9110 §8.3.1), as far as it is one line and has a slash.
[[nodiscard]] Finding check_media_type(std::string_view text);
/// Text that may have several lines, without other control characters.
[[nodiscard]] Finding check_body(std::string_view text);

/// "GET": case counts (RFC 9110 §9.1).
[[nodiscard]] Finding add_method(std::string_view text, std::vector<std::string>& to);

/// "X-Tenant: blue", or "Upgrade" for any value.
[[nodiscard]] Finding add_header_match(std::string_view text, std::vector<HeaderMatch>& to);
[[nodiscard]] std::string text_of(const HeaderMatch& match);

/// "set X-Env: prod", "add X-A: b", "remove Cookie". Fields that frame a message or belong to one
/// hop (RFC 9110 §7.6.1) are the door's own, and so is, in requests, who the visitor is.
[[nodiscard]] Finding add_request_header(std::string_view text, std::vector<HeaderChange>& to);
[[nodiscard]] Finding add_response_header(std::string_view text, std::vector<HeaderChange>& to);
[[nodiscard]] std::string text_of(const HeaderChange& change);

/// A word of a command line. The first is the program, by its absolute path.
[[nodiscard]] Finding add_argument(std::string_view text, std::vector<std::string>& to);
[[nodiscard]] std::string text_of(const std::string& text);

}  // namespace sallyport::config
