#include "engine/config/route_rules.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "engine/config/checks.h"
#include "engine/config/http_rules.h"
#include "engine/config/nearest.h"

namespace sallyport::config {
namespace {

constexpr std::string_view kAcmePath = "/.well-known/acme-challenge";

/// Whether `path` is `prefix` or below it.
bool is_within(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

bool host_covers(std::string_view earlier, std::string_view later) {
  if (earlier == later) return true;
  if (!earlier.starts_with("*.")) return false;
  const std::string_view parent = earlier.substr(1);  // ".example.net"
  return later.size() > parent.size() && later.ends_with(parent);
}

bool hosts_cover(const std::vector<std::string>& earlier, const std::vector<std::string>& later) {
  if (earlier.empty()) return true;
  return !later.empty() && std::ranges::all_of(later, [&](const std::string& host) {
    return std::ranges::any_of(earlier,
                               [&](const std::string& other) { return host_covers(other, host); });
  });
}

bool methods_cover(const std::vector<std::string>& earlier, const std::vector<std::string>& later) {
  if (earlier.empty()) return true;
  const auto has = [&](std::string_view method) {
    return std::ranges::find(earlier, method) != earlier.end();
  };
  return !later.empty() && std::ranges::all_of(later, [&](const std::string& method) {
    // A route for GET is one for HEAD.
    return has(method) || (method == "HEAD" && has("GET"));
  });
}

bool headers_cover(const std::vector<HeaderMatch>& earlier, const std::vector<HeaderMatch>& later) {
  return std::ranges::all_of(earlier, [&](const HeaderMatch& match) {
    return std::ranges::any_of(later, [&](const HeaderMatch& other) {
      return other.name == match.name && (match.value.empty() || match.value == other.value);
    });
  });
}

void check_what_serves(const HttpRoute& route, ElementNotes& at) {
  std::vector<std::string_view> given;
  for (const std::string_view key : {"pool", "respond", "redirect"}) {
    if (at.given(key)) given.push_back(key);
  }
  if (given.empty() && route.policy != RoutePolicy::deny) {
    at.mistake("", {.wrong = fmt::format("\"{}\" has nothing that serves it", route.name),
                    .mend = "Add one of pool, respond and redirect."});
  } else if (given.size() > 1) {
    at.mistake(given[1], {.wrong = fmt::format("stands beside {}", given[0]),
                          .mend = "Keep one of pool, respond and redirect."});
  }
}

void check_pool_name(const Http& http, const HttpRoute& route, ElementNotes& at) {
  if (route.pool.empty() ||
      std::ranges::find(http.pools, route.pool, &HttpPool::name) != http.pools.end()) {
    return;
  }
  std::vector<std::string_view> names;
  names.reserve(http.pools.size());
  for (const HttpPool& pool : http.pools) names.push_back(pool.name);
  const std::string_view meant = nearest(route.pool, names);
  at.mistake("pool", {.wrong = fmt::format("there is no pool \"{}\"", route.pool),
                      .mend = meant.empty()
                                  ? fmt::format("Add [[http.pool]] with name = \"{}\".", route.pool)
                                  : fmt::format("Did you mean \"{}\"?", meant)});
}

/// RFC 9110 §15.3.5, §15.3.6, §15.4.5.
bool has_no_content(std::uint32_t status) {
  return status == 204 || status == 205 || status == 304;
}

void check_effects(const HttpRoute& route, ElementNotes& at) {
  constexpr auto kOfPool =
      std::to_array<std::string_view>({"strip_prefix", "add_prefix", "request_headers",
                                       "max_request_body", "max_response_body", "preserve_host"});
  for (const std::string_view key : kOfPool) {
    if (!at.given(key) || at.given("pool")) continue;
    at.warning(key, {.wrong = "is of no use on a route without a pool", .mend = "Remove it."});
  }
  for (const std::string_view key : {"respond_body", "respond_type"}) {
    if (!at.given(key) || at.given("respond")) continue;
    at.warning(key,
               {.wrong = "is of no use without respond", .mend = "Set respond, or remove it."});
  }
  if (!route.respond_body.empty() && has_no_content(route.respond)) {
    at.mistake("respond_body",
               {.wrong = fmt::format("cannot be sent with status {}", route.respond),
                .mend = "Remove it, or answer with 200."});
  }
  if (!route.strip_prefix.empty() && !is_within(route.path_prefix, route.strip_prefix) &&
      !is_within(route.strip_prefix, route.path_prefix)) {
    at.warning("strip_prefix",
               {.wrong = fmt::format("is at the front of no path below \"{}\"", route.path_prefix),
                .mend = "Make it the beginning of path_prefix."});
  }
}

void check_reachable(const Http& http, std::size_t index, ElementNotes& at) {
  const HttpRoute& route = http.routes[index];
  if (!route.path_prefix.empty() && is_within(route.path_prefix, http.gate_path)) {
    return at.warning("path_prefix", {.wrong = "lies below gate_path, which is served before it",
                                      .mend = "Choose another path, or another gate_path."});
  }
  if (!http.acme_challenge_folder.empty() && is_within(route.path_prefix, kAcmePath)) {
    return at.warning("path_prefix",
                      {.wrong = "is served from acme_challenge_folder before any route",
                       .mend = "Remove the route, or acme_challenge_folder."});
  }
  for (std::size_t i = 0; i < index; ++i) {
    if (!covers(http.routes[i], route)) continue;
    return at.warning(
        "", {.wrong = fmt::format("\"{}\" is never reached: \"{}\" above it takes all its requests",
                                  route.name, http.routes[i].name),
             .mend = "Move it above that one, or remove it."});
  }
}

}  // namespace

bool covers(const HttpRoute& earlier, const HttpRoute& later) {
  // The cheapest first: with thousands of routes, most pairs differ in their paths.
  return (earlier.path_prefix.empty() || is_within(later.path_prefix, earlier.path_prefix)) &&
         methods_cover(earlier.methods, later.methods) &&
         headers_cover(earlier.headers, later.headers) && hosts_cover(earlier.hosts, later.hosts);
}

void check_routes(const Http& http, const Places& places, Notes& notes) {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < http.routes.size(); ++i) {
    const HttpRoute& route = http.routes[i];
    ElementNotes at(Section::http_route, i, places, notes);
    if (!seen.insert(route.name).second) {
      at.mistake("name", {.wrong = fmt::format("\"{}\" is the name of two routes", route.name),
                          .mend = "Give each route a name of its own."});
    }
    check_what_serves(route, at);
    check_pool_name(http, route, at);
    check_effects(route, at);
    check_reachable(http, i, at);
    if (route.policy == RoutePolicy::whitelisted && http.whitelists.empty()) {
      at.warning("policy", {.wrong = "lets in nobody: there is no [[http.whitelist]]",
                            .mend = "Add [[http.whitelist]] with name and addresses."});
    }
  }
}

}  // namespace sallyport::config
