// doorman's own object: what it asks of visitors, cookies, whitelists and the store.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "engine/config/doorman_parts.h"
#include "engine/config/gate_text.h"
#include "protocol/ip_address.h"

namespace sallyport::config {
namespace {

constexpr std::uint32_t kSecondMs = 1'000;
constexpr std::uint32_t kMinuteMs = 60 * kSecondMs;
constexpr std::uint32_t kHourMs = 60 * kMinuteMs;
constexpr std::uint32_t kDayMs = 24 * kHourMs;

/// The first character, which may take several octets.
std::string first_character(std::string_view text) {
  std::size_t end = 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) ++end;
  return std::string(text.substr(0, end));
}

void convert_factor(DoormanKeys& doorman, OutputSection& gate) {
  const std::string mode = doorman.text("operation_mode").value_or("");
  std::string factor = mode.empty() ? "token" : mode;
  std::vector<verify::Factor> known;
  if (factor == "push" || factor == "passkey" || add_factor(factor, known)) {
    doorman.output().lost(gate, doorman.path("operation_mode"),
                          "it is none of token, otp and link; token is taken");
    factor = "token";
  }
  gate.set("factors", list_literal({factor}), doorman.path("operation_mode"));
  const std::string captcha = doorman.text("captcha_mode").value_or("");
  if (captcha == "math" || captcha == "full") {
    gate.set("captcha", in_quotes(captcha), doorman.path("captcha_mode"));
  } else if (!captcha.empty()) {
    doorman.output().lost(gate, doorman.path("captcha_mode"), "it is neither math nor full");
  }
}

void convert_base(DoormanKeys& doorman, OutputSection& gate, OutputSection& http) {
  const auto base = doorman.text("issuer_base");
  if (!base || base->empty()) {
    doorman.output().lost(gate, doorman.path("issuer_base"),
                          "it is missing: set http.auth_url, where visitors reach the gate");
    http.remark("auth_url = \"https://auth.example.net\"");
    return;
  }
  const auto scheme = base->find("://");
  const auto slash = base->find_first_of("/?#", scheme == std::string::npos ? 0 : scheme + 3);
  const std::string origin = base->substr(0, slash);
  if (scheme == std::string::npos || check_channel_url(origin)) {
    doorman.output().lost(gate, doorman.path("issuer_base"), "it is not a URL with a host");
    return;
  }
  http.set("auth_url", in_quotes(origin), doorman.path("issuer_base"));
  if (slash != std::string::npos && base->substr(slash) != "/") {
    doorman.output().lost(http, doorman.path("issuer_base"),
                          "its path is left out: the gate's pages are below http.gate_path");
  }
}

void convert_cookies(DoormanKeys& doorman, OutputSection& gate) {
  if (const auto key = doorman.text("cookie_block"); key && !key->empty()) {
    const auto parsed = parse_keys(Secret(*key));
    if (parsed && parsed->size() == 1) {
      gate.set("cookie_keys", in_quotes(*key), doorman.path("cookie_block"));
    } else {
      doorman.output().lost(gate, doorman.path("cookie_block"),
                            "it is not 32 octets in base64; keys are made by the gate itself");
    }
  }
  doorman.lost("cookie_hash",
               "it is not needed: one key encrypts a cookie and keeps it from being changed");
  if (auto domain = doorman.text("domain"); domain && !domain->empty()) {
    if (domain->starts_with('.')) domain->erase(0, 1);
    if (check_domain(*domain)) {
      doorman.output().lost(gate, doorman.path("domain"), "it is not a domain");
    } else {
      gate.set("cookie_domain", in_quotes(*domain), doorman.path("domain"));
    }
  }
  doorman.copy_flag("insecure_cookie", gate, "insecure_cookie");
}

void convert_links(DoormanKeys& doorman, DoormanOutput& output) {
  for (const std::string_view key : {"imprint_url", "privacy_policy_url"}) {
    const auto url = doorman.text(key);
    if (!url || url->empty()) continue;
    OutputSection& theme = output.only(Section::gate_theme);
    if (check_link_url(*url)) {
      output.lost(theme, doorman.path(key), "it is not a link");
    } else {
      theme.set(key, in_quotes(*url), doorman.path(key));
    }
  }
}

/// One entry of a whitelist as ours takes it: there a bare 0.0.0.0 means every address.
std::optional<std::string> whitelist_entry(const std::string& text) {
  const auto prefix = Prefix::parse(text);
  if (!prefix) return std::nullopt;
  const bool bare = !text.contains('/');
  if (bare && prefix->length != 128) return std::nullopt;
  return prefix->text();
}

void convert_whitelist(const JsonValue& value, const std::string& path, DoormanOutput& output) {
  OutputSection& section = output.add(Section::http_whitelist);
  DoormanKeys keys(value, path, output, section);
  const std::string type = keys.text("type").value_or("");
  const std::string name = keys.text("name").value_or("");
  std::vector<std::string> good;
  if (type == "list") {
    for (const std::string& text : keys.texts("spec")) {
      if (const auto entry = whitelist_entry(text)) {
        good.push_back(*entry);
      } else {
        output.lost(section, keys.path("spec"),
                    fmt::format("\"{}\" is neither an address nor a prefix", text));
      }
    }
  } else {
    output.lost(section, keys.path("type"), "doorman knows whitelists of type list alone");
    keys.lost("spec", "its type is not known");
  }
  section.set("name",
              in_quotes(output.unique(Section::http_whitelist, clean_name(name, "whitelist"))),
              keys.path("name"));
  section.set("addresses", list_literal(good), keys.path("spec"));
  if (good.empty()) {
    section.comment_out();
    section.remark("There is no address left.");
  }
  keys.finish();
}

void convert_redis(DoormanKeys& redis, OutputSection& store) {
  const auto address = redis.text("address");
  std::vector<verify::RedisServer> servers;
  if (address && !add_redis_server(*address, servers)) {
    store.set("servers", list_literal({*address}), redis.path("address"));
  } else {
    redis.output().lost(store, redis.path("address"),
                        "it is not host:port; 127.0.0.1:6379 is taken");
    store.set("servers", list_literal({"127.0.0.1:6379"}), "");
  }
  redis.copy_secret("password", store, "password");
  if (const auto database = redis.number("db"); database && *database != 0) {
    if (*database > 0 && *database <= 65'535) {
      store.set("database", fmt::format("{}", std::llround(*database)), redis.path("db"));
    } else {
      redis.output().lost(store, redis.path("db"), "it is no number of a database");
    }
  }
  redis.finish();
}

void convert_store(DoormanKeys& doorman, DoormanOutput& output, OutputSection& gate) {
  OutputSection& store = output.only(Section::store);
  const JsonValue nothing{};
  const JsonValue* settings = doorman.object("store_settings");
  DoormanKeys keys(settings == nullptr ? nothing : *settings, doorman.path("store_settings"),
                   output, store);
  const std::string type = keys.text("persistent_type").value_or("");
  const JsonValue* redis = keys.object("redis");
  if (type == "redis") {
    store.set("type", "\"redis\"", keys.path("persistent_type"));
    store.remark("Made when it does not exist. All nodes need the same.");
    store.set("key_file", "\"store.key\"", "");
    DoormanKeys redis_keys(redis == nullptr ? nothing : *redis, keys.path("redis"), output, store);
    convert_redis(redis_keys, store);
  } else {
    if (type != "memory") {
      output.lost(store, keys.path("persistent_type"),
                  "it is neither memory nor redis; memory is taken");
    }
    store.set("type", "\"memory\"", keys.path("persistent_type"));
    store.remark(
        "It is gone with the process. Better: type = \"sqlite\" and path = "
        "\"/var/lib/sallyport/gate.db\".");
    if (redis != nullptr) output.lost(store, keys.path("redis"), "the type is not redis");
  }
  keys.lost("memory_cache_mb", "there is no cache that could be stale: grants are in memory");
  if (const JsonValue* otp = keys.object("otp")) {
    // Its transport is the messages' part.
    DoormanKeys otp_keys(*otp, keys.path("otp"), output, gate);
    otp_keys.copy_duration("timeout", gate, "registration_duration", kMinuteMs, kDayMs);
    (void)otp_keys.take("transport");
    otp_keys.finish();
  }
  keys.finish();
}

}  // namespace

