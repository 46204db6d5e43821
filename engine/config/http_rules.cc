#include "engine/config/http_rules.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include <fmt/format.h>

#include "engine/config/certificate_check.h"
#include "engine/config/checks.h"
#include "engine/config/http_endpoint.h"
#include "engine/config/route_rules.h"
#include "verify/clock.h"

namespace sallyport::config {
namespace {

/// Every address of a family.
bool is_everybody(const Prefix& prefix) {
  return prefix.length == 0 || (prefix.length == 96 && prefix.address == IpAddress::v4(0));
}

void check_listener(const Http& http, const HttpListener& listener, ElementNotes at) {
  if (listener.tls && http.certificates.empty()) {
    at.mistake("tls", {.wrong = "is true, and there is no [[http.certificate]]",
                       .mend = "Add [[http.certificate]] with certificate_file and key_file."});
  }
  if (listener.tls && listener.redirect_to_https) {
    at.mistake("redirect_to_https",
               {.wrong = "is for a listener without TLS, and this one has tls = true",
                .mend = "Remove it here, and set it on the [[http.listener]] of port 80."});
  }
}

void check_listeners(const Config& config, const Places& places, Notes& notes) {
  const Http& http = config.http;
  const bool any_closed = std::ranges::any_of(http.routes, [](const HttpRoute& route) {
    return route.policy == RoutePolicy::whitelisted || route.policy == RoutePolicy::second_factor;
  });
  std::set<std::string> seen;
  for (std::size_t i = 0; i < http.listeners.size(); ++i) {
    const HttpListener& listener = http.listeners[i];
    ElementNotes at(Section::http_listener, i, places, notes);
    check_listener(http, listener, at);
    for (std::size_t j = 0; j < listener.listen.size(); ++j) {
      const HttpAddress& address = listener.listen[j];
      // Port 0 is chosen by the kernel, anew each time.
      if (address.kind == HttpAddress::Kind::ip && address.endpoint.port == 0) continue;
      if (!seen.insert(text_of(address)).second) {
        at.mistake_in_list(
            "listen", j,
            {.wrong = fmt::format("names {}, as another listener does", text_of(address)),
             .mend = "Write each address in one [[http.listener]]."});
      }
      if (address.kind == HttpAddress::Kind::unix_socket && any_closed &&
          listener.proxy_protocol == ProxyProtocol::off && !listener.redirect_to_https) {
        at.warning_in_list(
            "listen", j,
            {.wrong = "is a Unix socket: those who come over it have no address, and "
                      "pass open routes only",
             .mend = "Let the proxy in front send a PROXY header, and set "
                     "proxy_protocol = \"required\"."});
      }
      if (address.kind == HttpAddress::Kind::ip && config.admin.listen == address.endpoint) {
        at.mistake_in_list(
            "listen", j,
            {.wrong = fmt::format("names {}, where admin.listen is", text_of(address)),
             .mend = "Give one of the two another port."});
      }
    }
  }
  const auto serving = std::ranges::find(http.listeners, false, &HttpListener::redirect_to_https);
  const bool has_link = asks(config, verify::LoginFactor::link);  // whose page needs no route
  if (http.routes.empty() && !has_link && serving != http.listeners.end()) {
    ElementNotes(Section::http_listener, static_cast<std::size_t>(serving - http.listeners.begin()),
                 places, notes)
        .warning("", {.wrong = "serves nothing: there is no [[http.route]]",
                      .mend = "Add one, with pool, respond or redirect."});
  }
  const bool any_tls = std::ranges::any_of(http.listeners, &HttpListener::tls);
  const auto redirects = std::ranges::find(http.listeners, true, &HttpListener::redirect_to_https);
  if (!any_tls && redirects != http.listeners.end()) {
    ElementNotes at(Section::http_listener,
                    static_cast<std::size_t>(redirects - http.listeners.begin()), places, notes);
    at.warning("redirect_to_https",
               {.wrong = "sends visitors to https, and no [[http.listener]] has tls = true",
                .mend = "Add one, unless another machine answers for https."});
  }
  if (!any_tls && !http.listeners.empty() && !http.certificates.empty()) {
    ElementNotes(Section::http_certificate, 0, places, notes)
        .warning("", {.wrong = "is of no use: no [[http.listener]] has tls = true",
                      .mend = "Set tls = true on a listener, or remove the certificate."});
  }
}

void check_certificates(const Http& http, const Places& places, Notes& notes) {
  for (std::size_t i = 0; i < http.certificates.size(); ++i) {
    const HttpCertificate& certificate = http.certificates[i];
    // A file that cannot be read was told of already.
    if (certificate.certificate_file.empty() || certificate.key_file.empty()) continue;
    ElementNotes at(Section::http_certificate, i, places, notes);
    for (CertificateFinding& found :
         check_certificate(certificate.certificate_file, certificate.key_file,
                           static_cast<std::int64_t>(verify::unix_ms() / 1'000))) {
      const std::string_view key = found.file == CertificateFinding::File::key
                                       ? std::string_view("key_file")
                                       : std::string_view("certificate_file");
      found.is_warning ? at.warning(key, std::move(found.complaint))
                       : at.mistake(key, std::move(found.complaint));
    }
  }
}

/// Whether what is sent to `server` arrives at a listener of ours.
bool is_ourselves(const HttpServer& server, const Http& http) {
  const auto address = IpAddress::parse(server.host);
  const auto leads_to = [&](const HttpAddress& listen) {
    if (listen.kind == HttpAddress::Kind::unix_socket) return listen.name == server.unix_path;
    if (listen.kind != HttpAddress::Kind::ip || !address || !server.unix_path.empty()) return false;
    return arrives_at(listen.endpoint, *address, server.port);
  };
  return std::ranges::any_of(http.listeners, [&](const HttpListener& listener) {
    return std::ranges::any_of(listener.listen, leads_to);
  });
}

void check_servers(const Http& http, const HttpPool& pool, ElementNotes& at) {
  for (std::size_t j = 0; j < pool.servers.size(); ++j) {
    const HttpServer& server = pool.servers[j];
    if (is_ourselves(server, http)) {
      at.mistake_in_list("servers", j,
                         {.wrong = "is an address that we listen on ourselves",
                          .mend = "Give the address of the web server behind."});
    }
    if (pool.tls && !server.unix_path.empty() && pool.server_name.empty()) {
      at.mistake_in_list("servers", j,
                         {.wrong = "is a Unix socket, which has no name that a certificate holds",
                          .mend = "Set server_name, or leave out tls."});
    }
  }
  if (pool.servers.empty()) return;
  if (std::ranges::all_of(pool.servers, &HttpServer::drain)) {
    at.warning("servers", {.wrong = "are all draining: nobody serves new requests",
                           .mend = "Remove drain from one."});
  } else if (std::ranges::all_of(pool.servers, &HttpServer::backup)) {
    at.warning("servers", {.wrong = "are all backups of nothing",
                           .mend = "Remove backup from those that should serve."});
  }
}

void check_pool_relations(const HttpPool& pool, ElementNotes& at) {
  for (const std::string_view key : {"ca_file", "server_name"}) {
    if (pool.tls || !at.given(key)) continue;
    at.mistake(key, {.wrong = "is for TLS, and this pool has none",
                     .mend = "Set tls = true, or remove it."});
  }
  if (at.given("cookie_name") && pool.balance != Balance::cookie) {
    at.warning("cookie_name", {.wrong = "is of no use without balance = \"cookie\"",
                               .mend = "Set balance = \"cookie\", or remove it."});
  }
  if (!pool.health_path.empty() && pool.health_timeout_ms > pool.health_interval_ms) {
    at.mistake("health_timeout", {.wrong = "is longer than health_interval",
                                  .mend = "Shorten it, or ask less often."});
  }
  for (const std::string_view key : {"health_interval", "health_timeout", "health_status",
                                     "health_body", "health_rise", "health_fall"}) {
    if (at.given("health_path") || !at.given(key)) continue;
    at.warning(key, {.wrong = "is of no use without health_path",
                     .mend = "Set health_path, or remove it."});
    break;
  }
}

void check_pools(const Http& http, const Places& places, Notes& notes) {
  std::set<std::string_view> seen;
  std::set<std::string_view> asked;
  for (const HttpRoute& route : http.routes) asked.insert(route.pool);
  for (std::size_t i = 0; i < http.pools.size(); ++i) {
    const HttpPool& pool = http.pools[i];
    ElementNotes at(Section::http_pool, i, places, notes);
    check_servers(http, pool, at);
    check_pool_relations(pool, at);
    if (pool.name.empty()) continue;
    if (!seen.insert(pool.name).second) {
      at.mistake("name", {.wrong = fmt::format("\"{}\" is the name of two pools", pool.name),
                          .mend = "Give each pool a name of its own."});
    } else if (!asked.contains(pool.name)) {
      at.warning("name", {.wrong = fmt::format("no route leads to pool \"{}\"", pool.name),
                          .mend = "Add an [[http.route]] with this pool, or remove it."});
    }
  }
}

void check_whitelist_file(const std::string& path, ElementNotes& at) {
  std::ifstream file(path);
  std::uint32_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    std::string_view text = std::string_view(line).substr(0, line.find('#'));
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) continue;
    text = text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
    // Whoever lets everybody in has to write the "/0".
    if (const auto prefix = Prefix::parse(text);
        prefix && (text.contains('/') || !is_everybody(*prefix))) {
      continue;
    }
    at.mistake("file", {.wrong = fmt::format("has a line {} that is no address or prefix", number),
                        .mend = "Write an address or prefix a line, and # before comments."});
    return;
  }
}

void check_whitelists(const Http& http, const Places& places, Notes& notes) {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < http.whitelists.size(); ++i) {
    const HttpWhitelist& whitelist = http.whitelists[i];
    ElementNotes at(Section::http_whitelist, i, places, notes);
    if (!whitelist.name.empty() && !seen.insert(whitelist.name).second) {
      at.mistake("name",
                 {.wrong = fmt::format("\"{}\" is the name of two whitelists", whitelist.name),
                  .mend = "Give each whitelist a name of its own."});
    }
    std::vector<std::string_view> sources;
    for (const std::string_view key : {"addresses", "file", "command"}) {
      if (at.given(key)) sources.push_back(key);
    }
    if (sources.empty()) {
      at.mistake("",
                 {.wrong = "has no addresses", .mend = "Add one of addresses, file and command."});
    } else if (sources.size() > 1) {
      at.mistake(sources[1], {.wrong = fmt::format("stands beside {}", sources[0]),
                              .mend = "Keep one of them; two whitelists are fine."});
    }
    if (at.given("interval") && !at.given("command")) {
      at.warning("interval", {.wrong = "is of no use without command",
                              .mend = "Remove it: a file is read again when it changes."});
    }
    for (std::size_t j = 0; j < whitelist.addresses.size(); ++j) {
      if (!is_everybody(whitelist.addresses[j])) continue;
      at.warning_in_list(
          "addresses", j,
          {.wrong = fmt::format("{} lets in everybody", whitelist.addresses[j].text()),
           .mend = "Name the networks you know, or set policy = \"open\"."});
    }
    if (!whitelist.file.empty()) check_whitelist_file(whitelist.file, at);
  }
}

void check_door(const Http& http, const Places& places, Notes& notes) {
  for (const Prefix& prefix : http.trusted_proxies) {
    if (!is_everybody(prefix)) continue;
    notes.warning(places.of("http.trusted_proxies"), "http.trusted_proxies",
                  {.wrong = fmt::format("holds {}: everybody can claim any address", prefix.text()),
                   .mend = "Name the proxies in front of this machine."});
  }
  if (http.max_target_octets > http.max_header_octets) {
    notes.mistake(places.of("http.max_target_octets"), "http.max_target_octets",
                  {.wrong = "is more than max_header_octets, which the path is a part of",
                   .mend = "Lower it, or raise max_header_octets."});
  }
  if (http.control_socket.size() > kMaxUnixPath) {
    notes.mistake(places.of("http.control_socket"), "http.control_socket",
                  {.wrong = fmt::format("is a path of {} octets", http.control_socket.size()),
                   .mend = fmt::format("Shorten it to {}.", kMaxUnixPath)});
  }
  if (http.auth_url.starts_with("http://")) {
    if (Finding warning = warn_api_url(http.auth_url)) {
      notes.warning(places.of("http.auth_url"), "http.auth_url", std::move(*warning));
    }
  }
}

}  // namespace

void check_http_rules(const Config& config, const Places& places, Notes& notes) {
  check_door(config.http, places, notes);
  check_listeners(config, places, notes);
  check_certificates(config.http, places, notes);
  check_pools(config.http, places, notes);
  check_routes(config.http, places, notes);
  check_whitelists(config.http, places, notes);
}

}  // namespace sallyport::config
