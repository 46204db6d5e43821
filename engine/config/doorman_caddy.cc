// Caddy's servers and certificates, as far as they are in front of doorman.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "engine/config/doorman_parts.h"
#include "engine/config/http_endpoint.h"
#include "protocol/ip_address.h"

namespace sallyport::config {
namespace {

constexpr std::uint32_t kMinTimeoutMs = 100;
constexpr std::uint32_t kMinuteMs = 60'000;
constexpr std::uint32_t kHourMs = 60 * kMinuteMs;

/// Whether a handler of that name is anywhere below.
// NOLINTNEXTLINE(misc-no-recursion): as deep as the JSON.
bool mentions_doorman(const JsonValue& value) {
  if (const auto* list = std::get_if<JsonArray>(&value.value)) {
    return std::ranges::any_of(*list, mentions_doorman);
  }
  const auto* object = std::get_if<JsonObject>(&value.value);
  if (object == nullptr) return false;
  return std::ranges::any_of(object->entries, [](const JsonMember& entry) {
    const auto* text = std::get_if<std::string>(&entry.value.value);
    return (entry.name == "handler" && text != nullptr && *text == "doorman") ||
           mentions_doorman(entry.value);
  });
}

/// "tcp/:443", "localhost:80", "unix//run/web.sock" as we listen; nothing: we cannot.
std::optional<std::string> listen_address(std::string_view text) {
  if (text.starts_with("unix/")) return fmt::format("unix:{}", text.substr(5));
  for (const std::string_view network : {"tcp/", "tcp4/", "tcp6/"}) {
    if (text.starts_with(network)) text.remove_prefix(network.size());
  }
  std::string out(text);
  if (out.starts_with("localhost:")) out.replace(0, 9, "127.0.0.1");
  std::vector<HttpAddress> ignored;
  if (add_address(out, ignored)) return std::nullopt;
  return out;
}

/// The port, of what listen_address() makes.
std::string_view port_of(std::string_view address) {
  return address.substr(address.rfind(':') + 1);
}

/// Routes that do nothing but send everybody to https.
bool only_redirects(const JsonValue& server) {
  const auto* object = std::get_if<JsonObject>(&server.value);
  if (object == nullptr) return false;
  const auto routes = std::ranges::find(object->entries, "routes", &JsonMember::name);
  if (routes == object->entries.end()) return false;
  const auto* list = std::get_if<JsonArray>(&routes->value.value);
  if (list == nullptr || list->size() != 1) return false;
  const auto* route = std::get_if<JsonObject>(&list->front().value);
  if (route == nullptr || route->entries.size() != 1 || route->entries[0].name != "handle") {
    return false;
  }
  const auto* handlers = std::get_if<JsonArray>(&route->entries[0].value.value);
  if (handlers == nullptr || handlers->size() != 1) return false;
  const auto* handler = std::get_if<JsonObject>(&handlers->front().value);
  if (handler == nullptr) return false;
  for (const auto& [key, value] : handler->entries) {
    const auto* headers = key == "headers" ? std::get_if<JsonObject>(&value.value) : nullptr;
    if (headers == nullptr) continue;
    for (const auto& [name, values] : headers->entries) {
      const auto* texts = std::get_if<JsonArray>(&values.value);
      const auto* text = texts != nullptr && texts->size() == 1
                             ? std::get_if<std::string>(&texts->front().value)
                             : nullptr;
      if (name == "Location" && text != nullptr &&
          *text == "https://{http.request.host}{http.request.uri}") {
        return true;
      }
    }
  }
  return false;
}

class Server {
 public:
  Server(const JsonValue& value, const std::string& path, DoormanOutput& output, bool alone,
         bool has_certificates)
      : value_(value),
        output_(output),
        section_(output.add(Section::http_listener)),
        keys_(value, path, output, section_),
        alone_(alone),
        has_certificates_(has_certificates) {}

  void convert() {
    const bool https = convert_listen();
    convert_tls(https);
    convert_protocols();
    convert_wrappers();
    convert_limits();
    convert_trust();
    keys_.lost("logs", "set http.access_log = true for a log line for each request");
    keys_.lost("metrics", "metrics of all kinds are at [admin] listen");
    keys_.lost("errors", "errors have pages of ours");
    keys_.lost("named_routes", "routes have no names that others could call");
    keys_.lost("strict_sni_host", "a request for another host than that of TLS gets a 421 always");
    convert_routes();
    keys_.finish();
  }

