// The HTTP door's sections through the loader: every key into its field, and the defaults.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/config/report.h"
#include "tests/engine/config/certificate_testing.h"
#include "tests/engine/config/config_testing.h"

namespace sallyport::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::joined;
using testing::kGood;
using testing::load;

TEST(HttpLoad, TheSmallestDoorIsHttpAlone) {
  const auto loaded = load("[[http.listener]]\nlisten = [\"127.0.0.1:8080\"]\n");
  ASSERT_TRUE(loaded) << joined(loaded.error());
  ASSERT_EQ(loaded->warnings.size(), 1U) << joined(loaded->warnings);
  EXPECT_TRUE(loaded->warnings[0].text().contains("no [[http.route]]"));
  const Config& config = loaded->config;
  EXPECT_FALSE(config.has_radius);
  EXPECT_TRUE(config.radius.listen.empty());
  ASSERT_EQ(config.http.listeners.size(), 1U);
  EXPECT_FALSE(config.http.listeners[0].tls);
  EXPECT_TRUE(config.http.listeners[0].http2);
  EXPECT_EQ(config.http.gate_path, "/.sallyport");
  EXPECT_EQ(config.http.max_header_octets, 16'384U);
}

TEST(HttpLoad, BothDoorsStandInOneFile) {
  const auto loaded =
      load(std::string(kGood) + "[[http.listener]]\nlisten = [\"127.0.0.1:8080\"]\n");
  ASSERT_TRUE(loaded) << joined(loaded.error());
  EXPECT_TRUE(loaded->config.has_radius);
  EXPECT_EQ(loaded->config.radius.listen.size(), 1U);
  EXPECT_EQ(loaded->config.http.listeners.size(), 1U);
}

TEST(HttpLoad, ARadiusDoorAloneHasNoListeners) {
  const auto loaded = load(kGood);
  ASSERT_TRUE(loaded) << joined(loaded.error());
  EXPECT_TRUE(loaded->config.has_radius);
  EXPECT_TRUE(loaded->config.http.listeners.empty());
}

/// Every key of [http], [[http.listener]] and so on, none with its default.
std::string every_key(const testing::TemporaryFolder& folder) {
  const testing::Key key = testing::make_key();
  folder.write("site.pem", testing::certificate_pem(key));
  folder.write("site.key", testing::key_pem(key));
  folder.write("ca.pem", testing::certificate_pem(key));
  folder.write("office.txt", "192.0.2.0/24\n");
  return R"([engine]
shards = 2
pin = false
[http]
trusted_proxies = ["10.0.0.0/8", "2001:db8::1"]
ipv6_prefix = 56
auth_url = "https://auth.example.net"
gate_path = "/gate"
acme_challenge_folder = "."
control_socket = "control.sock"
access_duration = "8h"
server_header = "sallyport"
access_log = true
max_connections = 1000
max_buffer_memory = "64MiB"
max_header_octets = "32KiB"
max_headers = 50
max_target_octets = 4096
max_streams = 64
max_requests_per_connection = 100
header_timeout = "5s"
body_timeout = "6s"
send_timeout = "7s"
keep_alive_timeout = "8s"
tls_handshake_timeout = "9s"
[[http.listener]]
listen = [":443", "unix:/run/web.sock", "systemd:web"]
tls = true
http2 = false
proxy_protocol = "required"
[[http.listener]]
listen = ["0.0.0.0:80"]
redirect_to_https = true
[[http.certificate]]
certificate_file = "site.pem"
key_file = "site.key"
ocsp_file = "site.ocsp"
[[http.pool]]
name = "app"
servers = ["10.0.0.1:8080 weight=3", "app.internal", "unix:/run/app.sock backup", "[2001:db8::1]:80 drain"]
balance = "cookie"
cookie_name = "server"
protocol = "h2"
tls = true
ca_file = "ca.pem"
server_name = "app.example.net"
connect_timeout = "1s"
response_timeout = "2s"
idle_timeout = "3s"
max_idle = 4
retries = 2
health_path = "/up?full=1"
health_interval = "9s"
health_timeout = "1s"
health_status = 204
health_body = "ok"
health_rise = 5
health_fall = 6
max_fails = 7
fail_timeout = "8s"
slow_start = "30s"
[[http.pool]]
name = "plain"
servers = ["files.internal"]
[[http.route]]
name = "api"
hosts = ["API.example.net", "*.example.org", "2001:db8::1"]
path_prefix = "/api"
methods = ["GET", "POST"]
headers = ["X-Tenant: blue", "Upgrade"]
policy = "whitelisted"
pool = "app"
strip_prefix = "/api"
add_prefix = "/v1"
request_headers = ["set X-Env: prod", "add X-A: b, c", "remove Cookie"]
response_headers = ["set Cache-Control: no-store", "remove Server"]
max_request_body = "10MB"
max_response_body = "1GiB"
preserve_host = false
[[http.route]]
hosts = ["static.example.net"]
path_prefix = "/"
policy = "open"
respond = 404
respond_body = "<p>Nothing here.</p>\n"
respond_type = "text/html"
[[http.route]]
policy = "open"
redirect = "https://www.example.net{uri}"
[[http.whitelist]]
name = "office"
addresses = ["192.0.2.0/24"]
[[http.whitelist]]
name = "file"
file = "office.txt"
[[http.whitelist]]
name = "program"
command = ["/bin/echo", "192.0.2.1"]
interval = "5m"
)";
}

