#pragma once
// What the shards of the HTTP door work with: one immutable snapshot, made on the main thread and
// replaced as a whole by a reload, a changed certificate or a changed whitelist.

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/config/http.h"
#include "engine/http/access_cookie.h"
#include "engine/http/address_set.h"
#include "engine/http/admission.h"
#include "engine/http/rewrite.h"
#include "engine/http/router.h"
#include "engine/ring/tls.h"
#include "protocol/http/h1_parser.h"
#include "protocol/ip_address.h"

namespace sallyport::http_door {

struct GateFront;

struct PoolSettings {
  config::HttpPool config;
  std::vector<Endpoint> addresses;              ///< by server; any for one on a Unix socket
  std::shared_ptr<ring::TlsClientContext> tls;  ///< none: plain
};

struct RouteSettings {
  static constexpr std::uint32_t kNoPool = 0xffff'ffff;
  explicit RouteSettings(const config::HttpRoute& route) : config(route), rewrite(route) {}

  config::HttpRoute config;
  Rewrite rewrite;
  std::uint32_t pool = kNoPool;
  Access access;
};

/// What of a visitor grants are bound to ([gate] bind).
struct AccessBinding {
  verify::Bind bind = verify::Bind::address;
  std::string cookie;           ///< its name; empty: none is looked at
  std::vector<AccessKey> keys;  ///< of the cookie, newest first
};

struct DoorSettings {
  config::Http config;
  Router router;
  std::vector<RouteSettings> routes;
  std::vector<PoolSettings> pools;
  AddressSet trusted_proxies;
  std::shared_ptr<const AddressSet> whitelist;               ///< value: index of config.whitelists
  std::shared_ptr<const AccessBinding> binding;              ///< never null
  std::vector<std::shared_ptr<ring::TlsServerContext>> tls;  ///< by listener; none: plain
  std::shared_ptr<const GateFront> gate;                     ///< none: the door has no gate
  http::Limits limits;
  std::array<std::uint8_t, 32>
      cookie_key{};  ///< balance = cookie: names servers without showing them
};

}  // namespace sallyport::http_door
