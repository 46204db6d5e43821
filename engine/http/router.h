#pragma once
// Which route serves a request. Immutable once built; shards swap whole snapshots. A look-up takes
// no heap, and with a thousand routes costs little more than with one: candidates are known by
// host, and most of them fall by one comparison of the path's first segment.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/config/http.h"
#include "engine/http/router_host.h"
#include "engine/http/router_prefix.h"
#include "protocol/http/head.h"

namespace sallyport::http_door {

/// Why no route serves a request.
enum class RouteError : std::uint8_t {
  unknown_host,  ///< no route is for this host: 421 (RFC 9110 §15.5.20)
  no_route,      ///< none of the host's routes matches: 404
};

class Router {
 public:
  /// `config` is validated. An error names a route whose hosts or prefix no request can have.
  [[nodiscard]] static std::expected<Router, std::string> make(const config::Http& config);

  /// The index in config::Http::routes of the first that matches. `path` is canonical
  /// (TargetParts::path). Methods are compared in their case (RFC 9110 §9.1), and a route for GET
  /// is one for HEAD. A header matches when one of its lines has the whole value, in its case. Any
  /// thread.
  [[nodiscard]] std::expected<std::uint32_t, RouteError> find(
      const HostName& host, std::string_view path, const http::RequestHead& head) const noexcept;

  /// Whether a route names this host or a wildcard above it; one for any host does not count.
  [[nodiscard]] bool names_host(const HostName& host) const noexcept;

 private:
  struct Route {
    PathPrefix prefix;
    std::vector<std::string> methods;
    std::vector<config::HeaderMatch> headers;
  };
  /// Routes of one host in their order: of the name itself, of wildcards above it, and of any host.
  struct Candidate {
    std::uint32_t route;
    std::uint32_t first_segment;  ///< PathPrefix::first_segment
  };
  using Candidates = std::vector<Candidate>;
  struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using HostIndex = std::unordered_map<std::string, Candidates, TextHash, std::equal_to<>>;

  Router() = default;
  /// The route's hosts in canonical form.
  std::expected<std::vector<std::string>, std::string> add_hosts(const config::HttpRoute& route);
  void add_candidates(const std::vector<std::string>& hosts, std::uint32_t index);
  [[nodiscard]] const Candidates* named(std::string_view host) const noexcept;
  [[nodiscard]] static bool matches(const Route& route, std::string_view path,
                                    const http::RequestHead& head) noexcept;

  std::vector<Route> routes_;
  HostIndex hosts_;      ///< by name
  HostIndex wildcards_;  ///< by what follows "*."
  Candidates any_;
};

}  // namespace sallyport::http_door