TEST(HttpLoad, FillsEveryFieldOfTheDoor) {
  testing::TemporaryFolder folder;
  const auto loaded = load_file(folder.write("t.toml", every_key(folder)), {});
  ASSERT_TRUE(loaded) << joined(loaded.error());
  const Http& http = loaded->config.http;
  EXPECT_EQ(loaded->config.radius.shards, 2U);
  EXPECT_FALSE(loaded->config.radius.pin);
  ASSERT_EQ(http.trusted_proxies.size(), 2U);
  EXPECT_EQ(http.trusted_proxies[0].text(), "10.0.0.0/8");
  EXPECT_EQ(http.ipv6_prefix, 56U);
  EXPECT_EQ(http.auth_url, "https://auth.example.net");
  EXPECT_EQ(http.gate_path, "/gate");
  EXPECT_EQ(http.acme_challenge_folder, (folder.path() / ".").string());
  EXPECT_EQ(http.control_socket, (folder.path() / "control.sock").string());
  EXPECT_EQ(http.access_duration_ms, 28'800'000U);
  EXPECT_EQ(http.server_header, "sallyport");
  EXPECT_TRUE(http.access_log);
  EXPECT_EQ(http.max_connections, 1'000U);
  EXPECT_EQ(http.max_buffer_memory, 67'108'864U);
  EXPECT_EQ(http.max_header_octets, 32'768U);
  EXPECT_EQ(http.max_headers, 50U);
  EXPECT_EQ(http.max_target_octets, 4'096U);
  EXPECT_EQ(http.max_streams, 64U);
  EXPECT_EQ(http.max_requests_per_connection, 100U);
  EXPECT_EQ(http.header_timeout_ms, 5'000U);
  EXPECT_EQ(http.body_timeout_ms, 6'000U);
  EXPECT_EQ(http.send_timeout_ms, 7'000U);
  EXPECT_EQ(http.keep_alive_timeout_ms, 8'000U);
  EXPECT_EQ(http.tls_handshake_timeout_ms, 9'000U);
  ASSERT_EQ(http.certificates.size(), 1U);
  EXPECT_EQ(http.certificates[0].certificate_file, (folder.path() / "site.pem").string());
  EXPECT_EQ(http.certificates[0].key_file, (folder.path() / "site.key").string());
  EXPECT_EQ(http.certificates[0].ocsp_file, (folder.path() / "site.ocsp").string());
}

TEST(HttpLoad, FillsEveryFieldOfListeners) {
  testing::TemporaryFolder folder;
  const auto loaded = load_file(folder.write("t.toml", every_key(folder)), {});
  ASSERT_TRUE(loaded) << joined(loaded.error());
  const auto& listeners = loaded->config.http.listeners;
  ASSERT_EQ(listeners.size(), 2U);
  ASSERT_EQ(listeners[0].listen.size(), 4U);
  EXPECT_EQ(listeners[0].listen[0].endpoint.text(), "0.0.0.0:443");
  EXPECT_EQ(listeners[0].listen[1].endpoint.text(), "[::]:443");
  EXPECT_EQ(listeners[0].listen[2].kind, HttpAddress::Kind::unix_socket);
  EXPECT_EQ(listeners[0].listen[2].name, "/run/web.sock");
  EXPECT_EQ(listeners[0].listen[3].kind, HttpAddress::Kind::systemd);
  EXPECT_EQ(listeners[0].listen[3].name, "web");
  EXPECT_TRUE(listeners[0].tls);
  EXPECT_FALSE(listeners[0].http2);
  EXPECT_FALSE(listeners[0].redirect_to_https);
  EXPECT_EQ(listeners[0].proxy_protocol, ProxyProtocol::required);
  EXPECT_FALSE(listeners[1].tls) << "one listener's settings reached the next";
  EXPECT_TRUE(listeners[1].redirect_to_https);
}

TEST(HttpLoad, FillsEveryFieldOfPools) {
  testing::TemporaryFolder folder;
  const auto loaded = load_file(folder.write("t.toml", every_key(folder)), {});
  ASSERT_TRUE(loaded) << joined(loaded.error());
  ASSERT_EQ(loaded->config.http.pools.size(), 2U);
  const HttpPool& pool = loaded->config.http.pools[0];
  EXPECT_EQ(pool.name, "app");
  EXPECT_THAT(
      pool.servers,
      ElementsAre(HttpServer{.host = "10.0.0.1", .port = 8080, .unix_path = {}, .weight = 3},
                  HttpServer{.host = "app.internal", .port = 443, .unix_path = {}},
                  HttpServer{.host = {}, .port = 443, .unix_path = "/run/app.sock", .backup = true},
                  HttpServer{.host = "2001:db8::1", .port = 80, .unix_path = {}, .drain = true}));
  EXPECT_EQ(pool.balance, Balance::cookie);
  EXPECT_EQ(pool.cookie_name, "server");
  EXPECT_EQ(pool.protocol, UpstreamProtocol::h2);
  EXPECT_TRUE(pool.tls);
  EXPECT_EQ(pool.ca_file, (folder.path() / "ca.pem").string());
  EXPECT_EQ(pool.server_name, "app.example.net");
  EXPECT_EQ(pool.connect_timeout_ms, 1'000U);
  EXPECT_EQ(pool.response_timeout_ms, 2'000U);
  EXPECT_EQ(pool.idle_timeout_ms, 3'000U);
  EXPECT_EQ(pool.max_idle, 4U);
  EXPECT_EQ(pool.retries, 2U);
  EXPECT_EQ(pool.health_path, "/up?full=1");
  EXPECT_EQ(pool.health_interval_ms, 9'000U);
  EXPECT_EQ(pool.health_timeout_ms, 1'000U);
  EXPECT_EQ(pool.health_status, 204U);
  EXPECT_EQ(pool.health_body, "ok");
  EXPECT_EQ(pool.health_rise, 5U);
  EXPECT_EQ(pool.health_fall, 6U);
  EXPECT_EQ(pool.max_fails, 7U);
  EXPECT_EQ(pool.fail_timeout_ms, 8'000U);
  EXPECT_EQ(pool.slow_start_ms, 30'000U);
  const HttpPool& plain = loaded->config.http.pools[1];
  EXPECT_THAT(plain.servers,
              ElementsAre(HttpServer{.host = "files.internal", .port = 80, .unix_path = {}}));
  EXPECT_EQ(plain.balance, Balance::round_robin) << "one pool's settings reached the next";
}

TEST(HttpLoad, FillsEveryFieldOfRoutes) {
  testing::TemporaryFolder folder;
  const auto loaded = load_file(folder.write("t.toml", every_key(folder)), {});
  ASSERT_TRUE(loaded) << joined(loaded.error());
  ASSERT_EQ(loaded->config.http.routes.size(), 3U);
  const HttpRoute& api = loaded->config.http.routes[0];
  EXPECT_EQ(api.name, "api");
  EXPECT_THAT(api.hosts, ElementsAre("api.example.net", "*.example.org", "[2001:db8::1]"));
  EXPECT_EQ(api.path_prefix, "/api");
  EXPECT_THAT(api.methods, ElementsAre("GET", "POST"));
  EXPECT_THAT(api.headers, ElementsAre(HeaderMatch{.name = "x-tenant", .value = "blue"},
                                       HeaderMatch{.name = "upgrade", .value = ""}));
  EXPECT_EQ(api.policy, RoutePolicy::whitelisted);
  EXPECT_EQ(api.pool, "app");
  EXPECT_EQ(api.strip_prefix, "/api");
  EXPECT_EQ(api.add_prefix, "/v1");
  using Kind = HeaderChange::Kind;
  EXPECT_THAT(api.request_headers,
              ElementsAre(HeaderChange{.kind = Kind::set, .name = "X-Env", .value = "prod"},
                          HeaderChange{.kind = Kind::add, .name = "X-A", .value = "b, c"},
                          HeaderChange{.kind = Kind::remove, .name = "Cookie", .value = ""}));
  EXPECT_EQ(api.response_headers.size(), 2U);
  EXPECT_EQ(api.max_request_body, 10'000'000U);
  EXPECT_EQ(api.max_response_body, std::uint64_t{1} << 30);
  EXPECT_FALSE(api.preserve_host);
  const HttpRoute& fixed = loaded->config.http.routes[1];
  EXPECT_EQ(fixed.name, "route-2");
  EXPECT_EQ(fixed.path_prefix, "") << "/ is every path";
  EXPECT_EQ(fixed.policy, RoutePolicy::open);
  EXPECT_EQ(fixed.respond, 404U);
  EXPECT_EQ(fixed.respond_body, "<p>Nothing here.</p>\n");
  EXPECT_EQ(fixed.respond_type, "text/html");
  EXPECT_TRUE(fixed.preserve_host);
  EXPECT_EQ(loaded->config.http.routes[2].redirect, "https://www.example.net{uri}");
  const auto& whitelists = loaded->config.http.whitelists;
  ASSERT_EQ(whitelists.size(), 3U);
  EXPECT_EQ(whitelists[0].addresses.size(), 1U);
  EXPECT_EQ(whitelists[1].file, (folder.path() / "office.txt").string());
  EXPECT_THAT(whitelists[2].command, ElementsAre("/bin/echo", "192.0.2.1"));
  EXPECT_EQ(whitelists[2].interval_ms, 300'000U);
}

TEST(HttpLoad, TheReportTellsOfTheDoor) {
  testing::TemporaryFolder folder;
  const std::string path = folder.write("t.toml", every_key(folder));
  EXPECT_THAT(check_file(path, {}).text,
              HasSubstr("t.toml is good: HTTP on 0.0.0.0:443 (TLS), [::]:443 (TLS), "
                        "unix:/run/web.sock (TLS), systemd:web (TLS), 0.0.0.0:80, 1 certificate, "
                        "3 routes, 2 pools, 3 whitelists.\n"));
  const auto loaded = load_file(path, {});
  ASSERT_TRUE(loaded);
  std::string lines;
  for (const std::string& line : redacted_lines(loaded->config)) lines += line + '\n';
  EXPECT_THAT(lines, HasSubstr("http.max_header_octets = \"32KiB\"\n"));
  EXPECT_THAT(lines, HasSubstr("http.route[1].hosts = [\"api.example.net\", \"*.example.org\", "
                               "\"[2001:db8::1]\"]\n"));
  EXPECT_THAT(lines, HasSubstr("http.pool[1].servers = [\"10.0.0.1:8080 weight=3\", "));
  EXPECT_THAT(lines, HasSubstr("http.route[2].respond = 404\n"));
  EXPECT_THAT(lines, ::testing::Not(HasSubstr("client"))) << "there is no RADIUS door";
}

}  // namespace
}  // namespace sallyport::config
