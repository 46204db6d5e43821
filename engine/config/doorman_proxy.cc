// Caddy's reverse_proxy as [[http.pool]], and changes of headers.

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "engine/config/doorman_parts.h"
#include "engine/config/http_endpoint.h"
#include "engine/config/http_text.h"
#include "protocol/ascii.h"

namespace sallyport::config {
namespace {

constexpr std::uint32_t kMinTimeoutMs = 100;
constexpr std::uint32_t kMinuteMs = 60'000;
constexpr std::uint32_t kHourMs = 60 * kMinuteMs;

class Pool {
 public:
  Pool(DoormanKeys& handler, RouteContext& context)
      : handler_(handler),
        output_(handler.output()),
        section_(output_.add(Section::http_pool)),
        context_(context) {}

  /// Its name; empty: there is no server.
  std::string convert() {
    const std::string name = next_name();
    section_.set("name", in_quotes(name), handler_.path());
    const bool any = convert_upstreams();
    convert_transport();
    convert_balance();
    convert_health();
    if (const JsonValue* headers = handler_.object("headers")) {
      DoormanKeys keys(*headers, handler_.path("headers"), output_, section_);
      convert_caddy_headers(keys, "request", context_);
      convert_caddy_headers(keys, "response", context_);
      keys.finish();
    }
    for (const std::string_view key : {"flush_interval", "request_buffers", "response_buffers",
                                       "buffer_requests", "buffer_responses", "max_buffer_size"}) {
      handler_.lost(key, "bodies are passed on as they come");
    }
    for (const std::string_view key :
         {"dynamic_upstreams", "circuit_breaker", "rewrite", "handle_response", "trailer_timeout",
          "stream_timeout", "stream_close_delay", "verbose_logs"}) {
      handler_.lost(key, "there is nothing of the kind here");
    }
    handler_.lost("trusted_proxies", "they are those of [http] trusted_proxies");
    if (any) return name;
    output_.lost(section_, handler_.path("upstreams"), "there is no server that can be written");
    section_.comment_out();
    return {};
  }

 private:
  /// By its place, so that no two have the same: "…routes[0].handle[1]" → "routes-0-handle-1".
  [[nodiscard]] std::string next_name() const {
    std::string out;
    std::string_view path = handler_.path();
    if (const auto at = path.find("routes"); at != std::string_view::npos) path.remove_prefix(at);
    for (const char c : path) {
      const bool plain = is_lower(c) || is_digit(c);
      if (plain) out += c;
      if (!plain && c != ']' && !out.ends_with('-')) out += '-';
    }
    const std::string base = "pool-" + out.substr(out.size() > 50 ? out.size() - 50 : 0);
    return output_.unique(Section::http_pool, base);
  }

  bool convert_upstreams() {
    std::vector<std::string> servers;
    const JsonArray* upstreams = handler_.list("upstreams");
    for (std::size_t i = 0; upstreams != nullptr && i < upstreams->size(); ++i) {
      DoormanKeys keys((*upstreams)[i], fmt::format("{}[{}]", handler_.path("upstreams"), i),
                       output_, section_);
      std::string dial = keys.text("dial").value_or("");
      if (dial.starts_with("tcp/")) dial.erase(0, 4);
      if (dial.starts_with("unix/")) dial.replace(0, 5, "unix:");
      if (dial.starts_with(':')) dial.insert(0, "127.0.0.1");
      std::vector<HttpServer> ignored;
      if (dial.contains(' ') || add_server(dial, ignored)) {
        output_.lost(section_, keys.path("dial"),
                     "it is no host:port or path of a Unix socket; placeholders are not filled in");
      } else {
        servers.push_back(dial);
      }
      keys.lost("max_requests", "servers have no bound of requests here");
      keys.finish();
    }
    if (!servers.empty())
      section_.set("servers", list_literal(servers), handler_.path("upstreams"));
    return !servers.empty();
  }

