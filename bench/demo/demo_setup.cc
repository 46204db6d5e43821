#include "bench/demo/demo_setup.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/simulators/descriptor.h"
#include "bench/simulators/request_store.h"
#include "bench/simulators/text.h"

namespace sallyport::lab {
namespace {

constexpr std::uint32_t kLoopback = 0x7f000001;
constexpr std::uint16_t kPorts = 5;

/// A port that is free for both UDP and TCP at this moment. Another program may take it before the
/// daemon does: then the daemon says so, and the demo ends.
std::expected<std::uint16_t, std::string> free_port() {
  for (int attempt = 0; attempt < 16; ++attempt) {
    sockaddr_storage address{};
    socklen_t length = Endpoint{.address = IpAddress::v4(kLoopback), .port = 0}.fill(address);
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    const Descriptor udp(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const Descriptor tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!udp || !tcp || ::bind(udp.get(), raw, length) != 0) break;
    if (::getsockname(udp.get(), raw, &length) != 0) break;
    if (::bind(tcp.get(), raw, length) == 0) return Endpoint::from(raw).port;
  }
  return std::unexpected("no free port on 127.0.0.1");
}

}  // namespace

std::expected<DemoPorts, std::string> choose_ports(std::uint16_t base) {
  if (base > UINT16_MAX - kPorts)
    return std::unexpected(fmt::format("--port-base {} leaves no room for {} ports", base, kPorts));
  std::uint16_t chosen[kPorts] = {};
  for (std::uint16_t i = 0; i < kPorts; ++i) {
    if (base != 0) {
      chosen[i] = static_cast<std::uint16_t>(base + i);
      continue;
    }
    // The simulators take theirs themselves, with port 0; the others are chosen for the daemon.
    if (i == 1 || i == 2) continue;
    const auto port = free_port();
    if (!port) return std::unexpected(port.error());
    chosen[i] = *port;
  }
  const IpAddress loopback = IpAddress::v4(kLoopback);
  return DemoPorts{.radius = {loopback, chosen[0]},
                   .downstream = {loopback, chosen[1]},
                   .phone = {loopback, chosen[2]},
                   .admin = {loopback, chosen[3]},
                   .web = {loopback, chosen[4]}};
}

DemoSecrets DemoSecrets::random() {
  return {.downstream = std::string(Uuid::random().view()),
          .notakey_client = std::string(Uuid::random().view())};
}

std::string demo_config(const DemoPorts& ports, const DemoSecrets& secrets,
                        const std::string& control_socket) {
  return fmt::format(R"([engine]
shards = 1
pin = false

[radius]
listen = ["{}"]

[[client]]
name = "demo"
addresses = ["127.0.0.0/8"]
secret = "{}"

[downstream]
address = "{}"
secret = "{}"

[notakey]
host = "http://{}"
version = "v3"
access_id = "{}"
client_id = "{}"
client_secret = "{}"
action = "VPN login"
description = "Log in as {{user}} from {{address}}?"
ttl = "60s"

# Whoever plays with the demo logs in and denies it more often than any user would.
[second_factor.limits]
user = "off"
user_long = "off"
pair = "off"
cool_down = "0s"

[http]
control_socket = "{}"
access_log = true

[[http.listener]]
listen = ["{}"]

# What stands behind the door.
[[http.route]]
name = "page"
hosts = ["127.0.0.1"]
policy = "second_factor"
respond = 200
respond_type = "text/html; charset=utf-8"
respond_body = "<!doctype html><title>Let in</title><h1>You are let in</h1><p>This page is behind the HTTP door.</p>"

# How a visitor gets in by himself: as alice, or as bob, on the demo's phone.
[gate]
factors = ["push"]
issuer = "sallyport's demo"
url = "http://{}"
insecure_cookie = true

[[gate.directory]]
name = "users"
type = "list"

[[gate.directory.user]]
id = "alice"

[[gate.directory.user]]
id = "bob"

[store]
type = "memory"

[admin]
listen = "{}"

[log]
format = "json"
)",
                     ports.radius.text(), secrets.client, ports.downstream.text(),
                     secrets.downstream, ports.phone.text(), kDemoServiceId, kDemoClientId,
                     secrets.notakey_client, control_socket, ports.web.text(), ports.web.text(),
                     ports.admin.text());
}

std::expected<std::string, std::string> find_sallyport(const std::string& given) {
  std::string path = given;
  if (path.empty()) {
    std::error_code error;
    path = (std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "sallyport")
               .string();
  }
  if (::access(path.c_str(), X_OK) == 0) return path;
  return std::unexpected(fmt::format(
      "{} is not there: build it (scripts/run does), or name it with --sallyport", path));
}

bool is_installed(const std::string& program) {
  const char* variable = std::getenv("PATH");
  std::string_view folders = variable == nullptr ? "" : variable;
  while (!folders.empty()) {
    const std::string_view folder = folders.substr(0, folders.find(':'));
    folders.remove_prefix(std::min(folders.size(), folder.size() + 1));
    if (::access(fmt::format("{}/{}", folder, program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

}  // namespace sallyport::lab
