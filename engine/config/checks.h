#pragma once
// Checks of single values, shared by the file's loader and by NtkP's options. Each says what is
// wrong and how to mend it; a value that may be a secret is never quoted.

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "engine/config/mistake.h"
#include "protocol/ip_address.h"
#include "protocol/secret.h"

namespace sallyport::config {

/// RFC 2865 §3 wants 16 octets or more; 12 and fewer are found by trying.
inline constexpr std::size_t kShortSecretOctets = 12;
inline constexpr std::size_t kMaxSecretOctets = 1024;

using Finding = std::optional<Complaint>;

[[nodiscard]] Finding check_client_name(std::string_view text);
[[nodiscard]] Finding check_http_name(std::string_view text);  ///< of a pool, route or whitelist
[[nodiscard]] Finding check_api_url(std::string_view text);    ///< the Notakey host
[[nodiscard]] Finding check_url(std::string_view text);        ///< http or https, without a query
[[nodiscard]] Finding check_proxy_url(std::string_view text);  ///< an HTTP proxy
[[nodiscard]] Finding check_access_id(std::string_view text);
[[nodiscard]] Finding check_readable_file(std::string_view path);
/// A file that may not exist yet, in a folder that does; a relative path begins where we are.
[[nodiscard]] Finding check_log_file(std::string_view path);         ///< empty is fine
[[nodiscard]] Finding check_one_line(std::string_view text);         ///< no control characters
[[nodiscard]] Finding check_template(std::string_view text);         ///< {user}, {client}, …
[[nodiscard]] Finding check_number_template(std::string_view text);  ///< the same, with {number}

/// A name or an address with an optional port: "radius.example.net", "192.0.2.9:1645", "[::1]".
struct HostAndPort {
  std::string host;  ///< without brackets
  std::optional<std::uint16_t> port;
};
[[nodiscard]] std::expected<HostAndPort, Complaint> parse_host_port(std::string_view text);

/// Whether what this machine sends there arrives at a socket that listens so.
[[nodiscard]] bool arrives_at(const Endpoint& listen, const IpAddress& address, std::uint16_t port);

/// Too short to be safe, or still the example's.
[[nodiscard]] Finding warn_secret(const Secret& secret);
/// An http:// URL that leaves this machine.
[[nodiscard]] Finding warn_api_url(std::string_view url);

/// What stands in example files where a secret belongs.
inline constexpr std::string_view kExampleSecret = "replace-me-with-32-random-characters";

}  // namespace sallyport::config