void convert_doorman_app(const JsonValue& app, const std::string& path, DoormanOutput& output) {
  OutputSection& gate = output.only(Section::gate);
  OutputSection& http = output.only(Section::http);
  DoormanKeys doorman(app, path, output, gate);
  convert_factor(doorman, gate);
  convert_base(doorman, gate, http);
  if (auto issuer = doorman.text("issuer"); issuer && !issuer->empty()) {
    if (check_one_line(*issuer) || issuer->size() > 64) {
      output.lost(gate, doorman.path("issuer"), "it is longer than 64 octets, or several lines");
    } else {
      gate.set("issuer", in_quotes(*issuer), doorman.path("issuer"));
    }
  }
  if (const auto spacing = doorman.text("spacing"); spacing && !spacing->empty()) {
    gate.set("spacing", in_quotes(first_character(*spacing)), doorman.path("spacing"));
  }
  doorman.copy_duration("token_duration", gate, "token_duration", 10 * kSecondMs, kHourMs);
  doorman.copy_duration("access_duration", http, "access_duration", kSecondMs, 30 * kDayMs);
  convert_cookies(doorman, gate);
  convert_links(doorman, output);
  http.remark(
      "doorman believed X-Real-IP and X-Forwarded-For of everybody. Behind a proxy or balancer, "
      "name it here: trusted_proxies = [\"192.0.2.10\"]");
  convert_doorman_users(doorman);
  convert_doorman_messages(doorman);
  if (const JsonArray* whitelists = doorman.list("whitelist")) {
    for (std::size_t i = 0; i < whitelists->size(); ++i) {
      convert_whitelist((*whitelists)[i], fmt::format("{}[{}]", doorman.path("whitelist"), i),
                        output);
    }
  }
  convert_store(doorman, output, gate);
  doorman.finish();
}

}  // namespace sallyport::config
