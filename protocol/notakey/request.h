#pragma once
// Requests to the Notakey API, v2 and v3: their URLs and JSON bodies, written into a buffer of the
// caller's. Pure: no I/O, no heap. Whatever a user typed arrives as data: percent-encoded in a
// path, escaped in a body, without control characters in what the phone shows.

#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

namespace sallyport::notakey {

/// v2 knows no authentication but the access id; v3 wants an OAuth access token.
enum class ApiVersion : std::uint8_t { v2, v3 };

/// Why a configured host cannot be used.
enum class BadHost : std::uint8_t {
  empty,      ///< nothing there
  scheme,     ///< neither https:// nor http://
  authority,  ///< not host[:port]: credentials, spaces, a missing name
  path,       ///< more than /api follows the host
};
[[nodiscard]] const char* to_text(BadHost error) noexcept;

/// Where the API lives. A view into the configured text.
struct Host {
  bool tls = true;             ///< false only where the configuration says http://
  std::string_view authority;  ///< host or host:port
};

/// Takes "https://h", "https://h/", "https://h/api", "https://h/api/"; without a scheme https is
/// meant.
[[nodiscard]] std::expected<Host, BadHost> parse_host(std::string_view text) noexcept;

/// One service (v3) or application (v2) of that host.
struct Service {
  Host host;
  ApiVersion version = ApiVersion::v2;
  std::string_view id;
};

/// What a create request says. Views are read during the call only.
struct Push {
  std::string_view user = {};
  std::string_view action = {};       ///< title on the phone
  std::string_view description = {};  ///< the question
  std::string_view profile = {};      ///< v3: replaces action, description and ttl
  std::uint32_t ttl_s = 0;
};

/// Why a request could not be written.
enum class BadRequest : std::uint8_t {
  no_room,        ///< the buffer is too small
  bad_user_name,  ///< empty, not UTF-8, control characters, or "." and ".." in a path: nobody's
                  ///< name
};

/// The part of `out` that was written.
using Written = std::expected<std::string_view, BadRequest>;

/// Enough for every URL and body of ours: a URL holds at most 253 octets of user name tripled by
/// encoding, a body 4 × 1,024 octets of text, each octet at most six when escaped.
inline constexpr std::size_t kMaxRequestOctets = 32'768;
static_assert(kMaxRequestOctets >= 4 * 1024 * 6 + 1024);

[[nodiscard]] Written token_url(Host host, std::span<char> out) noexcept;
[[nodiscard]] Written service_url(const Service& service, std::span<char> out) noexcept;
[[nodiscard]] Written create_url(const Service& service, std::string_view user,
                                 std::span<char> out) noexcept;
[[nodiscard]] Written result_url(const Service& service, std::string_view uuid,
                                 std::span<char> out) noexcept;

/// Holds a secret: the caller wipes `out` after use.
[[nodiscard]] Written token_body(std::string_view client_id, std::string_view client_secret,
                                 std::span<char> out) noexcept;
[[nodiscard]] Written create_body(ApiVersion version, const Push& push,
                                  std::span<char> out) noexcept;

/// UTF-8 without control characters, not empty. The service is never asked about anything else: a
/// name that had to be mended would be another user's.
[[nodiscard]] bool valid_user_name(std::string_view user) noexcept;

}  // namespace sallyport::notakey
