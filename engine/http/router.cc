#include "engine/http/router.h"

#include <algorithm>
#include <optional>

#include "protocol/http/field_text.h"

namespace sallyport::http_door {
namespace {

bool is_wildcard(std::string_view host) noexcept { return host.starts_with("*."); }

std::string_view below_wildcard(std::string_view host) noexcept { return host.substr(2); }

/// Whether `host` is a name below `parent`.
bool is_below(std::string_view host, std::string_view parent) noexcept {
  return host.size() > parent.size() + 1 && host.ends_with(parent) &&
         host[host.size() - parent.size() - 1] == '.';
}

/// The configured host as requests are compared with it.
std::optional<std::string> canonical_host(std::string_view text) {
  const bool wildcard = is_wildcard(text);
  const auto name = HostName::parse(wildcard ? below_wildcard(text) : text);
  if (!name || name->text().empty()) return std::nullopt;
  return (wildcard ? "*." : "") + std::string(name->text());
}

bool method_matches(std::string_view configured, std::string_view asked) noexcept {
  return configured == asked || (configured == "GET" && asked == "HEAD");
}

bool has_field(const http::Fields& fields, const config::HeaderMatch& match) noexcept {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const http::Field field = fields[i];
    if (http::equal_ignoring_case(field.name, match.name) &&
        (match.value.empty() || field.value == match.value))
      return true;
  }
  return false;
}

}  // namespace

std::expected<Router, std::string> Router::make(const config::Http& config) {
  Router router;
  // All hosts first: a candidate list takes every route that applies to it, in the routes' order.
  std::vector<std::vector<std::string>> hosts(config.routes.size());
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    auto added = router.add_hosts(config.routes[i]);
    if (!added) return std::unexpected(added.error());
    hosts[i] = std::move(*added);
  }
  for (std::uint32_t index = 0; index < config.routes.size(); ++index) {
    const config::HttpRoute& route = config.routes[index];
    // The other two are Rewrite's, which takes a route that has passed here.
    for (const std::string* text : {&route.strip_prefix, &route.add_prefix, &route.path_prefix}) {
      auto prefix = PathPrefix::parse(*text);
      if (!prefix)
        return std::unexpected(route.name + ": \"" + *text +
                               "\" is no path prefix: " + std::string(to_text(prefix.error())));
      if (text == &route.path_prefix)
        router.routes_.push_back(
            {.prefix = std::move(*prefix), .methods = route.methods, .headers = route.headers});
    }
    router.add_candidates(hosts[index], index);
  }
  return router;
}

std::expected<std::vector<std::string>, std::string> Router::add_hosts(
    const config::HttpRoute& route) {
  std::vector<std::string> hosts;
  for (const std::string& text : route.hosts) {
    auto host = canonical_host(text);
    if (!host)
      return std::unexpected(route.name + ": \"" + text + "\" is not a host that can be asked for");
    if (is_wildcard(*host))
      wildcards_.try_emplace(std::string(below_wildcard(*host)));
    else
      hosts_.try_emplace(*host);
    hosts.push_back(std::move(*host));
  }
  return hosts;
}

void Router::add_candidates(const std::vector<std::string>& hosts, std::uint32_t index) {
  const Candidate candidate{.route = index, .first_segment = routes_[index].prefix.first_segment()};
  // A route may name a host by itself and by a wildcard: it is still one candidate.
  const auto add = [&](Candidates& candidates) {
    if (candidates.empty() || candidates.back().route != index) candidates.push_back(candidate);
  };
  if (hosts.empty()) {
    for (auto& [name, candidates] : hosts_) add(candidates);
    for (auto& [parent, candidates] : wildcards_) add(candidates);
    add(any_);
  }
  for (const std::string& host : hosts) {
    if (!is_wildcard(host)) {
      add(hosts_.find(host)->second);
      continue;
    }
    const std::string_view parent = below_wildcard(host);
    add(wildcards_.find(parent)->second);
    for (auto& [name, candidates] : hosts_)
      if (is_below(name, parent)) add(candidates);
    for (auto& [name, candidates] : wildcards_)
      if (is_below(name, parent)) add(candidates);
  }
}

const Router::Candidates* Router::named(std::string_view host) const noexcept {
  if (const auto found = hosts_.find(host); found != hosts_.end()) return &found->second;
  if (wildcards_.empty()) return nullptr;
  // The longest wildcard's list holds those of the shorter ones.
  for (std::size_t dot; (dot = host.find('.')) != std::string_view::npos;) {
    host.remove_prefix(dot + 1);
    if (const auto found = wildcards_.find(host); found != wildcards_.end()) return &found->second;
  }
  return nullptr;
}

bool Router::names_host(const HostName& host) const noexcept {
  return named(host.text()) != nullptr;
}

bool Router::matches(const Route& route, std::string_view path,
                     const http::RequestHead& head) noexcept {
  const auto method_is = [&](const std::string& method) {
    return method_matches(method, head.method_text);
  };
  return route.prefix.match(path).has_value() &&
         (route.methods.empty() || std::ranges::any_of(route.methods, method_is)) &&
         std::ranges::all_of(route.headers, [&](const config::HeaderMatch& match) {
           return has_field(head.fields, match);
         });
}

std::expected<std::uint32_t, RouteError> Router::find(
    const HostName& host, std::string_view path, const http::RequestHead& head) const noexcept {
  const Candidates* const candidates = named(host.text());
  if (candidates == nullptr && any_.empty()) return std::unexpected(RouteError::unknown_host);
  const std::uint32_t segment = PathPrefix::first_segment(path);
  for (const Candidate& candidate : candidates == nullptr ? any_ : *candidates)
    if ((candidate.first_segment == 0 || candidate.first_segment == segment) &&
        matches(routes_[candidate.route], path, head))
      return candidate.route;
  return std::unexpected(RouteError::no_route);
}

}  // namespace sallyport::http_door
