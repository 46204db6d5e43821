#pragma once
// What the HTTP door asks the gate, and what it gets back. Plain values; the door knows HTTP and
// the pages, the gate knows what happens.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/ip_address.h"
#include "verify/gate/view.h"

namespace sallyport::verify {

/// A request below the gate's path, but for those the door answers by itself (the first page,
/// style, script, logo). Fields are decoded, checked for UTF-8 and bounded by the door.
struct GateRequest {
  bool post = false;  ///< else GET or HEAD, which changes nothing
  std::string path;   ///< below gate_path, without query: "/start", "/visit", "/approve"
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<std::pair<std::string, std::string>> form;  ///< of a POST
  std::string visit_cookie;    ///< value of the cookie that names the visit; empty: none
  std::string session_cookie;  ///< of the cookie that names a session; empty: none
  IpAddress visitor;           ///< known
  bool https = false;
  std::string host;          ///< that was asked, host[:port], lower case
  bool same_origin = false;  ///< POST: Sec-Fetch-Site or Origin says that a page of ours sent it
  bool script = false;       ///< a script of ours asks and reads JSON
  std::string user_agent;    ///< at most 256 octets
  std::string language;      ///< of the page: chosen by the door out of Accept-Language or ?lang=
  std::uint64_t now_ms = 0;  ///< Unix time
  /// The access of the route that the return URL leads to, found by the door; its route's own
  /// settings, or those of [gate].
  std::vector<Factor> factors;
  std::uint64_t access_ms = 0;
  std::string return_url;  ///< believed (http::read_return_url, and the host is ours); empty: none
};

/// A cookie to be set. The door adds Path, Secure, HttpOnly, SameSite and Domain.
struct GateCookie {
  enum class Name : std::uint8_t {
    visit,    ///< while the visitor is on his way in
    session,  ///< "My access", and silent renewal from another address
    access,   ///< lets requests through when [gate] bind asks for a cookie
  };
  Name name = Name::visit;
  std::string value;            ///< empty: remove it
  std::uint32_t max_age_s = 0;  ///< 0: of the browser's session
};

struct GateReply {
  enum class Kind : std::uint8_t {
    page,      ///< `view` as HTML (or as JSON to a script), with `status`
    redirect,  ///< 303 to `location`: a path below gate_path, or an absolute URL
    octets,    ///< `octets` of `content_type`: a picture
    hold,      ///< nothing yet: ask again when the visit changes, at the latest after `hold_ms`
  };
  Kind kind = Kind::page;
  std::uint16_t status = 200;
  View view;
  std::string location;
  std::vector<GateCookie> cookies;
  std::string octets;
  std::string content_type;
  std::string held_visit;     ///< hold: the visit's record (RecordKind::visit) in the store; a
                              ///< change of it, from any node, is the time to ask again
  std::uint32_t hold_ms = 0;  ///< hold
  std::uint32_t retry_after_s = 0;  ///< 429 and 503: Retry-After; 0: none
};

}  // namespace sallyport::verify
