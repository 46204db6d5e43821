#pragma once
// Which pool serves a request: by the realm of its User-Name, by client, by Called-Station-Id.
// Compiled once from the configuration; immutable. No allocation in find(); any thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/config/downstream.h"

namespace sallyport::radius_door {

/// Whether the text is like the pattern, in which * stands for any octets. ASCII letters of both
/// cases are equal.
[[nodiscard]] bool is_like(std::string_view text, std::string_view pattern) noexcept;

struct RouteQuery {
  std::string_view realm = {};
  std::string_view client = {};
  std::string_view called_station = {};  ///< empty: the request has none
};

class DownstreamRoutes {
 public:
  DownstreamRoutes() = default;
  explicit DownstreamRoutes(const std::vector<config::DownstreamRoute>& routes);

  /// No route is given: everything goes to the first pool.
  [[nodiscard]] bool empty() const noexcept { return routes_.empty(); }
  /// Index of the first route that matches, as they were given; empty: none does.
  [[nodiscard]] std::optional<std::size_t> find(const RouteQuery& query) const noexcept;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>()(text);
    }
  };
  using Index =
      std::unordered_map<std::string, std::vector<std::uint32_t>, TextHash, std::equal_to<>>;

  void consider(const Index& index, std::string_view key, const RouteQuery& query,
                std::size_t& best) const noexcept;
  [[nodiscard]] bool others_match(const config::DownstreamRoute& route,
                                  const RouteQuery& query) const noexcept;

  std::vector<config::DownstreamRoute> routes_;
  Index exact_;                           ///< realm in lower case, "" without one; routes in order
  Index below_;                           ///< "example.com" of "*.example.com"
  std::vector<std::uint32_t> any_realm_;  ///< "*"
  std::vector<std::uint32_t> unnamed_;    ///< routes that name no realm: for all, and for none
};

}  // namespace sallyport::radius_door
