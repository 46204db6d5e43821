#include "engine/config/http_endpoint.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <sys/un.h>

#include "protocol/ascii.h"

namespace sallyport::config {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kSystemd = "systemd:";
static_assert(kMaxUnixPath == sizeof(sockaddr_un::sun_path) - 1);
/// systemd.socket(5), FileDescriptorName=.
constexpr std::size_t kMaxDescriptorName = 255;
constexpr std::size_t kMaxHostOctets = 253;
constexpr std::size_t kMaxLabelOctets = 63;

constexpr std::string_view kListenMend =
    "Write \"0.0.0.0:443\", \"[::]:443\", \":443\" for both, \"unix:/run/web.sock\" or "
    "\"systemd:NAME\".";
constexpr std::string_view kServerMend =
    "Write \"10.0.0.1:8080\", \"app.example.net:8080 weight=3\", \"unix:/run/app.sock backup\" or "
    "the like.";
constexpr std::string_view kHostMend =
    "Write \"www.example.net\", \"*.example.net\" for every name below, or an address.";

Complaint complaint(std::string wrong, std::string_view mend) {
  return {.wrong = std::move(wrong), .mend = std::string(mend)};
}

bool is_graphic(char c) { return c > 0x20 && c < 0x7f; }

Finding check_unix_path(std::string_view path, std::string_view mend) {
  if (!path.starts_with('/')) {
    return complaint("has a socket path that does not begin with /", mend);
  }
  if (path.size() > kMaxUnixPath) {
    return complaint(fmt::format("has a socket path of {} octets", path.size()),
                     fmt::format("Shorten it to {}.", kMaxUnixPath));
  }
  if (!std::ranges::all_of(path, is_graphic)) {
    return complaint("has a socket path with a space, a control character or the like", mend);
  }
  return std::nullopt;
}

bool is_label(std::string_view label) {
  const auto fits = [](char c) { return is_lower(c) || is_digit(c) || c == '-' || c == '_'; };
  return !label.empty() && label.size() <= kMaxLabelOctets && std::ranges::all_of(label, fits) &&
         !label.starts_with('-') && !label.ends_with('-');
}

/// Labels with dots between; `name` is in lower case.
bool is_host_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxHostOctets) return false;
  while (true) {
    const auto dot = name.find('.');
    if (!is_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) break;
    name.remove_prefix(dot + 1);
  }
  // A last label of digits makes it an address to some (WHATWG URL §3.5): a wrong one at that.
  return name.find_first_not_of("0123456789") != std::string_view::npos;
}

Finding add_ip(std::string_view text, std::vector<HttpAddress>& to) {
  const bool has_port =
      text.starts_with('[') ? text.contains("]:") : std::ranges::count(text, ':') == 1;
  if (!has_port) return complaint("has no port", kListenMend);
  std::vector<std::string> endpoints = {std::string(text)};
  if (text.starts_with(':')) {
    endpoints = {"0.0.0.0" + std::string(text), "[::]" + std::string(text)};
  } else if (text.starts_with('*')) {
    return complaint("has a * for its address", fmt::format("Write \"{}\".", text.substr(1)));
  }
  for (const std::string& each : endpoints) {
    const auto endpoint = Endpoint::parse(each, 0);
    if (!endpoint) {
      return complaint("is not an IP address and port: " + endpoint.error(), kListenMend);
    }
    HttpAddress address{.kind = HttpAddress::Kind::ip, .endpoint = *endpoint, .name = {}};
    // Port 0 is chosen by the kernel, anew each time.
    if (endpoint->port != 0 && std::ranges::find(to, address) != to.end()) {
      return complaint(fmt::format("names {} a second time", endpoint->text()),
                       "Write each address once.");
    }
    to.push_back(std::move(address));
  }
  return std::nullopt;
}

/// One of the words behind a server's address.
Finding take_option(std::string_view word, HttpServer& server) {
  constexpr std::string_view kWeight = "weight=";
  if (word == "backup") {
    server.backup = true;
  } else if (word == "drain") {
    server.drain = true;
  } else if (word.starts_with(kWeight)) {
    word.remove_prefix(kWeight.size());
    const auto [end, error] =
        std::from_chars(word.data(), word.data() + word.size(), server.weight);
    if (error != std::errc{} || end != word.data() + word.size() || server.weight == 0 ||
        server.weight > kMaxServerWeight) {
      return complaint(fmt::format("has a weight that is not 1 to {}", kMaxServerWeight),
                       kServerMend);
    }
  } else {
    return complaint(fmt::format("has an unknown word behind the address: {}", word),
                     "Known are weight=NUMBER, backup and drain.");
  }
  return std::nullopt;
}

