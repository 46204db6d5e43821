#include "engine/config/doorman.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "engine/config/doorman_keys.h"
#include "engine/config/doorman_template.h"
#include "engine/config/report.h"
#include "tests/engine/config/certificate_testing.h"
#include "tests/engine/config/config_testing.h"

namespace sallyport::config {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::joined;
using ::testing::Not;

std::string contents(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::string example(const std::string& name) {
  return contents(fs::path(SALLYPORT_SOURCE_FOLDER) / "tests/engine/config/doorman" / name);
}

Conversion converted(std::string_view json) {
  auto out = convert_doorman(json, "caddy.json");
  EXPECT_TRUE(out) << out.error().wrong << " at " << out.error().where.line;
  return out ? *out : Conversion{};
}

const Environment kEnvironment = {{"BOBS_MAIL", "bob@example.net"},
                                  {"LDAP_HOST", "ldap.example.net"},
                                  {"LDAP_PASSWORD", "of the real directory"},
                                  {"SMS_KEY", "key-of-the-SMS-service"}};

/// Loads what was converted, with the files that the examples name.
std::expected<Loaded, std::vector<Mistake>> load_converted(const Conversion& conversion) {
  const testing::TemporaryFolder folder;
  const testing::Key key = testing::make_key();
  folder.write("users.json", R"([{"uid": "alice", "email": "alice@example.net"}])");
  folder.write("site.pem", testing::certificate_pem(key) + testing::key_pem(key));
  return load_file(folder.write("sallyport.toml", conversion.toml), kEnvironment);
}

/// Of a document around doorman's object with these keys.
Conversion with_keys(std::string_view keys) {
  return converted(fmt::format(R"({{"issuer_base": "https://d.example.net", {}}})", keys));
}
/// Of a Caddy file whose only server has these routes.
Conversion with_routes(std::string_view routes) {
  return converted(fmt::format(
      R"({{"apps": {{"http": {{"servers": {{"s": {{"listen": [":80"], "routes": [{}]}}}}}}}}}})",
      routes));
}

bool names(const Conversion& conversion, std::string_view path) {
  return std::ranges::any_of(conversion.lost, [&](const std::string& lost) {
    return lost.starts_with(std::string(path) + ":");
  });
}

class DoormanFiles : public ::testing::TestWithParam<std::string> {};

TEST_P(DoormanFiles, BecomesAConfigurationThatCheckAccepts) {
  const Conversion conversion = converted(example(GetParam()));
  const auto loaded = load_converted(conversion);
  ASSERT_TRUE(loaded) << joined(loaded.error()) << conversion.toml;
  EXPECT_TRUE(loaded->config.gate.on);
}

TEST_P(DoormanFiles, NamesWhatIsLostInTheFileToo) {
  const Conversion conversion = converted(example(GetParam()));
  const auto marks = [&] {
    std::size_t count = 0;
    for (auto at = conversion.toml.find("# not converted:"); at != std::string::npos;
         at = conversion.toml.find("# not converted:", at + 1)) {
      ++count;
    }
    return count;
  }();
  EXPECT_EQ(marks, conversion.lost.size());
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// Every key below doorman's object, but for those that only hold others.
void expect_mentioned(const JsonValue& value, const std::string& toml, std::string_view key) {
  if (const auto* list = std::get_if<JsonArray>(&value.value)) {
    for (const JsonValue& element : *list) expect_mentioned(element, toml, "");
  } else if (const auto* object = std::get_if<JsonObject>(&value.value)) {
    for (const auto& [name, inner] : object->entries) expect_mentioned(inner, toml, name);
  }
  const auto* text = std::get_if<std::string>(&value.value);
  const bool says_nothing = std::holds_alternative<JsonObject>(value.value) || key.empty() ||
                            (text != nullptr && text->empty());
  if (says_nothing) return;
  const bool holds_objects =
      std::holds_alternative<JsonArray>(value.value) &&
      std::ranges::any_of(std::get<JsonArray>(value.value), [](const JsonValue& element) {
        return std::holds_alternative<JsonObject>(element.value);
      });
  const bool empty_list =
      std::holds_alternative<JsonArray>(value.value) && std::get<JsonArray>(value.value).empty();
  if (!holds_objects && !empty_list) {
    EXPECT_TRUE(toml.contains(lower(key))) << key;
  }
}

TEST_P(DoormanFiles, LosesNoKeyInSilence) {
  const std::string json = example(GetParam());
  const auto document = parse_json(json);
  ASSERT_TRUE(document);
  JsonValue doorman = *document;
  if (json.contains("\"apps\"")) {
    for (const std::string_view step : {"apps", "doorman"}) {
      JsonValue inner;
      for (auto& [key, value] : std::get<JsonObject>(doorman.value).entries) {
        if (key == step) inner = value;
      }
      doorman = inner;
    }
  }
  // Only what stands in comments: keys of ours have the same names at times.
  std::istringstream lines(converted(json).toml);
  std::string comments;
  for (std::string line; std::getline(lines, line);) {
    const auto mark = line.find("# ");
    if (mark != std::string::npos) comments += lower(line.substr(mark)) + '\n';
  }
  expect_mentioned(doorman, comments, "");
}

TEST_P(DoormanFiles, NoNoteHoldsASecret) {
  const Conversion conversion = converted(example(GetParam()));
  for (const std::string& lost : conversion.lost) {
    for (const char* secret :
         {"of the mail server", "of the SMS service", "of the store", "of the directory"}) {
      EXPECT_THAT(lost, Not(HasSubstr(secret)));
    }
    EXPECT_THAT(lost, Not(HasSubstr("AAECAwQF")));
  }
}

INSTANTIATE_TEST_SUITE_P(All, DoormanFiles,
                         ::testing::Values("token.json", "otp_redis.json", "link_caddy.json",
                                           "quirks.json"),
                         [](const auto& file) {
                           return file.param.substr(0, file.param.find('.'));
                         });

TEST(Doorman, TheFilesHoldEveryOption) {
  constexpr std::string_view kOptions[] = {
      "imprint_url", "privacy_policy_url", "spacing", "issuer", "issuer_base", "domain",
      "operation_mode", "captcha_mode", "channels", "token_duration", "access_duration", "users",
      "whitelist", "cookie_block", "cookie_hash", "insecure_cookie", "messenger_config",
      "store_settings",
      // users
      "uid", "mobile", "telephone", "email", "path", "watch", "address", "user", "password",
      "search_base", "uid_attributes", "mobile_attribute", "telephone_attribute", "email_attribute",
      "name_attribute", "tls", "insecure_skip", "command", "args", "use_stdin",
      // messenger_config
      "burst", "rate", "from", "transports", "host", "ssl", "insecure_skip_verify", "url_template",
      "body_template", "method", "insecure", "headers", "auth_user", "auth_password", "wait",
      // store_settings
      "persistent_type", "memory_cache_mb", "redis", "db", "otp", "timeout", "transport"};
  const std::string all = example("token.json") + example("otp_redis.json") +
                          example("link_caddy.json") + example("quirks.json");
  for (const std::string_view option : kOptions) {
    EXPECT_THAT(all, HasSubstr(fmt::format("\"{}\":", option)));
  }
}

TEST(Doorman, TakesOverWhatTheTokenFileSays) {
  const auto loaded = load_converted(converted(example("token.json")));
  ASSERT_TRUE(loaded) << joined(loaded.error());
  const Config& config = loaded->config;
  const verify::GateSettings& settings = config.gate.settings;
  EXPECT_EQ(settings.factors, std::vector{verify::Factor::token});
  EXPECT_EQ(settings.captcha, verify::CaptchaMode::math);
  EXPECT_EQ(settings.issuer, "Example Door");
  EXPECT_EQ(settings.spacing, "-");
  EXPECT_EQ(settings.token_duration_ms, 90'000U);
  EXPECT_EQ(settings.access_duration_ms, 8U * 3'600'000U);
  EXPECT_EQ(settings.gate_url, "https://door.example.net:8443/.sallyport");
  EXPECT_EQ(config.gate.cookie_domain, "example.net");
  ASSERT_EQ(config.gate.cookie_keys.size(), 1U);
  EXPECT_EQ(config.gate.cookie_keys[0].size(), 32U);
  EXPECT_EQ(config.gate.theme.imprint_url, "https://www.example.net/imprint");
  ASSERT_EQ(config.gate.directories.size(), 4U);
  const auto& list = std::get<verify::ListDirectorySettings>(config.gate.directories[0].settings);
  ASSERT_EQ(list.users.size(), 2U);
  EXPECT_EQ(list.users[0].mobile, "+49151000001");
  EXPECT_EQ(list.users[1].mail, "bob@example.net");
  const auto& ldap = std::get<verify::LdapDirectorySettings>(config.gate.directories[2].settings);
  EXPECT_EQ(ldap.urls, std::vector<std::string>{"ldaps://ldap.example.net:636"});
  EXPECT_EQ(as_text(ldap.bind_password.reveal()), "of the real directory");
  EXPECT_FALSE(ldap.verify_certificate);
  EXPECT_EQ(ldap.telephone_attribute, "telephoneNumber");
  const auto& channels = config.gate.messenger.channels;
  ASSERT_EQ(channels.size(), 3U);
  EXPECT_EQ(channels[0].name, "sms");  // the order of `channels`
  EXPECT_EQ(
      channels[0].url.url,
      "https://sms.example.net/send?key=key-of-the-SMS-service&to={to_mobile}&from=The%20Door");
  EXPECT_EQ(channels[1].smtp.host, "mail.example.net");
  EXPECT_EQ(channels[1].smtp.port, 465);
  EXPECT_EQ(channels[1].smtp.security, verify::SmtpSecurity::tls);
  EXPECT_EQ(channels[1].smtp.from_mail, "door@example.net");
  ASSERT_EQ(config.http.whitelists.size(), 1U);
  EXPECT_EQ(config.http.whitelists[0].addresses.size(), 2U);  // 0.0.0.0 is not everybody
  const auto& send = settings.limits[static_cast<std::size_t>(verify::Limited::send)];
  EXPECT_EQ(send.user, (verify::Rate{.count = 3, .window_ms = 60'000}));
}

TEST(Doorman, TakesOverRedisAndTheWayOfRegistrations) {
  const Conversion conversion = converted(example("otp_redis.json"));
  const auto loaded = load_converted(conversion);
  ASSERT_TRUE(loaded) << joined(loaded.error());
  const verify::StoreSettings& store = loaded->config.store;
  EXPECT_EQ(store.kind, verify::StoreSettings::Kind::redis);
  EXPECT_EQ(store.redis.database, 2U);
  EXPECT_EQ(as_text(store.redis.password.reveal()), "of the store");
  EXPECT_FALSE(store.key_file.empty());
  ASSERT_EQ(loaded->config.gate.messenger.channels.size(), 1U);
  EXPECT_EQ(loaded->config.gate.messenger.channels[0].carries,
            std::vector{verify::MessageKind::registration});
  EXPECT_EQ(loaded->config.gate.settings.registration_duration_ms, 900'000U);
  EXPECT_TRUE(loaded->config.gate.insecure_cookie);
  EXPECT_TRUE(names(conversion, "cookie_block"));
}

TEST(Doorman, TakesOverCaddysServers) {
  const Conversion conversion = converted(example("link_caddy.json"));
  const auto loaded = load_converted(conversion);
  ASSERT_TRUE(loaded) << joined(loaded.error()) << conversion.toml;
  const Http& http = loaded->config.http;
  ASSERT_EQ(http.listeners.size(), 2U);
  EXPECT_TRUE(http.listeners[0].redirect_to_https);
  EXPECT_TRUE(http.listeners[1].tls);
  EXPECT_EQ(http.listeners[1].proxy_protocol, ProxyProtocol::required);
  EXPECT_EQ(http.header_timeout_ms, 5'000U);
  EXPECT_EQ(http.max_header_octets, 8'192U);
  EXPECT_EQ(http.trusted_proxies.size(), 1U);
  const auto route = [&](std::string_view host) -> const HttpRoute& {
    const auto found = std::ranges::find_if(http.routes, [&](const HttpRoute& each) {
      return !each.hosts.empty() && each.hosts[0] == host;
    });
    EXPECT_NE(found, http.routes.end()) << host;
    return found == http.routes.end() ? http.routes.front() : *found;
  };
  EXPECT_EQ(route("status.example.net").policy, RoutePolicy::open);
  EXPECT_EQ(route("status.example.net").path_prefix, "/health");
  const HttpRoute& app = route("app.example.net");
  EXPECT_EQ(app.policy, RoutePolicy::second_factor);
  EXPECT_EQ(app.strip_prefix, "/api");
  EXPECT_EQ(app.max_request_body, 1'048'576U);
  EXPECT_EQ(app.request_headers.size(), 4U);
  EXPECT_EQ(app.response_headers.size(), 2U);
  const auto pool = std::ranges::find(http.pools, app.pool, &HttpPool::name);
  ASSERT_NE(pool, http.pools.end());
  EXPECT_EQ(pool->servers.size(), 2U);
  EXPECT_EQ(pool->balance, Balance::least_conn);
  EXPECT_EQ(pool->health_path, "/healthz");
  EXPECT_EQ(pool->health_body, "ok");
  EXPECT_EQ(pool->max_fails, 5U);
  EXPECT_EQ(pool->connect_timeout_ms, 2'000U);
  EXPECT_EQ(route("old.example.net").redirect, "https://new.example.net{uri}");
  EXPECT_EQ(route("secure.example.net").policy, RoutePolicy::second_factor);
  for (const std::string_view path : {"apps.pki", "admin", "storage", "apps.tls.automation",
                                      "apps.http.servers.site.routes[4].handle[0].routes[1].handle["
                                      "0].health_checks.active.port"}) {
    EXPECT_TRUE(names(conversion, path)) << path;
  }
}

TEST(Doorman, NamesWhatItDoesNotKnow) {
  const Conversion conversion = converted(example("quirks.json"));
  for (const std::string_view path :
       {"theme", "operation_mode", "captcha_mode", "issuer_base", "channels",
        "users[0].spec[0].pager", "users[0].spec[1].uid", "users[0].spec[2].email", "users[1].spec",
        "users[2].type", "messenger_config.transports[0].spec.url_template",
        "messenger_config.transports[1].type", "store_settings.persistent_type",
        "store_settings.redis"}) {
    EXPECT_TRUE(names(conversion, path)) << path;
  }
}

// What cannot be taken over lets in fewer, never more.

TEST(Doorman, WhatStandsBehindAnUnknownHandlerIsForNobody) {
  const Conversion conversion = with_routes(
      R"({"handle": [{"handler": "authentication", "providers": {}},
                     {"handler": "reverse_proxy", "upstreams": [{"dial": "10.0.0.1:80"}]}]})");
  EXPECT_THAT(conversion.toml, HasSubstr("policy = \"deny\""));
  EXPECT_THAT(conversion.toml, Not(HasSubstr("policy = \"open\"")));
}

TEST(Doorman, AnOpenRouteThatWouldServeMoreIsClosed) {
  const Conversion conversion = with_routes(
      R"({"match": [{"path": ["/exact"]}], "handle": [{"handler": "static_response", "body": "x"}]},
         {"handle": [{"handler": "doorman"},
                     {"handler": "reverse_proxy", "upstreams": [{"dial": "10.0.0.1:80"}]}]})");
  EXPECT_THAT(conversion.toml, Not(HasSubstr("policy = \"open\"")));
  EXPECT_TRUE(names(conversion, "apps.http.servers.s.routes[0].match.path"));
}

TEST(Doorman, ADoormanForSomeGuardsAllBehindIt) {
  const Conversion conversion = with_routes(
      R"({"match": [{"host": ["a.example.net"]}], "handle": [{"handler": "doorman"}]},
         {"handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": "10.0.0.1:80"}]}]})");
  EXPECT_THAT(conversion.toml, HasSubstr("policy = \"second_factor\""));
}

TEST(Doorman, ARouteInFrontOfDoormanStaysOpen) {
  const Conversion conversion = with_routes(
      R"({"match": [{"host": ["a.example.net"]}], "handle": [{"handler": "static_response"}]},
         {"handle": [{"handler": "doorman"},
                     {"handler": "reverse_proxy", "upstreams": [{"dial": "10.0.0.1:80"}]}]})");
  EXPECT_THAT(conversion.toml, HasSubstr("policy = \"open\""));
  EXPECT_THAT(conversion.toml, HasSubstr("policy = \"second_factor\""));
}

TEST(Doorman, RoutesOfASecondServerAreForNobodyUntilOpened) {
  const Conversion conversion = converted(R"({"apps": {"http": {"servers": {
      "public": {"listen": [":80"], "routes": [{"handle": [{"handler": "doorman"},
        {"handler": "reverse_proxy", "upstreams": [{"dial": "10.0.0.1:80"}]}]}]},
      "inner": {"listen": ["127.0.0.1:81"], "routes": [{"match": [{"path": ["/metrics/*"]}],
        "handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": "10.0.0.2:80"}]}]}]}}}}})");
  EXPECT_THAT(conversion.toml, HasSubstr("policy = \"deny\""));
  EXPECT_THAT(conversion.toml, Not(HasSubstr("policy = \"open\"")));
}

