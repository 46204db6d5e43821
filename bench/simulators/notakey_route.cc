#include "bench/simulators/notakey_route.h"

#include <array>

#include "bench/simulators/text.h"

namespace sallyport::lab {
namespace {

constexpr std::size_t kMaxSegments = 7;

struct Segments {
  std::array<std::string, kMaxSegments> text;
  std::size_t count = 0;
};

/// Splits and decodes; a slash at the end means nothing.
std::optional<Segments> split(std::string_view path) {
  Segments segments;
  if (!path.starts_with('/')) return std::nullopt;
  path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  while (!path.empty()) {
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), segment.size() + 1));
    auto decoded = percent_decode(segment, false);
    if (!decoded || segments.count == kMaxSegments) return std::nullopt;
    segments.text[segments.count++] = std::move(*decoded);
  }
  return segments;
}

std::optional<NotakeyRoute> parse_v3(bool post, Segments& s) {
  NotakeyRoute route{.v3 = true, .access_id = s.text[3]};
  if (!post && s.count == 4) return route;
  if (post && s.count == 5 && s.text[4] == "auth") {
    route.endpoint = NotakeyEndpoint::create;
    return route;
  }
  if (!post && s.count == 6 && s.text[4] == "auth") {
    route.endpoint = NotakeyEndpoint::poll;
    route.uuid = std::move(s.text[5]);
    return route;
  }
  if (!post && s.count == 6 && s.text[4] == "user") {
    route.endpoint = NotakeyEndpoint::user;
    route.user = std::move(s.text[5]);
    return route;
  }
  if (!post && s.count == 7 && s.text[4] == "users" && s.text[6] == "devices") {
    route.endpoint = NotakeyEndpoint::devices;
    route.user = std::move(s.text[5]);
    return route;
  }
  return std::nullopt;
}

std::optional<NotakeyRoute> parse_v2(bool post, Segments& s) {
  NotakeyRoute route{.v3 = false, .access_id = s.text[3]};
  if (!post && s.count == 4) return route;
  if (post && s.count == 7 && s.text[4] == "application_user" && s.text[6] == "auth_request") {
    route.endpoint = NotakeyEndpoint::create;
    route.user = std::move(s.text[5]);
    return route;
  }
  if (!post && s.count == 6 && s.text[4] == "auth_request") {
    route.endpoint = NotakeyEndpoint::poll;
    route.uuid = std::move(s.text[5]);
    return route;
  }
  return std::nullopt;
}

}  // namespace

std::optional<NotakeyRoute> parse_notakey_route(std::string_view method, std::string_view path) {
  const bool post = method == "POST";
  if (!post && method != "GET") return std::nullopt;
  auto segments = split(path);
  if (!segments || segments->count < 2 || segments->text[0] != "api") return std::nullopt;
  Segments& s = *segments;
  if (s.count == 2 && s.text[1] == "token" && post)
    return NotakeyRoute{.endpoint = NotakeyEndpoint::token, .v3 = true};
  if (s.count < 4) return std::nullopt;
  if (s.text[1] == "v3" && s.text[2] == "services") return parse_v3(post, s);
  if (s.text[1] == "v2" && s.text[2] == "application") return parse_v2(post, s);
  return std::nullopt;
}

}  // namespace sallyport::lab