Finding take_target(std::string_view target, HttpServer& server) {
  if (target.starts_with(kUnix)) {
    server.unix_path = target.substr(kUnix.size());
    return check_unix_path(server.unix_path, kServerMend);
  }
  if (target.contains("://")) {
    return complaint("is a URL", "Leave out what is before the host; tls = true makes it https.");
  }
  if (target.contains('/')) {
    return complaint("has a path", "Leave it out; add_prefix of the route puts it in front.");
  }
  auto parsed = parse_host_port(target);
  if (!parsed) return complaint(std::move(parsed.error().wrong), kServerMend);
  server.host = lower_case(parsed->host);
  server.port = parsed->port.value_or(0);
  return std::nullopt;
}

}  // namespace

Finding add_address(std::string_view text, std::vector<HttpAddress>& to) {
  HttpAddress address;
  if (text.starts_with(kUnix)) {
    address.kind = HttpAddress::Kind::unix_socket;
    address.name = text.substr(kUnix.size());
    if (Finding finding = check_unix_path(address.name, kListenMend)) return finding;
  } else if (text.starts_with(kSystemd)) {
    address.kind = HttpAddress::Kind::systemd;
    address.name = text.substr(kSystemd.size());
    if (address.name.empty() || address.name.size() > kMaxDescriptorName ||
        address.name.contains(':') || !std::ranges::all_of(address.name, is_graphic)) {
      return complaint("has a name that no socket unit can have",
                       "Write \"systemd:NAME\" with the FileDescriptorName of the socket unit.");
    }
  } else {
    return add_ip(text, to);
  }
  if (std::ranges::find(to, address) != to.end()) {
    return complaint(fmt::format("names {} a second time", text), "Write each address once.");
  }
  to.push_back(std::move(address));
  return std::nullopt;
}

std::string text_of(const HttpAddress& address) {
  switch (address.kind) {
    case HttpAddress::Kind::ip: return address.endpoint.text();
    case HttpAddress::Kind::unix_socket: return std::string(kUnix) + address.name;
    case HttpAddress::Kind::systemd: return std::string(kSystemd) + address.name;
  }
  return {};
}

Finding add_server(std::string_view text, std::vector<HttpServer>& to) {
  HttpServer server;
  server.port = 0;
  bool first = true;
  while (!text.empty()) {
    const auto space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
    if (word.empty()) continue;
    Finding finding = first ? take_target(word, server) : take_option(word, server);
    if (finding) return finding;
    first = false;
  }
  if (first) return complaint("is empty", kServerMend);
  const auto same = [&](const HttpServer& other) {
    return other.host == server.host && other.port == server.port &&
           other.unix_path == server.unix_path;
  };
  if (std::ranges::any_of(to, same)) {
    return complaint("names a server of this pool a second time",
                     "Write each server once; weight=2 gives it two shares.");
  }
  to.push_back(std::move(server));
  return std::nullopt;
}

std::string text_of(const HttpServer& server) {
  std::string out;
  if (!server.unix_path.empty()) {
    out = std::string(kUnix) + server.unix_path;
  } else {
    out = server.host.contains(':') ? fmt::format("[{}]", server.host) : server.host;
    if (server.port != 0) out += fmt::format(":{}", server.port);
  }
  if (server.weight != 1) out += fmt::format(" weight={}", server.weight);
  if (server.backup) out += " backup";
  if (server.drain) out += " drain";
  return out;
}

Finding add_host(std::string_view text, std::vector<std::string>& to) {
  std::string host = lower_case(text);
  if (host.starts_with('[') && host.ends_with(']')) {
    const auto address = IpAddress::parse(std::string_view(host).substr(1, host.size() - 2));
    if (!address || address->is_v4()) return complaint("is not an IPv6 address", kHostMend);
    host = fmt::format("[{}]", address->text());
  } else if (const auto address = IpAddress::parse(host); address) {
    // As it stands in Host (RFC 3986 §3.2.2).
    host = address->is_v4() ? address->text() : fmt::format("[{}]", address->text());
  } else {
    if (host.contains("://")) return complaint("is a URL", "Write the host alone.");
    if (host.contains(':')) {
      return complaint("has a port", "Leave it out: a route is chosen by the host alone.");
    }
    // The root's dot: the same host (RFC 3986 §3.2.2).
    if (host.ends_with('.')) host.pop_back();
    std::string_view name = host;
    if (name.starts_with("*.")) name.remove_prefix(2);
    if (name.contains('*')) {
      return complaint("has a * that is not its first label", kHostMend);
    }
    if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
      return complaint("holds a letter beyond ASCII", "Write it in Punycode: xn--….");
    }
    if (!is_host_name(name)) return complaint("is not the name of a host", kHostMend);
  }
  if (std::ranges::find(to, host) != to.end()) {
    return complaint(fmt::format("names {} a second time", host), "Write each host once.");
  }
  to.push_back(std::move(host));
  return std::nullopt;
}

Finding check_server_name(std::string_view text) {
  if (text.empty() || is_host_name(lower_case(text)) || IpAddress::parse(text)) return std::nullopt;
  return complaint("is not the name of a host", "Write \"app.example.net\", without a port.");
}

}  // namespace sallyport::config