TEST(Doorman, NumbersAreNanosecondsAndTextsAreGos) {
  const struct {
    const char* json;
    const char* toml;
  } cases[] = {{"60000000000", "1m"},    {"\"90s\"", "1m30s"}, {"\"1h\"", "1h"},
               {"\"1.5m\"", "1m30s"},    {"\"2h\"", "1h"},     {"1", "10s"},
               {"\"1m0.5s\"", "1m500ms"}};
  for (const auto& [json, toml] : cases) {
    const Conversion conversion = with_keys(fmt::format(R"("token_duration": {})", json));
    EXPECT_THAT(conversion.toml, HasSubstr(fmt::format("token_duration = \"{}\"", toml))) << json;
  }
  for (const char* wrong : {"\"soon\"", "\"5\"", "true", "\"-\""}) {
    EXPECT_TRUE(names(with_keys(fmt::format(R"("token_duration": {})", wrong)), "token_duration"))
        << wrong;
  }
}

TEST(Doorman, KeysAreTakenWithoutRegardToCase) {
  EXPECT_THAT(with_keys(R"("Issuer": "The Door")").toml, HasSubstr("issuer = \"The Door\""));
}

TEST(DoormanTemplate, TakesGosNamesAndCaddysEscapes) {
  const DoormanSender from{.mail = "a+b@example.net", .name = "The Door"};
  const struct {
    const char* go;
    const char* ours;
  } cases[] = {{"{{.message}}", "{text}"},
               {R"(\{\{.message}})", "{text}"},
               {R"(\{\{ .tomobile \}\})", "{to_mobile}"},
               {"{{- .tomail -}}", "{to_mail}"},
               {"f={{.frommail}}&n={{.fromname}}", "f=a%2Bb%40example.net&n=The%20Door"},
               {R"({"to": "{{.tomobile}}"})", R"({"to": "{to_mobile}"})"},
               {"k={env.KEY}", "k={env.KEY}"},
               {"plain", "plain"}};
  for (const auto& [go, ours] : cases) {
    const auto out = convert_go_template(go, from);
    ASSERT_TRUE(out) << go << ": " << out.error();
    EXPECT_EQ(*out, ours);
  }
  for (const char* wrong : {"{{if .message}}x{{end}}", "{{.unknown}}", "{{.message", "{literal}"}) {
    EXPECT_FALSE(convert_go_template(wrong, from)) << wrong;
  }
}

