#pragma once
// Which call of the Notakey API a request line means: both versions, as their clients write them.
// Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport::lab {

enum class NotakeyEndpoint : std::uint8_t {
  token,    ///< POST /api/token
  service,  ///< GET  …/services/{id} or …/application/{id}
  create,   ///< POST …/auth or …/application_user/{user}/auth_request
  poll,     ///< GET  …/auth/{uuid} or …/auth_request/{uuid}
  user,     ///< GET  …/services/{id}/user/{name}
  devices,  ///< GET  …/services/{id}/users/{keyname}/devices
};

struct NotakeyRoute {
  NotakeyEndpoint endpoint = NotakeyEndpoint::service;
  bool v3 = false;
  std::string access_id = {};
  std::string user = {};  ///< v2 create; v3 user and devices
  std::string uuid = {};  ///< poll
};

/// Nothing: no such call (404).
[[nodiscard]] std::optional<NotakeyRoute> parse_notakey_route(std::string_view method,
                                                              std::string_view path);

}  // namespace sallyport::lab