 private:
  /// Whether one of them is a port that Caddy serves by TLS on its own.
  bool convert_listen() {
    std::vector<std::string> addresses;
    for (const std::string& text : keys_.texts("listen")) {
      if (const auto address = listen_address(text)) {
        addresses.push_back(*address);
      } else {
        output_.lost(section_, keys_.path("listen"),
                     fmt::format("\"{}\" is no address that can be listened on here", text));
      }
    }
    if (addresses.empty()) {
      output_.lost(section_, keys_.path("listen"), "there is none: 127.0.0.1:8080 is taken");
      addresses.emplace_back("127.0.0.1:8080");
    }
    section_.set("listen", list_literal(addresses), keys_.path("listen"));
    return std::ranges::any_of(addresses,
                               [](const auto& address) { return port_of(address) == "443"; });
  }

  void convert_tls(bool https) {
    bool off = false;
    if (const JsonValue* automatic = keys_.object("automatic_https")) {
      DoormanKeys keys(*automatic, keys_.path("automatic_https"), output_, section_);
      off = keys.flag("disable").value_or(false);
      if (off) keys.told("disable", "there is no automatic https here");
      for (const std::string_view key :
           {"disable_redirects", "disable_certificates", "skip", "skip_certificates",
            "ignore_loaded_certificates", "prefer_wildcard"}) {
        keys.lost(key, "certificates are not got automatically here");
      }
      keys.finish();
    }
    const bool policies = keys_.take("tls_connection_policies") != nullptr;
    if (policies) {
      output_.lost(section_, keys_.path("tls_connection_policies"),
                   "TLS 1.2 and 1.3 with good ciphers, and the certificate by name: there is "
                   "nothing to choose");
    }
    if ((!https || off) && !policies) return;
    if (has_certificates_) return section_.set("tls", "true", keys_.path("listen"));
    output_.lost(section_, keys_.path("automatic_https"),
                 "Caddy got its certificates by itself. Get them with certbot or the like, write "
                 "[[http.certificate]], and set tls = true here");
    section_.remark("tls = true");
  }

  void convert_protocols() {
    const JsonValue* value = keys_.take("protocols");
    if (value == nullptr) return;
    const auto* list = std::get_if<JsonArray>(&value->value);
    bool http2 = false;
    bool http3 = false;
    if (list != nullptr) {
      for (const JsonValue& element : *list) {
        const auto* text = std::get_if<std::string>(&element.value);
        http2 = http2 || (text != nullptr && text->starts_with("h2"));
        http3 = http3 || (text != nullptr && *text == "h3");
      }
    }
    section_.set("http2", http2 ? "true" : "false", keys_.path("protocols"));
    if (http3) output_.lost(section_, keys_.path("protocols"), "there is no HTTP/3 here");
  }

  void convert_wrappers() {
    const JsonArray* wrappers = keys_.list("listener_wrappers");
    if (wrappers == nullptr) return;
    for (std::size_t i = 0; i < wrappers->size(); ++i) {
      DoormanKeys keys((*wrappers)[i], fmt::format("{}[{}]", keys_.path("listener_wrappers"), i),
                       output_, section_);
      const std::string kind = keys.text("wrapper").value_or("");
      if (kind == "proxy_protocol") {
        section_.set("proxy_protocol", "\"required\"", keys.path("wrapper"));
        for (const std::string_view key : {"timeout", "allow", "deny", "fallback_policy"}) {
          keys.lost(key, "a PROXY header opens every connection; let only the balancer reach us");
        }
      } else if (kind != "tls") {
        output_.lost(section_, keys.path("wrapper"), "there is no such wrapper here");
      }
      keys.finish();
    }
  }

  void convert_limits() {
    OutputSection& http = output_.only(Section::http);
    const auto once = [&](std::string_view key, std::string_view setting, std::uint32_t max_ms) {
      if (http.has(setting)) return keys_.lost(key, "another server gives it already");
      keys_.copy_duration(key, http, setting, kMinTimeoutMs, max_ms);
    };
    once("read_header_timeout", "header_timeout", 5 * kMinuteMs);
    once("read_timeout", "body_timeout", kHourMs);
    once("write_timeout", "send_timeout", kHourMs);
    once("idle_timeout", "keep_alive_timeout", kHourMs);
    keys_.lost("keepalive_interval", "the system's is taken");
    if (const auto octets = keys_.number("max_header_bytes"); octets) {
      http.set("max_header_octets",
               fmt::format("{}", std::llround(std::clamp(*octets, 1'024.0, 65'536.0))),
               keys_.path("max_header_bytes"));
    }
  }