TEST(DoormanJson, SaysWhereItIsBroken) {
  const struct {
    const char* json;
    std::uint32_t line;
  } cases[] = {{"", 1},
               {"{\n \"a\": 1,\n}", 3},
               {"{\n \"a\": \"open\n}", 2},
               {"{\"a\": tru}", 1},
               {"{\"a\": 1}\n{}", 2},
               {"[1]", 1}};
  for (const auto& [json, line] : cases) {
    const auto out = convert_doorman(json, "x.json");
    ASSERT_FALSE(out) << json;
    EXPECT_EQ(out.error().where.line, line) << json << ": " << out.error().wrong;
    EXPECT_GE(out.error().where.column, 1U) << json;
  }
}

TEST(DoormanJson, AnyShapeIsSurvived) {
  const std::string json = example("token.json");
  for (const char* value : {"null", "true", "7", "\"x\"", "[]", "{}", "[[]]", "[null]", "-1e400"}) {
    // Each value of the file in turn is replaced.
    for (auto at = json.find("\": "); at != std::string::npos; at = json.find("\": ", at + 1)) {
      const auto end = json.find_first_of(",\n", at + 3);
      std::string changed = json.substr(0, at + 3) + value + json.substr(end);
      (void)convert_doorman(changed, "x.json");
    }
  }
  SUCCEED();
}