  void convert_transport() {
    const JsonValue* transport = handler_.object("transport");
    if (transport == nullptr) return;
    DoormanKeys keys(*transport, handler_.path("transport"), output_, section_);
    if (const auto protocol = keys.text("protocol"); protocol && *protocol != "http") {
      output_.lost(section_, keys.path("protocol"), "servers speak HTTP here: write one that does");
    }
    for (const std::string& version : keys.texts("versions")) {
      if (version == "h2c" || version == "2")
        section_.set("protocol", "\"h2\"", keys.path("versions"));
      if (version == "h2c" || version == "2") break;
    }
    if (const JsonValue* tls = keys.object("tls")) convert_tls(*tls, keys.path("tls"));
    keys.copy_duration("dial_timeout", section_, "connect_timeout", kMinTimeoutMs, 5 * kMinuteMs);
    keys.copy_duration("response_header_timeout", section_, "response_timeout", kMinTimeoutMs,
                       24 * kHourMs);
    if (const JsonValue* keep = keys.object("keep_alive")) {
      DoormanKeys kept(*keep, keys.path("keep_alive"), output_, section_);
      kept.copy_duration("idle_timeout", section_, "idle_timeout", kMinTimeoutMs, kHourMs);
      if (const auto idle = kept.number("max_idle_conns_per_host"); idle && *idle >= 0) {
        section_.set("max_idle", fmt::format("{}", std::llround(std::min(*idle, 65'536.0))),
                     kept.path("max_idle_conns_per_host"));
      }
      for (const std::string_view key : {"enabled", "probe_interval", "max_idle_conns"}) {
        kept.lost(key, "connections are kept, up to max_idle");
      }
      kept.finish();
    }
    for (const std::string_view key :
         {"resolver", "compression", "max_conns_per_host", "proxy_protocol", "dial_fallback_delay",
          "expect_continue_timeout", "max_response_header_size", "write_buffer_size",
          "read_buffer_size", "read_timeout", "write_timeout", "local_address", "root", "env"}) {
      keys.lost(key, "there is nothing of the kind here");
    }
    keys.finish();
  }

  void convert_tls(const JsonValue& value, const std::string& path) {
    DoormanKeys tls(value, path, output_, section_);
    section_.set("tls", "true", path);
    tls.copy_text("server_name", section_, "server_name");
    const auto files = tls.texts("root_ca_pem_files");
    if (!files.empty()) {
      section_.set("ca_file", in_quotes(files.front()), tls.path("root_ca_pem_files"));
      if (files.size() > 1) {
        output_.lost(section_, tls.path("root_ca_pem_files"), "put all into one file");
      }
    }
    tls.lost("insecure_skip_verify", "certificates are checked always: set ca_file");
    for (const std::string_view key :
         {"ca", "root_ca_pool", "client_certificate_file", "client_certificate_key_file",
          "client_certificate_automate", "handshake_timeout", "renegotiation", "except_ports",
          "curves"}) {
      tls.lost(key, "there is nothing of the kind here");
    }
    tls.finish();
  }

  void convert_policy(DoormanKeys& balancing) {
    const JsonValue* policy = balancing.object("selection_policy");
    if (policy == nullptr) return;
    DoormanKeys keys(*policy, balancing.path("selection_policy"), output_, section_);
    const std::string name = keys.text("policy").value_or("");
    constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kPolicies = {
        {{"round_robin", "round_robin"},
         {"least_conn", "least_conn"},
         {"random_choose", "random_two"},
         {"random", "random_two"},
         {"ip_hash", "ip_hash"},
         {"client_ip_hash", "ip_hash"},
         {"cookie", "cookie"},
         {"first", "first"}}};
    const auto found =
        std::ranges::find(kPolicies, name, &std::pair<std::string_view, std::string_view>::first);
    if (found != kPolicies.end()) {
      section_.set("balance", in_quotes(found->second), keys.path("policy"));
    } else {
      output_.lost(section_, keys.path("policy"), "round_robin is taken");
    }
    if (name == "cookie") keys.copy_text("name", section_, "cookie_name");
    for (const std::string_view key :
         {"choose", "secret", "weights", "field", "key", "fallback", "max_age"}) {
      keys.lost(key, "the policy has no such option here");
    }
    keys.finish();
  }

  void convert_balance() {
    const JsonValue* balancing = handler_.object("load_balancing");
    if (balancing == nullptr) return;
    DoormanKeys keys(*balancing, handler_.path("load_balancing"), output_, section_);
    convert_policy(keys);
    if (const auto retries = keys.number("retries"); retries && *retries >= 0) {
      section_.set("retries", fmt::format("{}", std::llround(std::min(*retries, 10.0))),
                   keys.path("retries"));
    }
    for (const std::string_view key : {"try_duration", "try_interval", "retry_match"}) {
      keys.lost(key, "another server is tried at once where that is safe, `retries` times");
    }
    keys.finish();
  }

  void convert_active(const JsonValue& value, const std::string& path) {
    DoormanKeys active(value, path, output_, section_);
    auto target = active.text("uri");
    if (auto older = active.text("path"); !target && older) target = older;
    if (target && !check_target(*target) && !target->empty()) {
      section_.set("health_path", in_quotes(*target), path + ".uri, path");
    } else {
      section_.set("health_path", "\"/\"", path);
    }
    active.copy_duration("interval", section_, "health_interval", kMinTimeoutMs, kHourMs);
    active.copy_duration("timeout", section_, "health_timeout", kMinTimeoutMs, 5 * kMinuteMs);
    // Caddy asks each 30 s and waits 5 s.
    if (!section_.has("health_interval")) section_.set("health_interval", "\"30s\"", "");
    if (!section_.has("health_timeout")) section_.set("health_timeout", "\"5s\"", "");
    if (const auto status = active.number("expect_status")) {
      if (*status >= 200 && *status <= 599) {
        section_.set("health_status", fmt::format("{}", std::llround(*status)),
                     active.path("expect_status"));
      } else if (*status == 2) {
        active.told("expect_status", "every 2xx is good here unless it is said otherwise");
      } else {
        output_.lost(section_, active.path("expect_status"), "one status, or every 2xx");
      }
    }
    if (const auto body = active.text("expect_body"); body && !body->empty()) {
      if (body->find_first_of("\\^$.|?*+()[]{}") == std::string::npos) {
        section_.set("health_body", in_quotes(*body), active.path("expect_body"));
      } else {
        output_.lost(section_, active.path("expect_body"), "text is looked for here, no pattern");
      }
    }
    for (const auto& [key, setting] :
         {std::pair{"passes", "health_rise"}, {"fails", "health_fall"}}) {
      if (const auto count = active.number(key); count && *count >= 1 && *count <= 100) {
        section_.set(setting, fmt::format("{}", std::llround(*count)), active.path(key));
      }
    }
    for (const std::string_view key :
         {"port", "headers", "max_size", "upstream", "follow_redirects", "method", "body"}) {
      active.lost(key, "servers are asked with GET at their own address");
    }
    active.finish();
  }

  void convert_health() {
    const JsonValue* health = handler_.object("health_checks");
    if (health == nullptr) return;
    DoormanKeys keys(*health, handler_.path("health_checks"), output_, section_);
    if (const JsonValue* active = keys.object("active")) {
      convert_active(*active, keys.path("active"));
    }
    if (const JsonValue* value = keys.object("passive")) {
      DoormanKeys passive(*value, keys.path("passive"), output_, section_);
      passive.copy_duration("fail_duration", section_, "fail_timeout", kMinTimeoutMs, kHourMs);
      if (const auto fails = passive.number("max_fails"); fails && *fails >= 0) {
        section_.set("max_fails", fmt::format("{}", std::llround(std::min(*fails, 1'000.0))),
                     passive.path("max_fails"));
      }
      for (const std::string_view key :
           {"unhealthy_request_count", "unhealthy_status", "unhealthy_latency"}) {
        passive.lost(key, "a server fails a request when it breaks off or does not answer");
      }
      passive.finish();
    }
    keys.finish();
  }

  DoormanKeys& handler_;
  DoormanOutput& output_;
  OutputSection& section_;
  RouteContext& context_;
};

/// Caddy's placeholders in a header's value as ours; nothing: there are others.
std::optional<std::string> header_value(std::string text) {
  for (const auto& [theirs, ours] :
       {std::pair<std::string_view, std::string_view>{"{http.request.host}", "{host}"},
        {"{http.request.hostport}", "{host}"},
        {"{http.request.uri}", "{uri}"},
        {"{http.request.remote.host}", "{visitor}"},
        {"{http.vars.client_ip}", "{visitor}"}}) {
    for (auto at = text.find(theirs); at != std::string::npos; at = text.find(theirs)) {
      text.replace(at, theirs.size(), ours);
    }
  }
  if (text.contains("{http.") || text.contains("{env.")) return std::nullopt;
  return text;
}

}  // namespace

std::string convert_caddy_proxy(DoormanKeys& handler, RouteContext& context) {
  return Pool(handler, context).convert();
}

void convert_caddy_headers(DoormanKeys& handler, std::string_view key, RouteContext& context) {
  const JsonValue* value = handler.object(key);
  if (value == nullptr) return;
  DoormanKeys keys(*value, handler.path(key), handler.output(), handler.at());
  const bool request = key == "request";
  std::vector<std::string>& to = request ? context.request_headers : context.response_headers;
  const auto add = [&](const std::string& change, const std::string& path) {
    std::vector<HeaderChange> checked;
    const Finding finding =
        request ? add_request_header(change, checked) : add_response_header(change, checked);
    if (finding) {
      handler.output().lost(handler.at(), path, "it " + finding->wrong);
    } else {
      to.push_back(change);
    }
  };
  for (const std::string_view verb : {"set", "add"}) {
    const JsonValue* fields = keys.object(verb);
    if (fields == nullptr) continue;
    for (const auto& [name, values] : std::get<JsonObject>(fields->value).entries) {
      const std::string path = fmt::format("{}.{}", keys.path(verb), name);
      const auto* list = std::get_if<JsonArray>(&values.value);
      for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
        const auto* text = std::get_if<std::string>(&(*list)[i].value);
        const auto converted = text == nullptr ? std::nullopt : header_value(*text);
        if (!converted) {
          handler.output().lost(handler.at(), path, "its placeholders are not known here");
          continue;
        }
        add(fmt::format("{} {}: {}", i == 0 ? verb : std::string_view("add"), name, *converted),
            path);
      }
    }
  }
  for (const std::string& name : keys.texts("delete")) {
    add(fmt::format("remove {}", name), keys.path("delete"));
  }
  keys.lost("replace", "headers are set or removed as a whole here");
  keys.needless("deferred", "answers are changed on their way back always");
  keys.lost("require", "answers are changed whatever they are");
  keys.finish();
}

}  // namespace sallyport::config
