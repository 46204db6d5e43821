// What the HTTP door's part of a file can have wrong, each with its place and a remedy.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/config/route_rules.h"
#include "tests/engine/config/certificate_testing.h"
#include "tests/engine/config/config_testing.h"

namespace sallyport::config {
namespace {

using ::testing::HasSubstr;
using testing::joined;
using testing::kGood;
using testing::load;
using ::testing::Not;

/// A door without a mistake or a warning; 10 lines: what is appended begins on line 11.
constexpr std::string_view kDoor = R"([[http.listener]]
listen = ["127.0.0.1:8080"]
[[http.pool]]
name = "app"
servers = ["10.0.0.1:8080"]
[[http.route]]
name = "all"
hosts = ["www.example.net"]
policy = "open"
pool = "app"
)";

std::string with(std::string_view after) { return std::string(kDoor) + std::string(after); }
std::string listener(std::string_view keys) {
  return with("[[http.listener]]\n" + std::string(keys));
}
std::string server(std::string_view text) {
  std::string out(kDoor);
  return out.replace(out.find("10.0.0.1:8080"), 13, text);
}
/// One more key of the pool, on line 6.
std::string pool(std::string_view keys) {
  std::string out(kDoor);
  return out.insert(out.find("[[http.route]]"), keys);
}
/// A route of its own host.
std::string route(std::string_view keys) {
  return with("[[http.route]]\nhosts = [\"x.example.net\"]\n" + std::string(keys));
}
std::string door(std::string_view keys) { return with("[http]\n" + std::string(keys)); }
std::string whitelist(std::string_view keys) {
  return with("[[http.whitelist]]\nname = \"w\"\n" + std::string(keys));
}
constexpr std::string_view kOffice =
    "[[http.whitelist]]\nname = \"w\"\naddresses = [\"192.0.2.1\"]\n";

struct RuleCase {
  const char* name;
  std::string text;
  const char* expected;  ///< a part of the text
};

std::string name_of(const ::testing::TestParamInfo<RuleCase>& tested) { return tested.param.name; }

TEST(HttpRules, AGoodDoorIsGood) {
  const auto loaded = load(kDoor);
  ASSERT_TRUE(loaded) << joined(loaded.error());
  EXPECT_TRUE(loaded->warnings.empty()) << joined(loaded->warnings);
}

class HttpMistake : public ::testing::TestWithParam<RuleCase> {};

TEST_P(HttpMistake, IsNamedWithItsPlaceAndRemedy) {
  const auto loaded = load(GetParam().text);
  ASSERT_FALSE(loaded);
  ASSERT_EQ(loaded.error().size(), 1U) << joined(loaded.error());
  const Mistake& mistake = loaded.error().front();
  EXPECT_THAT(mistake.text(), HasSubstr(GetParam().expected));
  EXPECT_GT(mistake.where.line, 0U);
  EXPECT_GT(mistake.where.column, 0U);
  EXPECT_TRUE(mistake.mend.ends_with('.') || mistake.mend.ends_with('?')) << mistake.mend;
}

INSTANTIATE_TEST_SUITE_P(
    Sections, HttpMistake,
    ::testing::Values(
        RuleCase{"unknown_key", door("trustd_proxies = [\"::1\"]\n"),
                 "t.toml:12:1: http.trustd_proxies: is not a setting. Mend: Did you mean "
                 "trusted_proxies?"},
        RuleCase{"unknown_key_of_route", route("respond = 200\npath = \"/\"\n"),
                 "t.toml:14:1: http.route.path: is not a setting"},
        RuleCase{"unknown_section", with("[[http.listner]]\nlisten = [\":1\"]\n"),
                 "http.listner: is not a section. Mend: Did you mean [[http.listener]]?"},
        RuleCase{"unknown_section_far", with("[http.frobnicator]\n"),
                 "Sections are http.listener, http.certificate"},
        RuleCase{"section_without_http", with("[[route]]\npool = \"app\"\n"),
                 "route: is not a section. Mend: Did you mean [[http.route]]?"},
        RuleCase{"key_outside", "respond = 200\n" + std::string(kDoor),
                 "respond: stands outside of its section. Mend: Move it below [[http.route]]"},
        RuleCase{"one_bracket", std::string(kDoor).replace(0, 17, "[http.listener]"),
                 "http.listener: is a table, not [[http.listener]]"},
        RuleCase{"quoted_dot", with("[\"http.pool\"]\n"), "is not a section"},
        RuleCase{"missing_key", with("[[http.whitelist]]\naddresses = [\"192.0.2.1\"]\n"),
                 "t.toml:11:1: http.whitelist.name: is missing. Mend: Add name to "
                 "[[http.whitelist]]: text"},
        RuleCase{"no_listener", "[http]\nipv6_prefix = 48\n",
                 "t.toml:1:2: http.listener: the section [[http.listener]] is missing"},
        RuleCase{"radius_begun",
                 with("[downstream]\naddress = \"10.0.0.1\"\nsecret = "
                      "\"0123456789abcdef\"\n[notakey]\nhost = \"https://h\"\n"
                      "access_id = \"i\"\n"),
                 "client: the section [[client]] is missing"},
        RuleCase{"shards_twice",
                 with("[engine]\nshards = 1\n") + std::string(kGood) + "[radius]\nshards = 1\n",
                 "radius.shards: is given as engine.shards already"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Door, HttpMistake,
    ::testing::Values(
        RuleCase{"size_unit", door("max_header_octets = \"16K\"\n"),
                 "t.toml:12:21: http.max_header_octets: has an unknown unit. Mend: Write a number"},
        RuleCase{"size_range", door("max_header_octets = \"1MiB\"\n"),
                 "is 1MiB, out of range. Mend: Choose from 1KiB to 64KiB."},
        RuleCase{"size_type", door("max_header_octets = true\n"),
                 "is true or false; wanted: size, 1KiB to 64KiB"},
        RuleCase{"size_negative", door("max_header_octets = -1\n"), "is -1, out of range"},
        RuleCase{"target_beyond_head", door("max_target_octets = \"32KiB\"\n"),
                 "http.max_target_octets: is more than max_header_octets"},
        RuleCase{"gate_path_root", door("gate_path = \"/\"\n"), "would take every path"},
        RuleCase{"gate_path_relative", door("gate_path = \"gate\"\n"), "does not begin with /"},
        RuleCase{"gate_path_well_known", door("gate_path = \"/.well-known/x\"\n"), "RFC 8615"},
        RuleCase{"auth_url", door("auth_url = \"auth.example.net\"\n"), "is not a URL"},
        RuleCase{"acme_folder", door("acme_challenge_folder = \"/nonexistent\"\n"),
                 "names a folder that does not exist"},
        RuleCase{"control_folder", door("control_socket = \"/nonexistent/socket\"\n"),
                 "names a file in a folder that does not exist"},
        RuleCase{"control_socket", door("control_socket = \"/" + std::string(107, 'x') + "\"\n"),
                 "http.control_socket: is a path of 108 octets"},
        RuleCase{"server_header", door("server_header = \"a\\r\\nSet-Cookie: b\"\n"),
                 "holds a line end"},
        RuleCase{"ipv6_prefix", door("ipv6_prefix = 129\n"), "is 129, out of range"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Listener, HttpMistake,
    ::testing::Values(
        RuleCase{"no_port", listener("listen = [\"127.0.0.1\"]\n"),
                 "t.toml:12:11: http.listener.listen: has no port. Mend: Write \"0.0.0.0:443\""},
        RuleCase{"name", listener("listen = [\"localhost:80\"]\n"),
                 "is not an IP address and port"},
        RuleCase{"star", listener("listen = [\"*:80\"]\n"), "Write \":80\"."},
        RuleCase{"port", listener("listen = [\":99999\"]\n"), "is not an IP address and port"},
        RuleCase{"unix_relative", listener("listen = [\"unix:web.sock\"]\n"),
                 "does not begin with /"},
        RuleCase{"unix_long", listener("listen = [\"unix:/" + std::string(107, 'x') + "\"]\n"),
                 "has a socket path of 108 octets. Mend: Shorten it to 107."},
        RuleCase{"systemd_empty", listener("listen = [\"systemd:\"]\n"), "FileDescriptorName"},
        RuleCase{"systemd_colon", listener("listen = [\"systemd:a:b\"]\n"), "FileDescriptorName"},
        RuleCase{"twice_here", listener("listen = [\":80\", \"[::]:80\"]\n"),
                 "t.toml:12:18: http.listener.listen: names [::]:80 a second time"},
        RuleCase{"twice_elsewhere", listener("listen = [\":80\", \"127.0.0.1:8080\"]\n"),
                 "t.toml:12:18: http.listener.listen: names 127.0.0.1:8080, as another listener"},
        RuleCase{"admin", with("[admin]\nlisten = \"127.0.0.1:8080\"\n"),
                 "t.toml:2:11: http.listener.listen: names 127.0.0.1:8080, where admin.listen is"},
        RuleCase{"tls_without_certificate", listener("listen = [\":443\"]\ntls = true\n"),
                 "t.toml:13:7: http.listener.tls: is true, and there is no [[http.certificate]]"},
        RuleCase{"certificate_file",
                 with("[[http.certificate]]\ncertificate_file = \"/nonexistent/c\"\nkey_file = "
                      "\"/dev/null\"\n"),
                 "t.toml:12:20: http.certificate.certificate_file: names a file that cannot be "
                 "read"},
        RuleCase{"proxy_protocol", listener("listen = [\":443\"]\nproxy_protocol = \"optional\"\n"),
                 "is not one of \"off\", \"required\""}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Pool, HttpMistake,
    ::testing::Values(
        RuleCase{"url", server("http://10.0.0.1"), "t.toml:5:12: http.pool.servers: is a URL"},
        RuleCase{"path", server("10.0.0.1/app"), "has a path"},
        RuleCase{"port", server("10.0.0.1:0"), "has a port that is not a number"},
        RuleCase{"weight_zero", server("10.0.0.1 weight=0"), "has a weight that is not 1 to 256"},
        RuleCase{"weight_text", server("10.0.0.1 weight=two"), "has a weight that is not"},
        RuleCase{"unknown_word", server("10.0.0.1 down"), "unknown word behind the address: down"},
        RuleCase{"empty", server(""), "http.pool.servers: is empty"},
        RuleCase{"ourselves", server("127.0.0.1:8080"),
                 "is an address that we listen on ourselves"},
        RuleCase{"balance", pool("balance = \"roundrobin\"\n"), "Did you mean \"round_robin\"?"},
        RuleCase{"cookie_name", pool("balance = \"cookie\"\ncookie_name = \"a;b\"\n"),
                 "is not one word"},
        RuleCase{"ca_without_tls", pool("ca_file = \"/dev/null\"\n"),
                 "t.toml:6:11: http.pool.ca_file: is for TLS, and this pool has none"},
        RuleCase{"name_without_tls", pool("server_name = \"a.example\"\n"),
                 "http.pool.server_name: is for TLS"},
        RuleCase{"health_timeout", pool("health_path = \"/\"\nhealth_timeout = \"10s\"\n"),
                 "is longer than health_interval"},
        RuleCase{"health_path", pool("health_path = \"up\"\n"), "does not begin with /"},
        RuleCase{"health_path_line", pool("health_path = \"/ HTTP/1.1\\r\\nX: y\"\n"),
                 "holds a space"},
        RuleCase{"health_status", pool("health_path = \"/\"\nhealth_status = 0\n"),
                 "is 0, out of range. Mend: Choose from 200 to 599."},
        RuleCase{"name_twice", pool("[[http.pool]]\nname = \"app\"\nservers = [\"10.0.0.2\"]\n"),
                 "t.toml:7:8: http.pool.name: \"app\" is the name of two pools"},
        RuleCase{"name_text", pool("[[http.pool]]\nname = \"a b\"\nservers = [\"10.0.0.2\"]\n"),
                 "is not a name of 1 to 64 letters, digits and ._-"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Route, HttpMistake,
    ::testing::Values(
        RuleCase{"unknown_pool", route("pool = \"ap\"\n"),
                 "t.toml:13:8: http.route.pool: there is no pool \"ap\". Mend: Did you mean "
                 "\"app\"?"},
        RuleCase{"unknown_pool_far", route("pool = \"frobnicator\"\n"),
                 "Add [[http.pool]] with name = \"frobnicator\"."},
        RuleCase{"nothing", route(""), "t.toml:11:1: http.route: \"route-2\" has nothing that"},
        RuleCase{"two", route("pool = \"app\"\nredirect = \"/x\"\n"),
                 "t.toml:14:12: http.route.redirect: stands beside pool"},
        RuleCase{"name_twice", route("name = \"all\"\nrespond = 200\n"),
                 "\"all\" is the name of two routes"},
        RuleCase{"status", route("respond = 100\n"), "is 100, out of range. Mend: Choose from 200"},
        RuleCase{"no_content", route("respond = 204\nrespond_body = \"x\"\n"),
                 "cannot be sent with status 204"},
        RuleCase{"body_nul", route("respond = 200\nrespond_body = \"a\\u0000\"\n"),
                 "holds a control character"},
        RuleCase{"type", route("respond = 200\nrespond_type = \"html\"\n"), "is not a media type"},
        RuleCase{"type_line", route("respond = 200\nrespond_type = \"a/b\\r\\nX: y\"\n"),
                 "holds a line end"},
        RuleCase{"host_url", with("[[http.route]]\nhosts = [\"https://x\"]\nrespond = 200\n"),
                 "t.toml:12:10: http.route.hosts: is a URL"},
        RuleCase{"host_port", with("[[http.route]]\nhosts = [\"x.example:80\"]\nrespond = 200\n"),
                 "has a port"},
        RuleCase{"host_star", with("[[http.route]]\nhosts = [\"a.*.example\"]\nrespond = 200\n"),
                 "has a * that is not its first label"},
        RuleCase{"host_space", with("[[http.route]]\nhosts = [\"a b\"]\nrespond = 200\n"),
                 "is not the name of a host"},
        RuleCase{"host_umlaut", with("[[http.route]]\nhosts = [\"bücher.example\"]\nrespond=200\n"),
                 "Punycode"},
        RuleCase{"host_twice",
                 with("[[http.route]]\nhosts = [\"a.example\", \"A.example.\"]\nrespond = 200\n"),
                 "names a.example a second time"},
        RuleCase{"path_relative", route("path_prefix = \"api\"\nrespond = 200\n"),
                 "does not begin with /"},
        RuleCase{"path_slash", route("path_prefix = \"/api/\"\nrespond = 200\n"),
                 "Write \"/api\": it means"},
        RuleCase{"path_dots", route("path_prefix = \"/a/../b\"\nrespond = 200\n"), "holds //"},
        RuleCase{"path_query", route("path_prefix = \"/a?b\"\nrespond = 200\n"),
                 "holds a character that no path has"},
        RuleCase{"path_escape", route("path_prefix = \"/a%2\"\nrespond = 200\n"),
                 "two hexadecimal digits"},
        RuleCase{"path_escaped_nul", route("path_prefix = \"/a%00\"\nrespond = 200\n"),
                 "encoded control character"},
        RuleCase{"method_case", route("methods = [\"get\"]\nrespond = 200\n"),
                 "holds lower-case letters, and case counts: get"},
        RuleCase{"method_space", route("methods = [\"GET /\"]\nrespond = 200\n"),
                 "is not the name of a method"},
        RuleCase{"match_name", route("headers = [\"X Tenant: a\"]\nrespond = 200\n"),
                 "has no header name"},
        RuleCase{"match_host", route("headers = [\"Host: a\"]\nrespond = 200\n"),
                 "asks for a Host"},
        RuleCase{"change_verb", route("pool = \"app\"\nrequest_headers = [\"X-A: b\"]\n"),
                 "t.toml:14:20: http.route.request_headers: begins with neither set nor add nor"},
        RuleCase{"change_line",
                 route("pool = \"app\"\nrequest_headers = [\"set X: a\\r\\nB: c\"]\n"),
                 "holds a line end"},
        RuleCase{"change_nul", route("pool = \"app\"\nrequest_headers = [\"set X: a\\u0000\"]\n"),
                 "holds a line end or another control character"},
        RuleCase{"change_length",
                 route("pool = \"app\"\nrequest_headers = [\"remove Content-Length\"]\n"),
                 "which holds the message together"},
        RuleCase{"change_visitor",
                 route("pool = \"app\"\nrequest_headers = [\"set X-Forwarded-For: 1.2.3.4\"]\n"),
                 "which tells the server who the visitor is"},
        RuleCase{"change_no_value", route("pool = \"app\"\nresponse_headers = [\"set Server\"]\n"),
                 "has no value"},
        RuleCase{"change_removes_value",
                 route("pool = \"app\"\nresponse_headers = [\"remove Server: x\"]\n"),
                 "removes a header and gives it a value"},
        RuleCase{"redirect_text", route("redirect = \"www.example.net\"\n"),
                 "is neither a URL nor a path"},
        RuleCase{"redirect_other_host", route("redirect = \"//evil.example\"\n"),
                 "is neither a URL nor a path"},
        RuleCase{"redirect_placeholder", route("redirect = \"https://{hots}/\"\n"),
                 "Known are {host} and {uri}."},
        RuleCase{"redirect_line", route("redirect = \"/a\\r\\nb\"\n"), "holds a space"},
        RuleCase{"body_limit", route("pool = \"app\"\nmax_request_body = \"1.5MB\"\n"),
                 "is not a size"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Whitelist, HttpMistake,
    ::testing::Values(
        RuleCase{"none", whitelist(""), "t.toml:11:1: http.whitelist: has no addresses"},
        RuleCase{"two", whitelist("addresses = [\"192.0.2.1\"]\nfile = \"/dev/null\"\n"),
                 "t.toml:14:8: http.whitelist.file: stands beside addresses"},
        RuleCase{"file", whitelist("file = \"/nonexistent/list\"\n"), "cannot be read"},
        RuleCase{"command_path", whitelist("command = [\"list\"]\n"), "has no absolute path"},
        RuleCase{"address", whitelist("addresses = [\"192.0.2.0/33\"]\n"),
                 "t.toml:13:14: http.whitelist.addresses: is not an IP address or prefix"},
        RuleCase{"name_twice", whitelist("addresses = [\"192.0.2.1\"]\n") + std::string(kOffice),
                 "\"w\" is the name of two whitelists"}),
    name_of);

class HttpWarning : public ::testing::TestWithParam<RuleCase> {};

TEST_P(HttpWarning, IsGivenAlone) {
  const auto loaded = load(GetParam().text);
  ASSERT_TRUE(loaded) << joined(loaded.error());
  ASSERT_EQ(loaded->warnings.size(), 1U) << joined(loaded->warnings);
  EXPECT_THAT(loaded->warnings[0].text(), HasSubstr(GetParam().expected));
  EXPECT_GT(loaded->warnings[0].where.line, 0U);
}

INSTANTIATE_TEST_SUITE_P(
    All, HttpWarning,
    ::testing::Values(
        RuleCase{"trust_everybody", door("trusted_proxies = [\"10.0.0.1\", \"0.0.0.0/0\"]\n"),
                 "http.trusted_proxies: holds 0.0.0.0/0: everybody can claim any address"},
        RuleCase{"trust_everybody_v6", door("trusted_proxies = [\"::/0\"]\n"), "holds ::/0"},
        RuleCase{"plain_auth_url", door("auth_url = \"http://auth.example.net\"\n"),
                 "is plain http"},
        RuleCase{"unix_without_address",
                 listener("listen = [\"unix:/run/web.sock\"]\n") +
                     "[[http.route]]\nhosts = [\"x.example.net\"]\npool = \"app\"\n",
                 "t.toml:12:11: http.listener.listen: is a Unix socket: those who come over it"},
        RuleCase{"redirect_to_nobody", listener("listen = [\":80\"]\nredirect_to_https = true\n"),
                 "t.toml:13:21: http.listener.redirect_to_https: sends visitors to https"},
        RuleCase{"door_without_listener", std::string(kGood) + "[http]\nipv6_prefix = 48\n",
                 "http: is of no use: there is no [[http.listener]]"},
        RuleCase{"unused_pool", pool("[[http.pool]]\nname = \"b\"\nservers = [\"10.0.0.2\"]\n"),
                 "no route leads to pool \"b\""},
        RuleCase{"all_drain", server("10.0.0.1:8080 drain"), "are all draining"},
        RuleCase{"all_backup", server("10.0.0.1:8080 backup"), "are all backups of nothing"},
        RuleCase{"cookie_name", pool("cookie_name = \"a\"\n"), "without balance = \"cookie\""},
        RuleCase{"health_alone", pool("health_status = 200\nhealth_rise = 1\n"),
                 "t.toml:6:17: http.pool.health_status: is of no use without health_path"},
        RuleCase{"whitelist_everybody", whitelist("addresses = [\"0.0.0.0/0\"]\n"),
                 "t.toml:13:14: http.whitelist.addresses: 0.0.0.0/0 lets in everybody"},
        RuleCase{"whitelist_everybody_bare", whitelist("addresses = [\"::\"]\n"), "everybody"},
        RuleCase{"interval_alone", whitelist("addresses = [\"192.0.2.1\"]\ninterval = \"1m\"\n"),
                 "is of no use without command"},
        RuleCase{"whitelisted_nobody", route("policy = \"whitelisted\"\npool = \"app\"\n"),
                 "t.toml:13:10: http.route.policy: lets in nobody"},
        RuleCase{"shadowed",
                 with("[[http.route]]\nhosts = [\"WWW.example.net\"]\n"
                      "path_prefix = \"/api\"\nrespond = 200\n"),
                 "t.toml:11:1: http.route: \"route-2\" is never reached: \"all\" above it takes"},
        RuleCase{"below_gate", route("path_prefix = \"/.sallyport/x\"\nrespond = 200\n"),
                 "lies below gate_path"},
        RuleCase{"below_acme",
                 with("[http]\nacme_challenge_folder = \"/tmp\"\n[[http.route]]\n"
                      "path_prefix = \"/.well-known/acme-challenge\"\nrespond = 200\n"),
                 "is served from acme_challenge_folder before any route"},
        RuleCase{"body_without_respond", route("pool = \"app\"\nrespond_body = \"x\"\n"),
                 "is of no use without respond"},
        RuleCase{"limit_without_pool", route("respond = 200\nmax_request_body = 5\n"),
                 "is of no use on a route without a pool"},
        RuleCase{"strip_elsewhere",
                 route("pool = \"app\"\npath_prefix = \"/api\"\nstrip_prefix = \"/app\"\n"),
                 "is at the front of no path below \"/api\""}),
    name_of);

TEST(HttpRules, GoodVariantsHaveNoWarnings) {
  for (const std::string& text :
       {route("policy = \"deny\"\n"), listener("listen = [\"127.0.0.1:0\", \"127.0.0.1:0\"]\n"),
        route("pool = \"app\"\nrequest_headers = [\"set Host: app\", \"set X-A: {visitor}\"]\n"),
        route("pool = \"app\"\npath_prefix = \"/a\"\nstrip_prefix = \"/a/b\"\nadd_prefix = "
              "\"/x%20y\"\n"),
        route("respond = 200\nmethods = [\"GET\", \"PROPFIND\"]\n"),
        whitelist("command = [\"/bin/echo\", \"\", \"-x\"]\ninterval = \"10s\"\n"),
        pool("balance = \"cookie\"\ncookie_name = \"a\"\n"),
        server("app-1.internal_net weight=256"), route("pool = \"app\"\nmax_request_body = 0\n")}) {
    const auto loaded = load(text);
    ASSERT_TRUE(loaded) << joined(loaded.error()) << text;
    EXPECT_TRUE(loaded->warnings.empty()) << joined(loaded->warnings) << text;
  }
}

TEST(HttpRules, ATlsListenerDoesNotSendVisitorsToTls) {
  const testing::TemporaryFolder folder;
  const testing::Key key = testing::make_key();
  folder.write("site.pem", testing::certificate_pem(key) + testing::key_pem(key));
  const auto loaded = load_file(
      folder.write("t.toml", listener("listen = [\":443\"]\ntls = true\nredirect_to_https = true\n"
                                      "[[http.certificate]]\ncertificate_file = \"site.pem\"\n"
                                      "key_file = \"site.pem\"\n")),
      {});
  ASSERT_FALSE(loaded);
  ASSERT_EQ(loaded.error().size(), 1U) << joined(loaded.error());
  EXPECT_THAT(
      joined(loaded.error()),
      HasSubstr("t.toml:14:21: http.listener.redirect_to_https: is for a listener without"));
}

TEST(HttpRules, ACertificateWithoutATlsListenerIsOfNoUse) {
  const testing::TemporaryFolder folder;
  const testing::Key key = testing::make_key();
  folder.write("site.pem", testing::certificate_pem(key) + testing::key_pem(key));
  const auto loaded =
      load_file(folder.write("t.toml", with("[[http.certificate]]\ncertificate_file = "
                                            "\"site.pem\"\nkey_file = \"site.pem\"\n")),
                {});
  ASSERT_TRUE(loaded) << joined(loaded.error());
  ASSERT_EQ(loaded->warnings.size(), 1U);
  EXPECT_THAT(joined(loaded->warnings), HasSubstr("t.toml:11:1: http.certificate: is of no use"));
}

TEST(HttpRules, AWhitelistFileIsReadLineByLine) {
  const testing::TemporaryFolder folder;
  folder.write("good.txt", "# offices\r\n192.0.2.1\r\n\n 2001:db8::/32 # v6\n0.0.0.0/0\n");
  EXPECT_TRUE(load_file(folder.write("t.toml", whitelist("file = \"good.txt\"\n")), {}));
  for (const std::string_view line : {"192.0.2.0/33", "office", "1.2.3.4, 5.6.7.8", "0.0.0.0"}) {
    folder.write("bad.txt", "192.0.2.1\n" + std::string(line) + "\n");
    const auto loaded = load_file(folder.write("t.toml", whitelist("file = \"bad.txt\"\n")), {});
    ASSERT_FALSE(loaded) << line;
    EXPECT_THAT(joined(loaded.error()),
                HasSubstr("http.whitelist.file: has a line 2 that is no address or prefix"));
  }
}

TEST(HttpRules, ReportsAllMistakesInTheOrderOfTheFile) {
  const auto loaded = load(R"([[http.listener]]
listen = ["localhost:80"]
tls = true
[[http.pool]]
name = "app"
servers = ["http://x", "10.0.0.1 weight=0"]
[[http.route]]
hosts = ["a b"]
pool = "ap"
respond = 1
)");
  ASSERT_FALSE(loaded);
  std::vector<std::pair<std::uint32_t, std::string>> found;
  for (const Mistake& mistake : loaded.error()) found.emplace_back(mistake.where.line, mistake.key);
  const std::vector<std::pair<std::uint32_t, std::string>> expected = {
      {2, "http.listener.listen"}, {3, "http.listener.tls"},  {6, "http.pool.servers"},
      {6, "http.pool.servers"},    {8, "http.route.hosts"},   {9, "http.route.pool"},
      {10, "http.route.respond"},  {10, "http.route.respond"}};
  EXPECT_EQ(found, expected) << joined(loaded.error());
}

HttpRoute of(std::vector<std::string> hosts, std::string path = {},
             std::vector<std::string> methods = {}, std::vector<HeaderMatch> headers = {}) {
  HttpRoute out;
  out.hosts = std::move(hosts);
  out.path_prefix = std::move(path);
  out.methods = std::move(methods);
  out.headers = std::move(headers);
  return out;
}

TEST(Covers, ARouteThatTakesEverythingOfTheOther) {
  EXPECT_TRUE(covers(of({}), of({"a.example"}, "/x", {"GET"}, {{"h", "v"}})));
  EXPECT_TRUE(covers(of({"a.example"}), of({"a.example"})));
  EXPECT_TRUE(covers(of({"*.example"}), of({"a.example", "b.c.example", "*.d.example"})));
  EXPECT_TRUE(covers(of({}, "/a"), of({}, "/a/b")));
  EXPECT_TRUE(covers(of({}, {}, {"GET"}), of({}, {}, {"GET", "HEAD"})));
  EXPECT_TRUE(covers(of({}, {}, {}, {{"h", ""}}), of({}, {}, {}, {{"h", "v"}, {"i", ""}})));
}

TEST(Covers, ARouteThatLeavesSomething) {
  EXPECT_FALSE(covers(of({"a.example"}), of({})));
  EXPECT_FALSE(covers(of({"a.example"}), of({"a.example", "b.example"})));
  EXPECT_FALSE(covers(of({"*.example"}), of({"example"})));
  EXPECT_FALSE(covers(of({"*.a.example"}), of({"*.example"})));
  EXPECT_FALSE(covers(of({"*.example"}), of({"anexample"})));
  EXPECT_FALSE(covers(of({}, "/a"), of({})));
  EXPECT_FALSE(covers(of({}, "/a"), of({}, "/ab")));
  EXPECT_FALSE(covers(of({}, {}, {"GET"}), of({})));
  EXPECT_FALSE(covers(of({}, {}, {"HEAD"}), of({}, {}, {"GET"})));
  EXPECT_FALSE(covers(of({}, {}, {}, {{"h", "v"}}), of({}, {}, {}, {{"h", ""}})));
  EXPECT_FALSE(covers(of({}, {}, {}, {{"h", ""}}), of({})));
}

TEST(HttpRules, ThousandsOfRoutesAreCheckedQuickly) {
  std::string text(kDoor);
  for (int i = 0; i < 4'000; ++i) {
    text +=
        "[[http.route]]\nhosts = [\"h" + std::to_string(i) + ".example.net\"]\npool = \"app\"\n";
  }
  const auto loaded = load(text);
  ASSERT_TRUE(loaded) << joined(loaded.error());
  EXPECT_TRUE(loaded->warnings.empty());
  for (int i = 0; i < 100; ++i) text += "[[http.route]]\nrespond = 404\n";
  const auto too_many = load(text);
  ASSERT_FALSE(too_many);
  EXPECT_THAT(joined(too_many.error()),
              HasSubstr("http.route: stands 4101 times. Mend: Keep 4096"));
}

}  // namespace
}  // namespace sallyport::config