TEST(DoormanFile, WritesAFileForItsOwnerAlone) {
  const testing::TemporaryFolder folder;
  const std::string from = folder.write("caddy.json", example("token.json"));
  const std::string to = (folder.path() / "sallyport.toml").string();
  const ConvertReport report = convert_doorman_file(from, to);
  EXPECT_EQ(report.exit_status, 0) << report.notes;
  EXPECT_TRUE(report.output.empty());
  struct stat status{};
  ASSERT_EQ(::stat(to.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_THAT(contents(to), HasSubstr("[gate]"));
  // A file that is there is not written over.
  EXPECT_EQ(convert_doorman_file(from, to).exit_status, 1);
  EXPECT_EQ(convert_doorman_file(from + ".no", "").exit_status, 1);
}

/// What stands between "```KIND" and "```" in docs/doorman.md.
std::vector<std::string> blocks(std::string_view kind) {
  std::istringstream lines(contents(fs::path(SALLYPORT_SOURCE_FOLDER) / "docs/doorman.md"));
  std::vector<std::string> out;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line == "```" + std::string(kind)) {
      out.emplace_back();
      inside = true;
    } else if (line.starts_with("```")) {
      inside = false;
    } else if (inside) {
      out.back() += line + '\n';
    }
  }
  return out;
}

TEST(DoormanDocument, TheExampleIsWhatTheConversionMakesOfIt) {
  const auto json = blocks("json");
  const auto toml = blocks("toml");
  ASSERT_EQ(json.size(), 1U);
  ASSERT_EQ(toml.size(), 1U);
  const auto ours = load_converted(converted(json[0]));
  const auto said = testing::load(toml[0]);
  ASSERT_TRUE(ours) << joined(ours.error());
  ASSERT_TRUE(said) << joined(said.error());
  EXPECT_EQ(redacted_lines(ours->config), redacted_lines(said->config));
  EXPECT_EQ(ours->config.gate.messenger.channels[0].url.url,
            said->config.gate.messenger.channels[0].url.url);
}

}  // namespace
}  // namespace sallyport::config
