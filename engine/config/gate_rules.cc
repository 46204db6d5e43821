#include "engine/config/gate_rules.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "engine/config/checks.h"
#include "engine/config/gate_text.h"
#include "engine/config/http_rules.h"
#include "engine/config/route_rules.h"

namespace sallyport::config {
namespace {

using verify::Factor;
using verify::MessageKind;

constexpr std::string_view kHowToStore =
    "Add [store] with type = \"sqlite\" and path = \"/var/lib/sallyport/gate.db\", or type = "
    "\"redis\" with servers.";

std::string_view without_slash(std::string_view url) {
  return url.ends_with('/') ? url.substr(0, url.size() - 1) : url;
}

/// "auth.example.net" of "https://auth.example.net:8443/x", without brackets.
std::string_view host_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  url.remove_prefix(scheme + 3);
  if (url.starts_with('[')) return url.substr(1, url.find(']') - 1);
  return url.substr(0, url.find_first_of(":/"));
}

/// `host` is `domain` or below it.
bool belongs_to(std::string_view host, std::string_view domain) {
  return host == domain || (host.size() > domain.size() && host.ends_with(domain) &&
                            host[host.size() - domain.size() - 1] == '.');
}

bool has(const std::vector<Factor>& factors, Factor factor) {
  return std::ranges::find(factors, factor) != factors.end();
}

class GateRules {
 public:
  GateRules(const Config& config, const Places& places, Notes& notes)
      : config_(config), gate_(config.gate), places_(places), notes_(notes) {}

  void check() {
    // Directories may be there for RADIUS alone: then nobody is offered the default.
    if (guards() || places_.given("gate.factors"))
      check_factors(gate_.settings.factors, gate_place("factors"), "gate.factors");
    for (std::size_t i = 0; i < config_.http.routes.size(); ++i) {
      const HttpRoute& route = config_.http.routes[i];
      if (route.factors.empty()) continue;
      const Position where = places_.of_element(Section::http_route, i).of("factors");
      check_factors(route.factors, where, "http.route.factors");
    }
    check_links();
    check_passkeys();
    check_cookies();
    check_durations();
    check_use();
  }

 private:
  /// Whether visitors are sent to it.
  [[nodiscard]] bool guards() const {
    return std::ranges::any_of(config_.http.routes, [](const HttpRoute& route) {
      return route.policy == RoutePolicy::second_factor;
    });
  }
  [[nodiscard]] Position gate_place(std::string_view key) const {
    return places_.of(fmt::format("gate.{}", key));
  }
  void mistake(std::string_view key, Complaint complaint) {
    notes_.mistake(gate_place(key), fmt::format("gate.{}", key), std::move(complaint));
  }
  void warning(std::string_view key, Complaint complaint) {
    notes_.warning(gate_place(key), fmt::format("gate.{}", key), std::move(complaint));
  }

  [[nodiscard]] bool is_used(Factor factor) const {
    return has(gate_.settings.factors, factor) ||
           std::ranges::any_of(config_.http.routes,
                               [&](const HttpRoute& route) { return has(route.factors, factor); });
  }
  [[nodiscard]] bool is_carried(MessageKind kind) const { return config::is_carried(gate_, kind); }

  void check_factors(const std::vector<Factor>& factors, Position where, std::string_view key) {
    for (const auto& [factor, kind] : {std::pair{Factor::token, MessageKind::token},
                                       std::pair{Factor::link, MessageKind::link}}) {
      if (!has(factors, factor) || is_carried(kind)) continue;
      notes_.mistake(
          where, std::string(key),
          {.wrong = fmt::format("has \"{}\", and no [[gate.channel]] sends such messages",
                                text_of(factor)),
           .mend = "Add [[gate.channel]] with name and type (smtp, url or command), or "
                   "choose another factor."});
    }
    if (has(factors, Factor::push) && config_.notakey.host.empty()) {
      notes_.mistake(where, std::string(key),
                     {.wrong = "has \"push\", and there is no [notakey]",
                      .mend = "Add [notakey] with host and access_id."});
    }
  }

