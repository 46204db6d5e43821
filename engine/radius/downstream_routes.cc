#include "engine/radius/downstream_routes.h"

#include <algorithm>
#include <array>

#include "protocol/ascii.h"

namespace sallyport::radius_door {
namespace {

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), to_lower);
  return out;
}

/// No realm in a User-Name is longer.
constexpr std::size_t kMaxRealmOctets = 253;

}  // namespace

// Greedy with one point to come back to: linear in practice, and never worse than text × pattern.
bool is_like(std::string_view text, std::string_view pattern) noexcept {
  std::size_t t = 0;
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;
  std::size_t retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
    } else if (p < pattern.size() && to_lower(pattern[p]) == to_lower(text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

DownstreamRoutes::DownstreamRoutes(const std::vector<config::DownstreamRoute>& routes)
    : routes_(routes) {
  for (std::uint32_t i = 0; i < routes_.size(); ++i) {
    if (routes_[i].realms.empty()) unnamed_.push_back(i);
    for (const std::string& realm : routes_[i].realms) {
      if (realm == "*")
        any_realm_.push_back(i);
      else if (realm.starts_with("*."))
        below_[lowered(std::string_view(realm).substr(2))].push_back(i);
      else
        exact_[lowered(realm)].push_back(i);
    }
  }
}

std::optional<std::size_t> DownstreamRoutes::find(const RouteQuery& query) const noexcept {
  std::array<char, kMaxRealmOctets> octets;
  const std::size_t size = std::min(query.realm.size(), octets.size());
  std::transform(query.realm.begin(), query.realm.begin() + static_cast<std::ptrdiff_t>(size),
                 octets.begin(), to_lower);
  const std::string_view realm(octets.data(), size);

  std::size_t best = routes_.size();
  consider(exact_, realm, query, best);
  for (std::size_t dot = realm.find('.'); dot != std::string_view::npos;
       dot = realm.find('.', dot + 1))
    consider(below_, realm.substr(dot + 1), query, best);
  const auto first_of = [&](const std::vector<std::uint32_t>& routes) {
    for (const std::uint32_t route : routes) {
      if (route >= best) return;
      if (others_match(routes_[route], query)) best = route;
    }
  };
  if (!realm.empty()) first_of(any_realm_);
  first_of(unnamed_);
  if (best == routes_.size()) return std::nullopt;
  return best;
}

void DownstreamRoutes::consider(const Index& index, std::string_view key, const RouteQuery& query,
                                std::size_t& best) const noexcept {
  const auto found = index.find(key);
  if (found == index.end()) return;
  for (const std::uint32_t route : found->second) {
    if (route >= best) return;
    if (others_match(routes_[route], query)) best = route;
  }
}

bool DownstreamRoutes::others_match(const config::DownstreamRoute& route,
                                    const RouteQuery& query) const noexcept {
  const auto is_client = [&](const std::string& name) { return name == query.client; };
  const auto is_station = [&](const std::string& pattern) {
    return is_like(query.called_station, pattern);
  };
  return (route.clients.empty() || std::ranges::any_of(route.clients, is_client)) &&
         (route.called_stations.empty() || std::ranges::any_of(route.called_stations, is_station));
}

}  // namespace sallyport::radius_door
