#pragma once
// Where the HTTP door listens, where its upstreams are, and the hosts it answers for, as texts of a
// file. Each add_… appends what `text` says to `to`, or says what is wrong with it and appends
// nothing. Each text_of reads back as the same.

#include <string>
#include <string_view>
#include <vector>

#include "engine/config/checks.h"
#include "engine/config/http.h"

namespace sallyport::config {

inline constexpr std::uint32_t kMaxServerWeight = 256;

/// "192.0.2.1:443", "[::]:443", ":443" (which is 0.0.0.0:443 and [::]:443), "unix:/run/web.sock",
/// "systemd:NAME" (FileDescriptorName of a socket unit). Never an address twice, but for port 0.
[[nodiscard]] Finding add_address(std::string_view text, std::vector<HttpAddress>& to);
[[nodiscard]] std::string text_of(const HttpAddress& address);

/// "10.0.0.1:8080", "app.internal", "[2001:db8::1]:80 weight=3 backup", "unix:/run/app.sock drain".
/// Without a port, HttpServer::port is 0.
[[nodiscard]] Finding add_server(std::string_view text, std::vector<HttpServer>& to);
[[nodiscard]] std::string text_of(const HttpServer& server);

/// "www.example.net", "*.example.net", "192.0.2.1", "[2001:db8::1]"; kept in lower case.
[[nodiscard]] Finding add_host(std::string_view text, std::vector<std::string>& to);

/// The longest path of a Unix socket in octets (unix(7)).
inline constexpr std::size_t kMaxUnixPath = 107;

/// The name of one host, without a wildcard (RFC 1123 §2.1), or an address. For SNI.
[[nodiscard]] Finding check_server_name(std::string_view text);

}  // namespace sallyport::config