  void check_links() {
    for (const auto& [factor, key, allowed] :
         {std::tuple{Factor::otp, "otp_registration", gate_.settings.otp_registration},
          std::tuple{Factor::passkey, "passkey_registration",
                     gate_.settings.passkey_registration}}) {
      if (!is_used(factor) || !allowed || is_carried(MessageKind::registration)) continue;
      mistake(key, {.wrong = "is on, and no [[gate.channel]] sends registration messages",
                    .mend = fmt::format("Add [[gate.channel]], or set {} = false.", key)});
    }
    const bool sends_links = is_used(Factor::link) ||
                             (is_used(Factor::otp) && gate_.settings.otp_registration) ||
                             (is_used(Factor::passkey) && gate_.settings.passkey_registration);
    if (sends_links && gate_.settings.gate_url.empty()) {
      mistake("url", {.wrong = "is missing, and messages hold links",
                      .mend = "Set gate.url or http.auth_url: scheme and host where visitors reach "
                              "the gate, \"https://auth.example.net\"."});
    }
  }

  void check_passkeys() {
    const std::string_view url = gate_.settings.gate_url;
    const std::string_view domain = gate_.settings.relying_party;
    if (!domain.empty() && !url.empty() && !belongs_to(host_of(url), domain)) {
      mistake("relying_party",
              {.wrong =
                   fmt::format("is neither the gate's host {} nor a domain above it", host_of(url)),
               .mend = "Write that host, or a domain that it ends with."});
    }
    if (!is_used(Factor::passkey)) return;
    const bool tls = std::ranges::any_of(config_.http.listeners, &HttpListener::tls);
    const bool plain = url.empty() ? !tls && config_.http.trusted_proxies.empty()
                                   : url.starts_with("http://") && host_of(url) != "localhost";
    if (plain) {
      mistake("factors", {.wrong = "has \"passkey\", which browsers allow on https alone",
                          .mend = "Set tls = true on an [[http.listener]], and begin gate.url and "
                                  "http.auth_url with https://."});
    }
  }

  /// Whether a cookie of the gate's pages reaches `host`.
  [[nodiscard]] bool cookie_reaches(std::string_view host) const {
    const std::string_view domain = gate_.cookie_domain;
    if (host.starts_with("*.")) host.remove_prefix(2);
    return domain.empty() ? host == host_of(config_.http.auth_url) : belongs_to(host, domain);
  }

  void check_cookies() {
    if (gate_.insecure_cookie) {
      warning("insecure_cookie", {.wrong = "lets cookies travel without TLS",
                                  .mend = "Remove it wherever there is https."});
    }
    const std::string_view auth_url = config_.http.auth_url;
    if (auth_url.empty()) return;
    if (!gate_.cookie_domain.empty() && !belongs_to(host_of(auth_url), gate_.cookie_domain)) {
      mistake("cookie_domain",
              {.wrong = fmt::format("is no domain of the gate's host {}", host_of(auth_url)),
               .mend = "Write a domain that the gate's host and the routes' hosts end with."});
      return;
    }
    if (gate_.settings.bind == verify::Bind::address) return;
    for (const HttpRoute& route : config_.http.routes) {
      if (route.policy != RoutePolicy::second_factor) continue;
      const auto lost = std::ranges::find_if_not(
          route.hosts, [&](const std::string& host) { return cookie_reaches(host); });
      if (lost == route.hosts.end()) continue;
      mistake("cookie_domain",
              {.wrong = fmt::format("does not reach {}: the gate is on {}, and bind asks for its "
                                    "cookie",
                                    *lost, host_of(auth_url)),
               .mend = "Set cookie_domain to a domain that both end with, or bind = \"address\", "
                       "or leave http.auth_url out."});
      return;
    }
  }

  void check_durations() {
    const verify::GateSettings& settings = gate_.settings;
    if (!settings.sliding && places_.given("gate.max_access")) {
      warning("max_access", {.wrong = "is of no use without sliding = true",
                             .mend = "Set sliding = true, or remove it."});
    }
    if (settings.sliding && settings.max_access_ms != 0 &&
        settings.max_access_ms < settings.access_duration_ms) {
      mistake("max_access", {.wrong = "is shorter than http.access_duration",
                             .mend = "Lengthen it, or shorten http.access_duration."});
    }
  }

