// Pre-shared keys of RADIUS over TLS: which belong together, and what is wrong with one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/config/config_testing.h"

namespace sallyport::config {
namespace {

using ::testing::HasSubstr;
using testing::joined;
using testing::kGood;
using testing::load;
using ::testing::Not;

constexpr std::string_view kKey = "psk_identity = \"wifi\"\npsk = \"0123456789abcdef\"\n";
constexpr std::string_view kListener = "[[radsec.listener]]\nlisten = [\"127.0.0.1:2083\"]\n";

std::string client(std::string_view keys, std::string_view name = "wifi") {
  return "[[radsec.client]]\nname = \"" + std::string(name) + "\"\n" + std::string(keys);
}

std::string mistakes(std::string_view more) {
  const auto loaded = load(std::string(kGood) + std::string(more));
  return loaded ? "none" : joined(loaded.error());
}

std::string listener(std::string_view keys = {}) {
  return std::string(kListener) + std::string(keys);
}

TEST(RadsecKeys, AClientWithAKeyNeedsNoCertificates) {
  const auto loaded = load(std::string(kGood) + listener() + client(kKey));
  ASSERT_TRUE(loaded) << joined(loaded.error());
  const RadsecClient& wifi = loaded->config.radsec.clients.at(0);
  EXPECT_EQ(wifi.psk_identity, "wifi");
  EXPECT_EQ(psk_octets(wifi.psk), Secret("0123456789abcdef"));
}

TEST(RadsecKeys, AreOctetsBehindHex) {
  EXPECT_EQ(psk_octets(Secret("hex:00ffAb")), Secret(std::string_view("\0\xff\xab", 3)));
  EXPECT_FALSE(check_psk(Secret("hex:000102030405060708090a0b0c0d0e0f")));
  EXPECT_FALSE(check_psk(Secret(std::string(256, 'x'))));
  for (const std::string& bad :
       {std::string("fifteen octets."), std::string(257, 'x'), std::string("hex:"),
        std::string("hex:000102030405060708090a0b0c0d0e0"),
        std::string("hex:000102030405060708090a0b0c0d0eg0"),
        std::string("hex:000102030405060708090a0b0c0d0e")}) {
    EXPECT_TRUE(check_psk(Secret(bad))) << bad;
  }
}

TEST(RadsecKeys, AreNotShownInMistakes) {
  const std::string said = mistakes(
      listener() + client("psk_identity = \"wifi\"\npsk = \"hex:5ec2e7but-no-hexadecimal\"\n"));
  EXPECT_THAT(said, HasSubstr("radsec.client.psk: is not an even number of hexadecimal digits"));
  EXPECT_THAT(said, Not(HasSubstr("5ec2e7")));
}

TEST(RadsecKeys, BelongToAnIdentityOfTheirOwn) {
  EXPECT_THAT(mistakes(listener() + client("psk = \"0123456789abcdef\"\n")),
              HasSubstr("radsec.client.psk_identity: is missing"));
  EXPECT_THAT(mistakes(listener() + client("psk_identity = \"wifi\"\n")),
              HasSubstr("radsec.client.psk: is missing"));
  EXPECT_THAT(mistakes(listener() + client(kKey) + client(kKey, "other")),
              HasSubstr("psk_identity: is that of client \"wifi\", too"));
  EXPECT_THAT(mistakes(listener() + client("psk_identity = \"" + std::string(129, 'x') +
                                           "\"\npsk = \"0123456789abcdef\"\n")),
              HasSubstr("radsec.client.psk_identity"));
}

TEST(RadsecKeys, AClientHasOneOfTheTwo) {
  EXPECT_THAT(mistakes(listener() + client("")),
              HasSubstr("radsec.client.certificate: is missing"));
  EXPECT_THAT(mistakes(listener() + client(std::string(kKey) + "certificate = [\"cn:a\"]\n")),
              HasSubstr("radsec.client.psk: stands beside certificate"));
}

TEST(RadsecKeys, CertificatesNeedAListenerThatHasThem) {
  const std::string certified = client("certificate = [\"cn:a\"]\n", "certified");
  EXPECT_THAT(mistakes(listener() + certified),
              HasSubstr("radsec.listener.certificate_file: is missing"));
  EXPECT_THAT(mistakes(listener() + client(kKey) + certified),
              HasSubstr("is of no use: no [[radsec.listener]] has certificates"));
  const testing::TemporaryFolder folder;
  const std::string file = folder.write("ca.pem", "x");
  EXPECT_THAT(mistakes(listener("ca_file = \"" + file + "\"\n") + client(kKey)),
              HasSubstr("radsec.listener.key_file: is missing"));
}

std::string server(std::string_view keys) {
  return R"([[client]]
name = "vpn"
addresses = ["192.0.2.0/24"]
secret = "0123456789abcdef"
[notakey]
host = "https://demo.notakey.com"
access_id = "235879a9"
[[downstream.server]]
name = "one"
address = "192.0.2.200"
)" + std::string(keys);
}

std::string server_mistakes(std::string_view keys) {
  const auto loaded = load(server(keys));
  return loaded ? "none" : joined(loaded.error());
}

TEST(RadsecKeys, OfAServer) {
  const auto loaded = load(server("transport = \"tls\"\n" + std::string(kKey)));
  ASSERT_TRUE(loaded) << joined(loaded.error());
  EXPECT_EQ(loaded->config.downstream.servers.at(0).tls.psk_identity, "wifi");
  EXPECT_THAT(server_mistakes("secret = \"0123456789abcdef\"\n" + std::string(kKey)),
              HasSubstr("downstream.server.psk: is of no use by UDP"));
  EXPECT_THAT(server_mistakes("transport = \"tls\"\npsk_identity = \"wifi\"\n"),
              HasSubstr("downstream.server.psk: is missing"));
  EXPECT_THAT(server_mistakes("transport = \"tls\"\npsk_identity = \"a\"\npsk = \"too short\"\n"),
              HasSubstr("downstream.server.psk: has 9 octets, and must have 16 to 256"));
  EXPECT_THAT(
      server_mistakes("transport = \"tls\"\nserver_name = \"a.test\"\n" + std::string(kKey)),
      HasSubstr("downstream.server.server_name: is of no use beside psk"));
  EXPECT_THAT(server_mistakes("transport = \"tls\"\nradius_1_1 = true\n" + std::string(kKey)),
              HasSubstr("radius_1_1: cannot be had with psk"));
}

}  // namespace
}  // namespace sallyport::config
