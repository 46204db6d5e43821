// The gate's and the store's settings: what they fill, what they fall back to, and what is refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/config/gate_text.h"
#include "engine/config/rate.h"
#include "engine/config/report.h"
#include "tests/engine/config/config_testing.h"

namespace sallyport::config {
namespace {

using ::testing::HasSubstr;
using testing::joined;
using testing::load;
using ::testing::Not;

constexpr std::string_view kDoor = R"([[http.listener]]
listen = ["127.0.0.1:8080"]
[http]
auth_url = "https://auth.example.net"
[[http.route]]
hosts = ["www.example.net"]
respond = 200
)";
constexpr std::string_view kStore = R"([store]
type = "memory"
)";
constexpr std::string_view kPeople = R"([[gate.directory]]
name = "people"
type = "list"
[[gate.directory.user]]
id = "alice"
mail = "alice@example.net"
)";
constexpr std::string_view kMail = R"([[gate.channel]]
name = "mail"
type = "smtp"
address = "smtp.example.net"
from_mail = "gate@example.net"
)";

/// A good file with a gate; `gate` are keys of [gate].
std::string with_gate(std::string_view gate = "", std::string_view more = "") {
  return std::string(kDoor) + std::string(kStore) + "[gate]\n" + std::string(gate) +
         std::string(kPeople) + std::string(kMail) + std::string(more);
}

Config good(const std::string& text, const Environment& environment = {}) {
  auto loaded = load(text, environment);
  EXPECT_TRUE(loaded) << joined(loaded.error()) << text;
  return loaded ? loaded->config : Config{};
}
std::string wrong(const std::string& text) {
  const auto loaded = load(text);
  EXPECT_FALSE(loaded) << text;
  return loaded ? std::string() : joined(loaded.error());
}
std::string warned(const std::string& text) {
  const auto loaded = load(text);
  EXPECT_TRUE(loaded) << joined(loaded.error()) << text;
  return loaded ? joined(loaded->warnings) : std::string();
}

TEST(GateLoad, TheSmallestGateIsGoodWithoutAWarning) {
  const auto loaded = load(with_gate());
  ASSERT_TRUE(loaded) << joined(loaded.error());
  EXPECT_TRUE(loaded->warnings.empty()) << joined(loaded->warnings);
  EXPECT_TRUE(loaded->config.gate.on);
  EXPECT_FALSE(load(std::string(kDoor))->config.gate.on);
}

TEST(GateLoad, FillsInWhatTheDoorSays) {
  const Config config = good(with_gate("", "[gate.theme]\nimprint_url = \"/imprint\"\n"));
  const verify::GateSettings& settings = config.gate.settings;
  EXPECT_EQ(settings.gate_url, "https://auth.example.net/.sallyport");
  EXPECT_EQ(settings.issuer, "auth.example.net");
  EXPECT_EQ(settings.access_duration_ms, config.http.access_duration_ms);
  EXPECT_EQ(settings.ipv6_prefix, 64);
  EXPECT_EQ(config.gate.messenger.imprint_url, "/imprint");
  EXPECT_EQ(config.gate.messenger.issuer, "auth.example.net");
  EXPECT_EQ(config.gate.messenger.channels[0].smtp.port, 587);
}

TEST(GateLoad, ARouteForAnyHostSendsVisitorsToTheGatesUrl) {
  std::string text = with_gate("url = \"https://gate.example.net\"\n");
  const auto take_out = [&text](std::string_view line) {
    text.erase(text.find(line), line.size());
  };
  take_out("auth_url = \"https://auth.example.net\"\n");
  EXPECT_EQ(good(text).http.auth_url, "");
  take_out("hosts = [\"www.example.net\"]\n");
  EXPECT_EQ(good(text).http.auth_url, "https://gate.example.net");
}