  void check_use() {
    if (guards() || config_.http.routes.empty() || config_.http.listeners.empty()) return;
    notes_.warning(places_.of("gate"), "gate",
                   {.wrong = "is in front of nothing: no [[http.route]] has policy = "
                             "\"second_factor\"",
                    .mend = "Set that policy where visitors shall confirm who they are."});
  }

  const Config& config_;
  const Gate& gate_;
  const Places& places_;
  Notes& notes_;
};

/// What SQLite itself calls a database without a file.
constexpr std::string_view kMemoryOfSqlite = ":memory:";

/// What is wrong with [store], each at its own key or at the type.
class StoreRules {
 public:
  StoreRules(const Config& config, const Places& places, Notes& notes)
      : config_(config), store_(config.store), places_(places), notes_(notes) {}

  void check() {
    if (store_.kind == verify::StoreSettings::Kind::none) {
      // A wrong type was told of already.
      if (!is_needed() || places_.given("store.type")) return;
      return notes_.mistake(
          {.line = 1, .column = 1}, "store",
          {.wrong = fmt::format("the section [store] is missing, and {} needs it",
                                config_.gate.on       ? "the gate"
                                : asks_codes(config_) ? "a policy that asks for codes"
                                : config_.second_factor.number_matching
                                    ? "second_factor.number_matching"
                                    : "second_factor.directory_groups"),
           .mend = std::string(kHowToStore)});
    }
    const bool sqlite = store_.kind == verify::StoreSettings::Kind::sqlite;
    if (sqlite && store_.sqlite.path.empty() && !given("path")) {
      mistake("path", {.wrong = "is missing, and type \"sqlite\" needs it",
                       .mend = "Add path = \"/var/lib/sallyport/gate.db\"."});
    }
    if (given("path") && std::filesystem::path(store_.sqlite.path).filename() == kMemoryOfSqlite) {
      mistake("path", {.wrong = "would be a file of that name, and its keys beside it",
                       .mend = "For a store in memory write type = \"memory\", without path."});
    }
    check_others(sqlite);
    if (!sqlite) check_redis(store_.redis);
  }

 private:
  [[nodiscard]] bool is_needed() const { return config_.gate.on || holds_logins(config_); }
  [[nodiscard]] bool given(std::string_view key) const {
    return places_.given(fmt::format("store.{}", key));
  }
  void mistake(std::string_view key, Complaint complaint) {
    const std::string name = fmt::format("store.{}", key);
    notes_.mistake(places_.of(given(key) ? name : "store.type"), name, std::move(complaint));
  }

  /// Keys of another type.
  void check_others(bool sqlite) {
    for (const Setting& setting : settings()) {
      const bool of_both = setting.key == "type" || setting.key == "key_file";
      const bool of_sqlite = setting.key == "path";
      if (setting.section != Section::store || of_both || of_sqlite == sqlite ||
          !given(setting.key)) {
        continue;
      }
      const std::string name = fmt::format("store.{}", setting.key);
      notes_.warning(places_.of(name), name,
                     {.wrong = fmt::format("is not for type \"{}\"", sqlite ? "sqlite" : "redis"),
                      .mend = "Remove it, or choose another type."});
    }
  }

  void check_redis(const verify::RedisSettings& redis) {
    if (redis.servers.empty() && !given("servers")) {
      mistake("servers", {.wrong = "is missing, and type \"redis\" needs it",
                          .mend = "Add servers = [\"redis.example.net:6379\"]."});
    }
    if (redis.mode == verify::RedisMode::single && redis.servers.size() > 1) {
      mistake("servers", {.wrong = "names several, and mode is \"single\"",
                          .mend = "Set mode = \"sentinel\" or \"cluster\", or keep one."});
    }
    const bool sentinel = redis.mode == verify::RedisMode::sentinel;
    if (sentinel == redis.sentinel_master.empty()) {
      mistake("sentinel_master",
              {.wrong = sentinel ? "is missing, and mode \"sentinel\" needs it"
                                 : "is for mode \"sentinel\"",
               .mend = sentinel ? "Add the name that the Sentinels have for the master."
                                : "Set mode = \"sentinel\", or remove it."});
    }
    if (redis.mode == verify::RedisMode::cluster && redis.database != 0) {
      mistake("database", {.wrong = "is for a single server: a cluster has database 0 alone",
                           .mend = "Remove it."});
    }
    if (redis.certificate_file.empty() != redis.key_file.empty()) {
      mistake(redis.key_file.empty() ? "certificate_file" : "certificate_key_file",
              {.wrong = "stands alone",
               .mend = "Give both certificate_file and certificate_key_file, or neither."});
    }
    if (is_needed() && store_.key_file.empty() && !given("key_file")) {
      mistake("key_file",
              {.wrong = "is missing: what is encrypted in Redis has to be read by all nodes",
               .mend = "Add key_file = \"/etc/sallyport/store.key\", the same on all nodes."});
    }
  }

