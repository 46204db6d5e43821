#pragma once
// What the HTTP door needs of the gate to speak for it: pages, cookies, and what a route leaves
// open. Part of DoorSettings: immutable, replaced as a whole by a reload.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/http/gate/cookies.h"
#include "engine/http/pages/pages.h"
#include "verify/gate/view.h"

namespace sallyport::http_door {

struct GateFront {
  explicit GateFront(Pages made) : pages(std::move(made)) {}

  Pages pages;
  std::string gate_path;  ///< "/.sallyport"
  /// host[:port], lower case: where the gate is besides the hosts of routes.
  std::vector<std::string> hosts;
  CookieRules cookies;
  std::vector<verify::Factor> factors;  ///< for a route that names none
  std::uint64_t access_ms = 0;          ///< for a route that names none
  bool renew_silently = false;
};

}  // namespace sallyport::http_door
