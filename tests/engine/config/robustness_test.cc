// Files that nobody would write: the loader answers with mistakes, never with a crash.

#include <random>

#include <gtest/gtest.h>

#include "engine/config/address_secret.h"
#include "engine/config/duration.h"
#include "engine/config/reference.h"
#include "engine/config/size.h"
#include "tests/engine/config/config_testing.h"

namespace sallyport::config {
namespace {

using testing::load;

TEST(Robustness, RandomOctetsDoNotCrash) {
  std::mt19937 random(1);
  for (int round = 0; round < 2'000; ++round) {
    std::string text(random() % 200, '\0');
    for (char& c : text) c = static_cast<char>(random());
    (void)load(text);
    (void)parse_address_secrets(text);
    (void)parse_duration_ms(text);
    (void)parse_seconds_ms(text);
    (void)parse_size(text);
  }
}

/// An HTTP door with something of each kind of value.
constexpr std::string_view kDoor = R"([http]
trusted_proxies = ["10.0.0.0/8"]
gate_path = "/gate"
max_header_octets = "16KiB"
[[http.listener]]
listen = [":80", "unix:/run/w.sock", "systemd:web", "[::1]:8080"]
proxy_protocol = "required"
[[http.pool]]
name = "app"
servers = ["10.0.0.1:8080 weight=3 backup", "unix:/a", "[2001:db8::1]:80 drain", "app"]
health_path = "/up?a=1"
[[http.route]]
hosts = ["*.example.net", "192.0.2.1", "[2001:db8::1]"]
path_prefix = "/a/b%20c"
methods = ["GET"]
headers = ["X-A: b", "Upgrade"]
pool = "app"
request_headers = ["set X-A: b", "remove Cookie"]
max_request_body = "1MB"
[[http.route]]
redirect = "https://{host}{uri}"
[[http.whitelist]]
name = "w"
command = ["/bin/true", "x"]
)";

void spoil_and_load(const std::string& good, std::uint32_t seed) {
  std::mt19937 random(seed);
  constexpr std::string_view kOctets = "[]{}=\"'\\#.,:-+_0129abetxf \n\t\r\xff";
  for (int round = 0; round < 3'000; ++round) {
    std::string text = good;
    for (int damage = 0; damage < 1 + round % 4; ++damage) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0: text[at] = kOctets[random() % kOctets.size()]; break;
        case 1: text.erase(at, random() % 8); break;
        case 2: text.insert(at, text.substr(random() % text.size(), random() % 16)); break;
      }
      if (text.empty()) text = "x";
    }
    const auto loaded = load(text);
    EXPECT_TRUE(loaded || !loaded.error().empty());
  }
}

TEST(Robustness, SpoiledFilesDoNotCrash) { spoil_and_load(std::string(testing::kGood), 2); }

TEST(Robustness, SpoiledHttpDoorsDoNotCrash) {
  ASSERT_TRUE(load(kDoor)) << testing::joined(load(kDoor).error());
  spoil_and_load(std::string(kDoor), 3);
}

TEST(Robustness, DeepNestingIsRefused) {
  EXPECT_FALSE(load("a = " + std::string(100'000, '[')));
  EXPECT_FALSE(load("a = " + std::string(1'000, '[') + std::string(1'000, ']')));
  std::string tables = "[a";
  for (int i = 0; i < 1'000; ++i) tables += ".a";
  EXPECT_FALSE(load(tables + "]\n"));
}

TEST(Robustness, ManyClientsLoad) {
  std::string text(testing::kGood);
  for (int i = 0; i < 3'000; ++i) {
    text += "[[client]]\nname = \"c" + std::to_string(i) + "\"\naddresses = [\"10." +
            std::to_string(i / 250) + "." + std::to_string(i % 250) +
            ".1\"]\nsecret = \"0123456789abcdef\"\n";
  }
  const auto loaded = load(text);
  ASSERT_TRUE(loaded) << testing::joined(loaded.error());
  EXPECT_EQ(loaded->config.clients.size(), 3'001U);
}

}  // namespace
}  // namespace sallyport::config