  const Config& config_;
  const verify::StoreSettings& store_;
  const Places& places_;
  Notes& notes_;
};

/// Settings of routes that ask for a gate which is not there.
void check_without_gate(const Config& config, const Places& places, Notes& notes) {
  for (std::size_t i = 0; i < config.http.routes.size(); ++i) {
    ElementNotes at(Section::http_route, i, places, notes);
    for (const std::string_view key : {"factors", "access_duration"}) {
      if (!at.given(key)) continue;
      if (!config.gate.on) {
        at.mistake(key, {.wrong = "needs the gate, and there is no [gate]",
                         .mend = "Add [gate] with factors, or remove it."});
      } else if (config.http.routes[i].policy != RoutePolicy::second_factor) {
        at.warning(key, {.wrong = "is of no use without policy = \"second_factor\"",
                         .mend = "Remove it, or set that policy."});
      }
    }
  }
}

}  // namespace

bool is_carried(const Gate& gate, verify::MessageKind kind) {
  return std::ranges::any_of(gate.messenger.channels, [kind](const auto& channel) {
    return channel.carries.empty() ||
           std::ranges::find(channel.carries, kind) != channel.carries.end();
  });
}

void complete_gate(Config& config) {
  if (config.store.kind == verify::StoreSettings::Kind::sqlite && config.store.key_file.empty() &&
      !config.store.sqlite.path.empty() && config.store.sqlite.path != kMemoryOfSqlite) {
    config.store.key_file = config.store.sqlite.path + ".key";
  }
  if (!config.gate.on) return;
  Gate& gate = config.gate;
  verify::GateSettings& settings = gate.settings;
  const auto with_path = [&](std::string& url) {
    if (!url.empty()) url = std::string(without_slash(url)) + config.http.gate_path;
  };
  // A host that no route names is whatever a visitor sends: the gate cannot be there.
  const auto takes_any = [](const HttpRoute& route) { return route.hosts.empty(); };
  if (config.http.auth_url.empty() && std::ranges::any_of(config.http.routes, takes_any)) {
    config.http.auth_url = settings.gate_url;
  }
  if (settings.gate_url.empty()) settings.gate_url = config.http.auth_url;
  if (settings.issuer.empty()) settings.issuer = host_of(settings.gate_url);
  if (settings.issuer.empty()) settings.issuer = "sallyport";
  with_path(settings.gate_url);
  with_path(settings.pair_v4_url);
  with_path(settings.pair_v6_url);
  settings.access_duration_ms = config.http.access_duration_ms;
  settings.ipv6_prefix = static_cast<std::uint8_t>(config.http.ipv6_prefix);
  if (gate.theme.title.empty()) gate.theme.title = settings.issuer;
  if (gate.theme.default_language.empty()) gate.theme.default_language = "en";
  gate.messenger.issuer = settings.issuer;
  gate.messenger.imprint_url = gate.theme.imprint_url;
  gate.messenger.privacy_policy_url = gate.theme.privacy_policy_url;
  gate.messenger.default_language = gate.theme.default_language;
}

void check_gate_rules(const Config& config, const Places& places, Notes& notes) {
  StoreRules(config, places, notes).check();
  check_without_gate(config, places, notes);
  if (!config.has_radius && !config.gate.on && !config.notakey.host.empty()) {
    notes.warning(places.of("notakey.host"), "notakey",
                  {.wrong = "is of no use: there is neither a RADIUS door nor a gate",
                   .mend = "Add [gate] with factors = [\"push\"], or remove it."});
  }
  if (!config.gate.on) return;
  GateRules(config, places, notes).check();
  check_gate_elements(config, places, notes);
}

}  // namespace sallyport::config
