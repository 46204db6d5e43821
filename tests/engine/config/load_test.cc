#include "engine/config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/config/settings.h"
#include "tests/engine/config/config_testing.h"

namespace sallyport::config {
namespace {

using ::testing::HasSubstr;
using testing::joined;
using testing::kGood;
using testing::load;

std::string with(std::string_view before, std::string_view after) {
  return std::string(before) + std::string(kGood) + std::string(after);
}

TEST(Load, TakesTheSmallestFileWithDefaults) {
  const auto loaded = load(kGood);
  ASSERT_TRUE(loaded) << joined(loaded.error());
  EXPECT_TRUE(loaded->warnings.empty()) << joined(loaded->warnings);
  const Config& config = loaded->config;
  ASSERT_EQ(config.radius.listen.size(), 1U);
  EXPECT_EQ(config.radius.listen[0].text(), "0.0.0.0:1812");
  ASSERT_EQ(config.clients.size(), 1U);
  EXPECT_EQ(config.clients[0].name, "vpn");
  EXPECT_EQ(config.clients[0].secret, Secret("0123456789abcdef"));
  EXPECT_TRUE(config.clients[0].limit_proxy_state);
  EXPECT_EQ(config.downstream.host, "192.0.2.200");
  EXPECT_EQ(config.downstream.port, 1812);
  EXPECT_EQ(config.notakey.version, NotakeyVersion::v2);
  EXPECT_EQ(config.second_factor.on_unavailable, OnUnavailable::deny);
  EXPECT_FALSE(config.admin.listen);
}

TEST(Load, FillsEveryField) {
  testing::TemporaryFolder folder;
  const std::string ca = folder.write("ca.pem", "");
  const auto loaded = load(R"(
[radius]
listen = ["0.0.0.0:1645", "[::]:1812", "127.0.0.1"]
shards = 4
pin = false
max_exchanges = 1000
duplicate_window = "30s"
[[client]]
name = "a"
addresses = ["192.0.2.1", "2001:db8::/32"]
secret = "0123456789abcdef"
require_message_authenticator = "yes"
limit_proxy_state = false
[[client]]
name = "b"
addresses = ["192.0.2.0/24"]
secret_env = "B_SECRET"
require_message_authenticator = "no"
[downstream]
address = "[2001:db8::9]:1645"
secret = "0123456789abcdef"
send_timeout = "1s"
receive_timeout = "1m"
retransmit = "500ms"
max_source_ports = 8
require_message_authenticator = "yes"
source_address = "2001:db8::2"
[notakey]
host = "https://n.example/api/"
access_id = "id"
version = "v3"
client_id = "me"
client_secret = "my-own-secret-text"
timeout = "7s"
ttl = "2m"
action = "Hello {user}"
description = "From {calling_station}"
proxy = "http://proxy.example:3128"
ca_file = ")" + ca + R"("
[second_factor]
on_unavailable = "silent"
user_name_from = "accept"
denied_message = "d"
expired_message = "e"
unknown_user_message = ""
unavailable_message = "u"
threads = 3
max_pending = 10
[admin]
listen = "[::1]:9000"
[log]
format = "json"
level = "error"
file = "/var/log/sallyport.log"
audit = false
)",
                           {{"B_SECRET", "a-secret-from-afar"}});
  ASSERT_TRUE(loaded) << joined(loaded.error());
  const Config& c = loaded->config;
  ASSERT_EQ(c.radius.listen.size(), 3U);
  EXPECT_EQ(c.radius.listen[0].text(), "0.0.0.0:1645");
  EXPECT_EQ(c.radius.listen[1].text(), "[::]:1812");
  EXPECT_EQ(c.radius.listen[2].text(), "127.0.0.1:1812");
  EXPECT_EQ(c.radius.shards, 4U);
  EXPECT_FALSE(c.radius.pin);
  EXPECT_EQ(c.radius.max_exchanges, 1000U);
  EXPECT_EQ(c.radius.duplicate_window_ms, 30'000U);
  ASSERT_EQ(c.clients.size(), 2U);
  ASSERT_EQ(c.clients[0].addresses.size(), 2U);
  EXPECT_EQ(c.clients[0].addresses[1].text(), "2001:db8::/32");
  EXPECT_EQ(c.clients[0].require_message_authenticator, RequireMessageAuthenticator::yes);
  EXPECT_FALSE(c.clients[0].limit_proxy_state);
  EXPECT_EQ(c.clients[1].secret, Secret("a-secret-from-afar"));
  EXPECT_EQ(c.clients[1].require_message_authenticator, RequireMessageAuthenticator::no);
  EXPECT_TRUE(c.clients[1].limit_proxy_state) << "one client's settings reached the next";
  EXPECT_EQ(c.downstream.host, "2001:db8::9");
  EXPECT_EQ(c.downstream.port, 1645);
  EXPECT_EQ(c.downstream.send_timeout_ms, 1'000U);
  EXPECT_EQ(c.downstream.receive_timeout_ms, 60'000U);
  EXPECT_EQ(c.downstream.retransmit_ms, 500U);
  EXPECT_EQ(c.downstream.max_source_ports, 8U);
  EXPECT_EQ(c.downstream.require_message_authenticator, RequireMessageAuthenticator::yes);
  EXPECT_EQ(c.downstream.source_address->text(), "2001:db8::2");
  EXPECT_EQ(c.notakey.version, NotakeyVersion::v3);
  EXPECT_EQ(c.notakey.client_id, "me");
  EXPECT_EQ(c.notakey.client_secret, Secret("my-own-secret-text"));
  EXPECT_EQ(c.notakey.timeout_ms, 7'000U);
  EXPECT_EQ(c.notakey.ttl_ms, 120'000U);
  EXPECT_EQ(c.notakey.action, "Hello {user}");
  EXPECT_EQ(c.notakey.description, "From {calling_station}");
  EXPECT_EQ(c.notakey.proxy, "http://proxy.example:3128");
  EXPECT_EQ(c.notakey.ca_file, ca);
  EXPECT_EQ(c.second_factor.on_unavailable, OnUnavailable::silent);
  EXPECT_EQ(c.second_factor.user_name_from, UserNameFrom::accept);
  EXPECT_EQ(c.second_factor.messages.denied_message, "d");
  EXPECT_EQ(c.second_factor.messages.expired_message, "e");
  EXPECT_EQ(c.second_factor.messages.unknown_user_message, "");
  EXPECT_EQ(c.second_factor.messages.unavailable_message, "u");
  EXPECT_EQ(c.second_factor.threads, 3U);
  EXPECT_EQ(c.second_factor.max_pending, 10U);
  EXPECT_EQ(c.admin.listen->text(), "[::1]:9000");
  EXPECT_EQ(c.log.format, LogFormat::json);
  EXPECT_EQ(c.log.level, LogLevel::error);
  EXPECT_EQ(c.log.file, "/var/log/sallyport.log");
  EXPECT_FALSE(c.log.audit);
}

struct MistakeCase {
  const char* name;
  std::string text;
  const char* expected;  ///< a part of the mistake's text
};

class LoadMistake : public ::testing::TestWithParam<MistakeCase> {};

TEST_P(LoadMistake, IsNamedWithItsPlaceAndRemedy) {
  const auto loaded = load(GetParam().text);
  ASSERT_FALSE(loaded);
  ASSERT_EQ(loaded.error().size(), 1U) << joined(loaded.error());
  const Mistake& mistake = loaded.error().front();
  EXPECT_THAT(mistake.text(), HasSubstr(GetParam().expected));
  EXPECT_GT(mistake.where.line, 0U);
  EXPECT_GT(mistake.where.column, 0U);
  EXPECT_FALSE(mistake.mend.empty());
}

/// kGood has 10 lines: what is appended begins on line 11.
INSTANTIATE_TEST_SUITE_P(
    Values, LoadMistake,
    ::testing::Values(
        MistakeCase{"unknown_key", with("", "[radius]\nlisen = [\"::\"]\n"),
                    "t.toml:12:1: radius.lisen: is not a setting. Mend: Did you mean listen?"},
        MistakeCase{"unknown_key_far", with("", "[log]\nfrobnicate = 1\n"),
                    "Settings of [log] are"},
        MistakeCase{"unknown_section", with("", "[radios]\n"), "Did you mean [radius]?"},
        MistakeCase{"unknown_section_far", with("", "[frobnicator]\n"),
                    "Sections are engine, radius"},
        MistakeCase{
            "outside_section", with("ttl = \"5s\"\n", ""),
            "t.toml:1:1: ttl: stands outside of its section. Mend: Move it below [notakey]"},
        MistakeCase{"section_is_value", with("log = 5\n", ""), "log: is a whole number"},
        MistakeCase{"wrong_type_number", with("", "[radius]\nshards = \"4\"\n"),
                    "t.toml:12:10: radius.shards: is a text; wanted: whole number, 0 to 64"},
        MistakeCase{"wrong_type_switch", with("", "[radius]\npin = 1\n"), "Write true or false"},
        MistakeCase{"wrong_type_text", with("", "[log]\nlevel = true\n"),
                    "is true or false; wanted: one of"},
        MistakeCase{"wrong_type_list", with("", "[radius]\nlisten = \"0.0.0.0\"\n"),
                    "Write a list"},
        MistakeCase{"wrong_type_element", with("", "[radius]\nlisten = [1812]\n"),
                    "holds a whole number, not a text"},
        MistakeCase{"empty_list", with("", "[radius]\nlisten = []\n"), "radius.listen: is empty"},
        MistakeCase{"date", with("", "[notakey.x]\n"), "notakey.x: is not a setting"},
        MistakeCase{"below_range", with("", "[second_factor]\nthreads = 0\n"),
                    "is 0, out of range. Mend: Choose from 1 to 64."},
        MistakeCase{"negative", with("", "[radius]\nshards = -1\n"), "is -1, out of range"},
        MistakeCase{"beyond_32_bits", with("", "[radius]\nmax_exchanges = 4294967552\n"),
                    "is 4294967552, out of range"},
        MistakeCase{"fraction", with("", "[radius]\nshards = 1.5\n"),
                    "is a number with a fraction"},
        MistakeCase{
            "bare_duration", with("", "[radius]\nduplicate_window = 10\n"),
            "is a number without a unit. Mend: Write numbers with ms, s, m or h, in quotes"},
        MistakeCase{"duration_without_unit", with("", "[radius]\nduplicate_window = \"10\"\n"),
                    "has no unit"},
        MistakeCase{"duration_range", with("", "[radius]\nduplicate_window = \"1m\"\n"),
                    "is 1m, out of range. Mend: Choose from 5s to 30s."},
        MistakeCase{"bad_endpoint", with("", "[radius]\nlisten = [\"0.0.0.0:1812\", \"nas:1\"]\n"),
                    "t.toml:12:27: radius.listen: is not an IP address and port"},
        MistakeCase{"endpoint_twice",
                    with("", "[radius]\nlisten = [\"0.0.0.0\", \"0.0.0.0:1812\"]\n"),
                    "names 0.0.0.0:1812 a second time"},
        MistakeCase{"bad_address", with("", "[admin]\nlisten = \"localhost\"\n"),
                    "admin.listen: is"},
        MistakeCase{"bad_choice", with("", "[log]\nlevel = \"warn\"\n"),
                    "Did you mean \"warning\"?"},
        MistakeCase{"log_folder_absent", with("", "[log]\nfile = \"/nonexistent/x.log\"\n"),
                    "log.file: names a file in a folder that does not exist"},
        MistakeCase{"log_is_a_folder", with("", "[log]\nfile = \"/tmp\"\n"),
                    "log.file: names a folder"},
        MistakeCase{"bad_choice_far", with("", "[log]\nlevel = \"loud\"\n"),
                    "is not one of \"debug\", \"info\", \"warning\", \"error\""},
        MistakeCase{
            "message_too_long",
            with("", "[second_factor]\ndenied_message = \"" + std::string(254, 'x') + "\"\n"),
            "has 254 octets"},
        MistakeCase{"message_two_lines", with("", "[second_factor]\ndenied_message = \"a\\nb\"\n"),
                    "holds a line end"},
        MistakeCase{"placeholder", with("", "action = \"Hi {usr}\"\n"), "{usr}"},
        MistakeCase{"placeholder_open", with("", "action = \"Hi {user\"\n"), "has a { without"},
        MistakeCase{"v3_needs_secret", with("", "version = \"v3\"\nclient_id = \"x\"\n"),
                    "t.toml:11:1: notakey.client_secret: is missing, and version \"v3\" needs it"},
        MistakeCase{"v2_has_no_client", with("", "client_id = \"x\"\n"),
                    "notakey.client_id: is not known to version \"v2\""},
        MistakeCase{"ca_file", with("", "ca_file = \"/nonexistent/ca.pem\"\n"), "cannot be read"},
        MistakeCase{"proxy_without_scheme", with("", "proxy = \"proxy.example:3128\"\n"),
                    "notakey.proxy: is not a URL"},
        MistakeCase{"proxy_with_password", with("", "proxy = \"http://u:p@proxy.example\"\n"),
                    "holds a user name or a password"},
        MistakeCase{"client_name_twice",
                    with("[[client]]\nname = \"vpn\"\naddresses = [\"10.0.0.1\"]\n"
                         "secret = \"0123456789abcdef\"\n",
                         ""),
                    "\"vpn\" is the name of two clients"},
        MistakeCase{
            "prefix_twice",
            with("[[client]]\nname = \"lab\"\naddresses = [\"10.0.0.1\", \"192.0.2.0/24\"]\n"
                 "secret = \"0123456789abcdef\"\n",
                 ""),
            "t.toml:7:14: client.addresses: 192.0.2.0/24 belongs to client \"lab\" already, "
            "and is claimed by client \"vpn\""},
        MistakeCase{
            "single_client",
            "[client]\nname = \"x\"\n" + std::string(kGood).substr(kGood.find("[downstream]")),
            "Write [[client]] with two brackets"},
        MistakeCase{"ports_below_shards", with("[radius]\nshards = 65\n", ""),
                    "radius.shards: is 65, out of range"},
        MistakeCase{"itself", with("[radius]\nlisten = [\"192.0.2.200\"]\n", ""),
                    "is the address that we listen on ourselves"}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(Load, ReportsAllMistakesInTheOrderOfTheFile) {
  const auto loaded = load(R"([radius]
listen = ["300.0.0.1", "0.0.0.0:99999"]
shrads = 2
duplicate_window = 10
[[client]]
name = "a"
addresses = ["192.0.2.0/33", 5]
[downstream]
address = "192.0.2.9:0"
secret = ""
[notakey]
host = "demo.notakey.com"
)");
  ASSERT_FALSE(loaded);
  std::vector<std::pair<std::uint32_t, std::string>> found;
  for (const Mistake& mistake : loaded.error()) found.emplace_back(mistake.where.line, mistake.key);
  const std::vector<std::pair<std::uint32_t, std::string>> expected = {
      {2, "radius.listen"},           {2, "radius.listen"},      {3, "radius.shrads"},
      {4, "radius.duplicate_window"}, {5, "client.secret"},      {7, "client.addresses"},
      {7, "client.addresses"},        {9, "downstream.address"}, {10, "downstream.secret"},
      {11, "notakey.access_id"},      {12, "notakey.host"}};
  EXPECT_EQ(found, expected) << joined(loaded.error());
}

TEST(Load, NamesMissingSections) {
  const auto loaded = load("");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(
      joined(loaded.error()),
      "t.toml:1:1: client: the section [[client]] is missing. Mend: Add [[client]] with name, "
      "addresses, secret. For an HTTP door alone, add [[http.listener]] with listen instead of "
      "them "
      "all.\n"
      "t.toml:1:1: downstream: the section [downstream] is missing. Mend: Add [downstream] "
      "with address, secret.\n"
      "t.toml:1:1: notakey: the section [notakey] is missing. Mend: Add [notakey] with host, "
      "access_id.\n");
}

TEST(Load, PlacesSyntaxErrorsAndExplainsThem) {
  const struct {
    std::string_view text;
    std::uint32_t line;
    std::string_view expected;
  } cases[] = {
      {"[radius]\nlisten = 0.0.0.0:1812\n", 2, "double quotes"},
      {"[notakey]\nttl = 60s\n", 2, "double quotes"},
      {"[notakey]\nhost = \"https://x\naccess_id = \"y\"\n", 2, "Close the quotes"},
      {"[radius]\nlisten = [\"a\" \"b\"]\n", 2, "comma"},
      {"[radius]\n[radius]\n", 2, "twice"},
      {"[radius]\npin = true\npin = false\n", 3, "twice"},
      {"what is this\n", 1, "not TOML"},
      {"[radius\n", 1, "not TOML"},
      {"[log]\n\n[ =x]\nlevel = \"info\"\n", 3, "not TOML"},  // an assertion of the parser
      {"a = \"\xff\xfe\"\n", 1, "UTF-8"},
  };
  for (const auto& [text, line, expected] : cases) {
    const auto loaded = load(text);
    ASSERT_FALSE(loaded) << text;
    ASSERT_EQ(loaded.error().size(), 1U) << text;
    EXPECT_EQ(loaded.error()[0].where.line, line) << text << loaded.error()[0].text();
    EXPECT_THAT(loaded.error()[0].text(), HasSubstr(expected)) << text;
  }
}

struct WarningCase {
  const char* name;
  std::string text;
  const char* expected;
};

TEST(Load, WarnsOfWhatIsAllowedButUnwise) {
  std::string short_secret(kGood);
  short_secret.replace(short_secret.find("0123456789abcdef"), 16, "0123456789ab");
  std::string example(kGood);
  example.replace(example.find("0123456789abcdef"), 16, "replace-me-with-32-random-characters");
  std::string plain(kGood);
  plain.replace(plain.find("https"), 5, "http");
  const WarningCase cases[] = {
      {"short", short_secret, "client.secret: has 12 octets or fewer"},
      {"example", example, "client.secret: is still the one of the example"},
      {"plain", plain, "notakey.host: is plain http"},
      {"admin", with("", "[admin]\nlisten = \"0.0.0.0:9812\"\n"),
       "admin.listen: can be reached from other machines"},
      {"forgery",
       with(
           "[[client]]\nname = \"old\"\naddresses = [\"10.0.0.1\"]\nsecret = \"0123456789abcdef\"\n"
           "require_message_authenticator = \"no\"\nlimit_proxy_state = false\n",
           ""),
       "CVE-2024-3596"},
      {"profile",
       with("",
            "version = \"v3\"\nclient_id = \"i\"\nclient_secret = \"0123456789abcdef\"\n"
            "profile = \"p\"\naction = \"x\"\n"),
       "takes the place of action and description"},
  };
  for (const auto& [name, text, expected] : cases) {
    const auto loaded = load(text);
    ASSERT_TRUE(loaded) << name << joined(loaded.error());
    ASSERT_EQ(loaded->warnings.size(), 1U) << name << joined(loaded->warnings);
    EXPECT_THAT(loaded->warnings[0].text(), HasSubstr(expected));
  }
}

TEST(Load, DoesNotWarnOfPlainHttpOnLoopback) {
  for (const std::string_view host : {"127.0.0.1:8080", "localhost", "[::1]:80"}) {
    std::string text(kGood);
    text.replace(text.find("https://demo.notakey.com"), 24, "http://" + std::string(host));
    const auto loaded = load(text);
    ASSERT_TRUE(loaded) << joined(loaded.error());
    EXPECT_TRUE(loaded->warnings.empty()) << joined(loaded->warnings);
  }
}

TEST(Load, AcceptsEveryFormOfTheApiUrl) {
  for (const std::string_view host : {"https://h", "https://h/", "https://h/api", "https://h/api/",
                                      "https://h.example:8443", "https://[2001:db8::1]:8443"}) {
    std::string text(kGood);
    text.replace(text.find("https://demo.notakey.com"), 24, host);
    EXPECT_TRUE(load(text)) << host;
  }
  for (const std::string_view host :
       {"h", "ftp://h", "https://", "https://h/api/v2", "https://h:0", "https://h:99999",
        "https://u:p@h", "https://h?x", "https://h h", "https://[::1", "https://[nonsense]",
        "https://1.2.3"}) {
    std::string text(kGood);
    text.replace(text.find("https://demo.notakey.com"), 24, host);
    EXPECT_FALSE(load(text)) << host;
  }
}

TEST(LoadFile, NamesAFileThatCannotBeRead) {
  testing::TemporaryFolder folder;
  for (const std::string& path :
       {(folder.path() / "absent.toml").string(), folder.path().string()}) {
    const auto loaded = load_file(path, {});
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().size(), 1U);
    EXPECT_EQ(loaded.error()[0].source, path);
    EXPECT_FALSE(loaded.error()[0].mend.empty());
  }
}

TEST(LoadFile, WarnsWhenEverybodyMayReadItsSecrets) {
  testing::TemporaryFolder folder;
  using std::filesystem::perms;
  const auto open =
      folder.write("open.toml", kGood, perms::owner_read | perms::owner_write | perms::others_read);
  const auto loaded = load_file(open, {});
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->warnings.size(), 1U);
  EXPECT_THAT(loaded->warnings[0].text(), HasSubstr("everybody on this machine may read it"));
  const auto closed = load_file(folder.write("closed.toml", kGood), {});
  ASSERT_TRUE(closed);
  EXPECT_TRUE(closed->warnings.empty()) << joined(closed->warnings);
}

}  // namespace
}  // namespace sallyport::config
