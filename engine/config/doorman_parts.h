#pragma once
// The parts of a conversion (doorman.h), each of one corner of the JSON.

#include <string>
#include <vector>

#include "engine/config/doorman_keys.h"

namespace sallyport::config {

/// doorman's own object: apps.doorman.
void convert_doorman_app(const JsonValue& app, const std::string& path, DoormanOutput& output);
/// Its users.
void convert_doorman_users(DoormanKeys& doorman);
/// Its channels and messenger_config, and the transport of registration messages.
void convert_doorman_messages(DoormanKeys& doorman);

/// apps.http and apps.tls.
void convert_caddy_http(const JsonValue& http, DoormanOutput& output);
void convert_caddy_tls(const JsonValue& tls, DoormanOutput& output);

/// What the routes of one server, and those above within it, have in common.
struct RouteContext {
  std::vector<std::string> hosts;
  std::string path_prefix;
  std::vector<std::string> methods;
  std::vector<std::string> headers;           ///< as route's `headers`
  std::vector<std::string> request_headers;   ///< as route's `request_headers`
  std::vector<std::string> response_headers;  ///< as route's `response_headers`
  std::string strip_prefix;
  double max_request_body = 0;
  bool guarded = false;    ///< behind doorman
  bool narrowed = false;   ///< by a matcher that cannot be written exactly: serves more than before
  bool forbidden = false;  ///< a handler before it cannot be converted: nobody may pass
};
/// A server's `routes`.
void convert_caddy_routes(const JsonArray& routes, const std::string& path, RouteContext& context,
                          DoormanOutput& output);
/// The handler reverse_proxy as [[http.pool]]; its name, or empty: it cannot be converted.
[[nodiscard]] std::string convert_caddy_proxy(DoormanKeys& handler, RouteContext& context);
/// headers of a handler, as the changes that routes have.
void convert_caddy_headers(DoormanKeys& handler, std::string_view key, RouteContext& context);

}  // namespace sallyport::config
