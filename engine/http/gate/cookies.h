#pragma once
// The gate's cookies: their names, how they are set, and how they are kept from the servers behind.
// Pure; any thread.

#include <string>
#include <string_view>

#include "protocol/http/head.h"
#include "verify/gate/request.h"

namespace sallyport::http_door {

struct CookieRules {
  std::string domain;     ///< empty: the asked host only
  bool insecure = false;  ///< also over plain HTTP

  /// Whether names begin with "__Host-": then no other host, and nobody on the way, can set them
  /// (RFC 6265bis §4.1.3.2).
  [[nodiscard]] bool host_only() const noexcept { return domain.empty() && !insecure; }
};

[[nodiscard]] std::string_view cookie_name(verify::GateCookie::Name name,
                                           const CookieRules& rules) noexcept;

/// The value of Set-Cookie. Path is "/" for all: sessions renew access wherever the visitor asks.
[[nodiscard]] std::string set_cookie(const verify::GateCookie& cookie, const CookieRules& rules);
/// The same of the language that the visitor has chosen, for a year.
[[nodiscard]] std::string set_language_cookie(std::string_view language, const CookieRules& rules);

/// Takes our cookies out of a request that goes to a server behind: whoever reads its log or runs
/// it could come in with them.
void remove_own_cookies(http::Fields& fields, std::string& scratch);

}  // namespace sallyport::http_door