TEST(GateLoad, LimitsHaveDefaultsAndGiveWay) {
  const Config config =
      good(with_gate("", "[gate.limits]\nstart_per_address = \"3/10s\"\ncheck_in_all = \"off\"\n"));
  const auto& limits = config.gate.settings.limits;
  const auto& start = limits[static_cast<std::size_t>(verify::Limited::start)];
  EXPECT_EQ(start.address, (verify::Rate{.count = 3, .window_ms = 10'000}));
  EXPECT_EQ(start.pair, kDefaultLimits[0].pair);
  const auto& check = limits[static_cast<std::size_t>(verify::Limited::check)];
  EXPECT_EQ(check.global.count, 0U);
  EXPECT_GT(check.address.count, 0U);
}

TEST(GateLoad, RatesReadBackAndOddOnesAreRefused) {
  for (const std::string_view text : {"20/1m", "1/1s", "1000000/24h", "off"}) {
    const auto rate = parse_rate(text);
    ASSERT_TRUE(rate) << text;
    EXPECT_EQ(rate_text(*rate), text);
  }
  for (const std::string_view text : {"", "20", "/1m", "0/1m", "-1/1m", "20/", "20/1", "20/500ms",
                                      "20/25h", "1000001/1m", "20/1m/1m", "x/1m", "20 /1m"}) {
    EXPECT_FALSE(parse_rate(text)) << text;
  }
}

TEST(GateLoad, RoutesHaveFactorsOfTheirOwn) {
  std::string text = with_gate();
  text +=
      "[[http.route]]\nhosts = [\"b.example.net\"]\nrespond = 200\nfactors = [\"link\", "
      "\"otp\"]\naccess_duration = \"5m\"\n";
  const Config config = good(text);
  ASSERT_EQ(config.http.routes.size(), 2U);
  EXPECT_TRUE(config.http.routes[0].factors.empty());
  EXPECT_EQ(config.http.routes[1].factors,
            (std::vector{verify::Factor::link, verify::Factor::otp}));
  EXPECT_EQ(config.http.routes[1].access_duration_ms, 300'000U);
  EXPECT_THAT(wrong(std::string(kDoor) + "factors = [\"otp\"]\n"), HasSubstr("there is no [gate]"));
}

TEST(GateLoad, EachKindOfDirectoryAndChannelIsRead) {
  const testing::TemporaryFolder folder;
  const std::string users = folder.write("users.json", "[]");
  const Config config = good(with_gate("", R"x([[gate.directory]]
name = "ldap"
type = "ldap"
urls = ["ldaps://a.example.net", "ldaps://b.example.net:1636"]
bind_dn = "cn=x"
bind_password = "0123456789abcdef"
search_base = "dc=example"
filter = "(&(a=b)(c=d))"
timeout = "2s"
[[gate.directory]]
name = "asked"
type = "command"
command = ["/bin/who", "-a"]
use_stdin = false
timeout = "3s"
[[gate.directory]]
name = "file"
type = "file"
path = ")x" + users + R"x("
[[gate.channel]]
name = "sms"
type = "url"
url = "https://sms.example.net/?to={to_mobile}"
headers = ["X-Key: 7"]
user = "u"
password = "0123456789abcdef"
carries = ["token", "registration"]
[[gate.channel]]
name = "run"
type = "command"
command = ["/bin/send"]
)x"));
  ASSERT_EQ(config.gate.directories.size(), 4U);
  const auto& ldap = std::get<verify::LdapDirectorySettings>(config.gate.directories[1].settings);
  EXPECT_EQ(ldap.urls.size(), 2U);
  EXPECT_EQ(ldap.timeout_ms, 2'000U);
  const auto& asked =
      std::get<verify::CommandDirectorySettings>(config.gate.directories[2].settings);
  EXPECT_EQ(asked.timeout_ms, 3'000U);
  EXPECT_FALSE(asked.use_stdin);
  EXPECT_EQ(std::get<verify::FileDirectorySettings>(config.gate.directories[3].settings).path,
            users);
  const auto& sms = config.gate.messenger.channels[1];
  EXPECT_EQ(sms.url.user, "u");
  EXPECT_EQ(sms.carries.size(), 2U);
  EXPECT_EQ(sms.url.headers, (std::vector<UrlHeader>{{"X-Key", "7"}}));
}

TEST(GateLoad, TextsOfDirectoriesAndChannelsTakeTheEnvironment) {
  const std::string text = with_gate("", R"([[gate.channel]]
name = "sms"
type = "url"
url = "https://sms.example.net/?key={env.KEY}&to={to_mobile}"
password = "{env.PASSWORD}"
user = "u"
)");
  const Config config = good(text, {{"KEY", "{env.PASSWORD}"}, {"PASSWORD", "0123456789abcdef"}});
  // What a variable brings in is not looked at again.
  EXPECT_EQ(config.gate.messenger.channels[1].url.url,
            "https://sms.example.net/?key={env.PASSWORD}&to={to_mobile}");
  EXPECT_EQ(as_text(config.gate.messenger.channels[1].url.password.reveal()), "0123456789abcdef");
  EXPECT_THAT(wrong(text), HasSubstr("gate.channel.url: holds {env.KEY}, which is not set"));
}

TEST(GateLoad, CookieKeysAreBase64OrHexadecimalNewestFirst) {
  const std::string base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
  const std::string hex(64, 'a');
  const Config config = good(with_gate("cookie_keys = \"" + hex + " " + base64 + "\"\n"));
  ASSERT_EQ(config.gate.cookie_keys.size(), 2U);
  EXPECT_EQ(config.gate.cookie_keys[0].reveal()[0], 0xaa);
  EXPECT_EQ(config.gate.cookie_keys[1].reveal()[31], 31);
  EXPECT_THAT(wrong(with_gate("cookie_keys = \"abcd\"\n")), HasSubstr("keys of 32 octets"));
}

TEST(GateLoad, StartUpLinesHoldNoSecretAndNobodysNumber) {
  const Config config = good(with_gate("cookie_keys = \"" + std::string(64, 'a') + "\"\n", R"(
[[gate.channel]]
name = "sms"
type = "url"
url = "https://sms.example.net/?key=HIDDEN"
body = "HIDDEN"
headers = ["X-Key: HIDDEN"]
bearer = "HIDDENHIDDENHIDDEN"
[[gate.directory]]
name = "ldap"
type = "ldap"
urls = ["ldaps://a.example.net"]
bind_dn = "cn=x"
bind_password = "HIDDENHIDDENHIDDEN"
search_base = "dc=example"
)"));
  std::string all;
  for (const std::string& line : redacted_lines(config)) all += line + '\n';
  EXPECT_THAT(all, Not(HasSubstr("HIDDEN")));
  EXPECT_THAT(all, Not(HasSubstr("alice")));
  EXPECT_THAT(all, Not(HasSubstr("aaaaaaaa")));
  EXPECT_THAT(all, HasSubstr("gate.channel[2].url = set"));
  EXPECT_THAT(all, HasSubstr("gate.cookie_keys = set"));
  EXPECT_THAT(all, HasSubstr("gate.directory[2].bind_password = set"));
  EXPECT_THAT(all, HasSubstr("store.type = \"memory\""));
}

TEST(GateRules, WhatAGateCannotBeWithout) {
  const std::string gate = std::string(kDoor) + "[gate]\n";
  EXPECT_THAT(wrong(gate), HasSubstr("the section [store] is missing"));
  EXPECT_THAT(wrong(gate), HasSubstr("the gate knows no users"));
  EXPECT_THAT(wrong(gate), HasSubstr("has \"token\", and no [[gate.channel]]"));
}

TEST(GateRules, FactorsNeedWhatCarriesThem) {
  EXPECT_THAT(wrong(with_gate("factors = [\"push\"]\n")), HasSubstr("there is no [notakey]"));
  EXPECT_THAT(wrong(with_gate("factors = [\"tokn\"]\n")), HasSubstr("Did you mean \"token\"?"));
  EXPECT_THAT(wrong(with_gate("factors = [\"otp\", \"otp\"]\n")), HasSubstr("a second time"));
  std::string text = with_gate("factors = [\"otp\"]\n", "carries = [\"token\"]\n");
  EXPECT_THAT(wrong(text), HasSubstr("gate.otp_registration"));
  text = with_gate("factors = [\"otp\"]\notp_registration = false\n", "carries = [\"token\"]\n");
  EXPECT_TRUE(load(text)) << joined(load(text).error());
}

TEST(GateRules, PushWithoutARadiusDoorNeedsNotakeyAlone) {
  const Config config = good(with_gate("factors = [\"push\"]\n",
                                       "[notakey]\nhost = \"https://n.example.net\"\naccess_id = "
                                       "\"x\"\n"));
  EXPECT_FALSE(config.has_radius);
  EXPECT_EQ(config.notakey.host, "https://n.example.net");
  EXPECT_THAT(warned(std::string(kDoor) +
                     "[notakey]\nhost = \"https://n.example.net\"\naccess_id = \"x\"\n"),
              HasSubstr("neither a RADIUS door nor a gate"));
}

TEST(GateRules, LinksNeedAUrl) {
  std::string text = with_gate("factors = [\"link\"]\n");
  text.replace(text.find("auth_url = \"https://auth.example.net\"\n"), 38, "");
  EXPECT_THAT(wrong(text), HasSubstr("gate.url: is missing"));
  text.replace(text.find("[gate]\n"), 7, "[gate]\nurl = \"https://g.example.net/\"\n");
  EXPECT_EQ(good(text).gate.settings.gate_url, "https://g.example.net/.sallyport");
}

TEST(GateRules, PasskeysNeedHttpsAndADomainOfTheGate) {
  EXPECT_TRUE(load(with_gate("factors = [\"passkey\"]\nrelying_party = \"example.net\"\n")));
  EXPECT_THAT(wrong(with_gate("factors = [\"passkey\"]\nrelying_party = \"ample.net\"\n")),
              HasSubstr("nor a domain above it"));
  std::string text = with_gate("factors = [\"passkey\"]\n");
  text.replace(text.find("https://auth"), 12, "http://auth");
  EXPECT_THAT(wrong(text), HasSubstr("https alone"));
}

TEST(GateRules, CookiesHaveToReachTheRoutes) {
  EXPECT_THAT(wrong(with_gate("bind = \"cookie\"\n")), HasSubstr("does not reach www.example.net"));
  EXPECT_TRUE(load(with_gate("bind = \"cookie\"\ncookie_domain = \"example.net\"\n")));
  EXPECT_THAT(wrong(with_gate("cookie_domain = \"example.org\"\n")),
              HasSubstr("is no domain of the gate's host"));
}

TEST(GateRules, EachKindOfElementHasItsKeys) {
  EXPECT_THAT(wrong(with_gate("", "url = \"https://x.example.net\"\n")),
              HasSubstr("gate.channel.url: is not for type \"smtp\""));
  EXPECT_THAT(wrong(with_gate("", "[[gate.channel]]\nname = \"b\"\ntype = \"url\"\n")),
              HasSubstr("gate.channel.url: is missing"));
  EXPECT_THAT(wrong(with_gate("",
                              "[[gate.channel]]\nname = \"mail\"\ntype = \"command\"\ncommand "
                              "= [\"/bin/x\"]\n")),
              HasSubstr("the name of two channels"));
  EXPECT_THAT(wrong(with_gate("",
                              "[[gate.directory]]\nname = \"l\"\ntype = \"ldap\"\nurls = "
                              "[\"ldaps://x\"]\n")),
              HasSubstr("gate.directory.search_base: is missing"));
  EXPECT_THAT(wrong(with_gate("", "[[gate.directory]]\nname = \"l\"\ntype = \"list\"\n")),
              HasSubstr("a list without users"));
  EXPECT_THAT(warned(with_gate("",
                               "[[gate.directory]]\nname = \"l\"\ntype = \"ldap\"\nurls = "
                               "[\"ldap://x\"]\nsearch_base = \"dc=x\"\n")),
              HasSubstr("ldap:// URL without start_tls"));
}

TEST(GateRules, TemplatesNameOnlyWhatAMessageHas) {
  const auto channel = [](std::string_view keys) {
    return with_gate("", "[[gate.channel]]\nname = \"b\"\n" + std::string(keys));
  };
  EXPECT_TRUE(load(channel("type = \"url\"\nurl = \"https://x.example.net/{to_mobile}\"\n")));
  EXPECT_THAT(wrong(channel("type = \"url\"\nurl = \"https://x.example.net/{to_mobil}\"\n")),
              HasSubstr("gate.channel.url: "));
  EXPECT_THAT(wrong(channel("type = \"command\"\ncommand = [\"/bin/x\", \"{nobody}\"]\n")),
              HasSubstr("gate.channel.command: "));
}

TEST(GateRules, AGateInFrontOfNothingIsTold) {
  std::string text = with_gate();
  text.replace(text.find("respond = 200\n"), 14, "respond = 200\npolicy = \"open\"\n");
  EXPECT_THAT(warned(text), HasSubstr("is in front of nothing"));
}

TEST(StoreLoad, SqliteHasItsKeyBesideIt) {
  const testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "gate.db").string();
  const Config config =
      good("[store]\ntype = \"sqlite\"\npath = \"" + path + "\"\n" + std::string(kDoor));
  EXPECT_EQ(config.store.kind, verify::StoreSettings::Kind::sqlite);
  EXPECT_EQ(config.store.sqlite.path, path);
  EXPECT_EQ(config.store.key_file, path + ".key");
  const Config memory = good(std::string(kStore) + std::string(kDoor));
  EXPECT_EQ(memory.store.sqlite.path, ":memory:");
  EXPECT_TRUE(memory.store.key_file.empty());
}

TEST(StoreRules, EachKindHasItsKeys) {
  const auto store = [](std::string_view keys) {
    return "[store]\n" + std::string(keys) + std::string(kDoor);
  };
  EXPECT_THAT(wrong(store("type = \"sqlite\"\n")), HasSubstr("store.path: is missing"));
  EXPECT_THAT(wrong(store("type = \"redis\"\n")), HasSubstr("store.servers: is missing"));
  EXPECT_THAT(wrong(store("type = \"postgres\"\n")), HasSubstr("is not one of"));
  const std::string redis = "type = \"redis\"\nservers = [\"a.example.net\", \"b.example.net\"]\n";
  EXPECT_THAT(wrong(store(redis)), HasSubstr("names several"));
  EXPECT_THAT(wrong(store(redis + "mode = \"sentinel\"\n")),
              HasSubstr("store.sentinel_master: is missing"));
  EXPECT_THAT(wrong(store(redis + "mode = \"cluster\"\ndatabase = 1\n")),
              HasSubstr("database 0 alone"));
  const Config config = good(store(redis + "mode = \"cluster\"\n"));
  EXPECT_EQ(config.store.redis.servers.size(), 2U);
  EXPECT_EQ(config.store.redis.servers[0].port, 6379);
  EXPECT_THAT(warned(store("type = \"memory\"\ntls = true\n")), HasSubstr("is not for type"));
}

/// SQLite's own word for it would be the name of a file here.
TEST(StoreRules, MemoryIsATypeAndNoPath) {
  std::string text = with_gate();
  text.replace(text.find("type = \"memory\"\n"), 16, "type = \"sqlite\"\npath = \":memory:\"\n");
  EXPECT_THAT(wrong(text), HasSubstr("store.path: would be a file of that name"));
}

TEST(StoreRules, SeveralNodesNeedTheSameKey) {
  std::string text = with_gate();
  text.replace(text.find("type = \"memory\"\n"), 16,
               "type = \"redis\"\nservers = [\"a.example.net\"]\n");
  EXPECT_THAT(wrong(text), HasSubstr("store.key_file: is missing"));
}

}  // namespace
}  // namespace sallyport::config