  void convert_trust() {
    const JsonValue* proxies = keys_.object("trusted_proxies");
    keys_.lost("client_ip_headers", "X-Forwarded-For and Forwarded are read, from the right");
    keys_.needless("trusted_proxies_strict", "they are read from the right always");
    if (proxies == nullptr) return;
    OutputSection& http = output_.only(Section::http);
    DoormanKeys keys(*proxies, keys_.path("trusted_proxies"), output_, http);
    if (const std::string source = keys.text("source").value_or(""); source != "static") {
      output_.lost(http, keys.path("source"), "addresses are written down here");
    }
    std::vector<std::string> good;
    for (const std::string& text : keys.texts("ranges")) {
      const auto prefix = Prefix::parse(text);
      if (prefix) good.push_back(prefix->text());
      if (!prefix) {
        output_.lost(http, keys.path("ranges"), fmt::format("\"{}\" is no prefix", text));
      }
    }
    if (!good.empty() && !http.has("trusted_proxies")) {
      http.set("trusted_proxies", list_literal(good), keys.path("ranges"));
    } else if (!good.empty()) {
      output_.lost(http, keys.path("ranges"), "another server gives them already");
    }
    keys.finish();
  }

  void convert_routes() {
    const JsonArray* routes = keys_.list("routes");
    if (routes == nullptr) return;
    if (only_redirects(value_)) {
      return section_.set("redirect_to_https", "true", keys_.path("routes"));
    }
    RouteContext context;
    // Routes serve all listeners here: what one server left open may be reached by another.
    context.forbidden = !alone_ && !mentions_doorman(value_);
    if (context.forbidden) {
      output_.lost(section_, keys_.path("routes"),
                   "they are written with policy = \"deny\", since all routes serve all listeners "
                   "here: open them one by one");
    }
    convert_caddy_routes(*routes, keys_.path("routes"), context, output_);
  }

  const JsonValue& value_;
  DoormanOutput& output_;
  OutputSection& section_;
  DoormanKeys keys_;
  bool alone_;
  bool has_certificates_;
};

}  // namespace

void convert_caddy_http(const JsonValue& value, DoormanOutput& output) {
  OutputSection& http = output.only(Section::http);
  DoormanKeys keys(value, "apps.http", output, http);
  for (const std::string_view key : {"http_port", "https_port"}) {
    keys.lost(key, "ports are those of [[http.listener]]");
  }
  keys.lost("grace_period", "connections end in an orderly way by themselves");
  keys.lost("shutdown_delay", "connections end in an orderly way by themselves");
  keys.lost("metrics", "metrics of all kinds are at [admin] listen");
  if (const JsonValue* servers = keys.object("servers")) {
    const auto& entries = std::get<JsonObject>(servers->value).entries;
    const auto serving = std::ranges::count_if(
        entries, [](const JsonMember& entry) { return !only_redirects(entry.value); });
    const bool certificates = output.has(Section::http_certificate) &&
                              output.only(Section::http_certificate).has("certificate_file");
    for (const auto& [name, server] : entries) {
      Server(server, fmt::format("apps.http.servers.{}", name), output, serving <= 1, certificates)
          .convert();
    }
  }
  keys.finish();
}

void convert_caddy_tls(const JsonValue& value, DoormanOutput& output) {
  OutputSection& first = output.only(Section::http_certificate);
  DoormanKeys keys(value, "apps.tls", output, first);
  for (const std::string_view key :
       {"automation", "session_tickets", "cache", "disable_ocsp_stapling"}) {
    keys.lost(key,
              "certificates come from files, which certbot or the like renews; they are read "
              "again when they change");
  }
  if (const JsonValue* certificates = keys.object("certificates")) {
    DoormanKeys kinds(*certificates, "apps.tls.certificates", output, first);
    for (const std::string_view key : {"automate", "load_folders", "load_pem", "load_storage"}) {
      kinds.lost(key, "certificates come from files: write [[http.certificate]]");
    }
    if (const JsonArray* files = kinds.list("load_files")) {
      for (std::size_t i = 0; i < files->size(); ++i) {
        OutputSection& section = i == 0 ? first : output.add(Section::http_certificate);
        DoormanKeys file((*files)[i], fmt::format("apps.tls.certificates.load_files[{}]", i),
                         output, section);
        file.copy_text("certificate", section, "certificate_file");
        file.copy_text("key", section, "key_file");
        file.lost("format", "files are PEM");
        file.lost("tags", "the certificate is chosen by the name that is asked for");
        file.finish();
      }
    }
    kinds.finish();
  }
  keys.finish();
  if (!first.has("certificate_file")) first.comment_out();
}

}  // namespace sallyport::config
