#include "engine/radius/radsec_clients.h"

#include <gtest/gtest.h>
#include <openssl/sha.h>

namespace sallyport::radius_door {
namespace {

config::RadsecClient client(std::string name, std::initializer_list<std::string_view> rules,
                            std::vector<Prefix> addresses = {}) {
  config::RadsecClient made{.name = std::move(name), .certificate = {}, .addresses = addresses};
  for (const std::string_view rule : rules) {
    EXPECT_FALSE(config::add_certificate_rule(rule, made.certificate).has_value()) << rule;
  }
  return made;
}

const IpAddress kAddress = *IpAddress::parse("192.0.2.7");

std::string found(const RadsecClients& clients, const ring::TlsPeer& peer,
                  const IpAddress& address = kAddress) {
  const ClientEntry* const entry = clients.find(peer, address);
  return entry == nullptr ? "" : std::string(entry->name());
}

TEST(RadsecClients, TheFirstThatFits) {
  const RadsecClients clients({client("one", {"dns:a.example.net", "cn:b"}),
                               client("two", {"dns:*.example.net"}), client("three", {"cn:b"})});
  EXPECT_EQ(found(clients, {.dns_names = {"x.org", "a.example.net"}}), "one");
  EXPECT_EQ(found(clients, {.dns_names = {"b.example.net"}}), "two");
  EXPECT_EQ(found(clients, {.common_name = "b"}), "one");
  EXPECT_EQ(found(clients, {}), "");
}

TEST(RadsecClients, AWildcardIsOneLabel) {
  const RadsecClients clients({client("one", {"dns:*.Example.net"})});
  for (const char* name : {"example.net", ".example.net", "a.b.example.net", "aexample.net"}) {
    EXPECT_EQ(found(clients, {.dns_names = {name}}), "") << name;
  }
  // A certificate's own wildcard is a name like any other.
  EXPECT_EQ(found(clients, {.dns_names = {"*.example.net"}}), "one");
  EXPECT_EQ(found(RadsecClients({client("one", {"dns:a.example.net"})}),
                  {.dns_names = {"*.example.net"}}),
            "");
}

TEST(RadsecClients, KindsAreNotMixed) {
  const RadsecClients clients(
      {client("one", {"dns:name", "uri:urn:name"}), client("two", {"cn:other"})});
  EXPECT_EQ(found(clients, {.common_name = "name"}), "");
  EXPECT_EQ(found(clients, {.uris = {"name"}, .common_name = "urn:name"}), "");
  EXPECT_EQ(found(clients, {.uris = {"urn:name"}}), "one");
  EXPECT_EQ(found(clients, {.dns_names = {"other"}}), "");
}

TEST(RadsecClients, AFingerprintAndAnAddress) {
  std::string text = "sha256:";
  ring::TlsPeer peer;
  for (std::size_t i = 0; i < peer.sha256.size(); ++i) {
    peer.sha256[i] = static_cast<std::uint8_t>(0xa0 + i);
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    (text += kDigits[peer.sha256[i] >> 4]) += kDigits[peer.sha256[i] & 15];
    if (i + 1 < peer.sha256.size()) text += ':';
  }
  const RadsecClients clients({client("one", {text}, {*Prefix::parse("192.0.2.0/24")})});
  EXPECT_EQ(found(clients, peer), "one");
  EXPECT_EQ(found(clients, peer, *IpAddress::parse("198.51.100.1")), "");
  peer.sha256[31] ^= 1;
  EXPECT_EQ(found(clients, peer), "");
}

TEST(RadsecClients, TheSecretIsRadsecAndUdpsRulesAreNotApplied) {
  const RadsecClients clients({client("one", {"cn:a"})});
  const ClientEntry* const entry = clients.find({.common_name = "a"}, kAddress);
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(as_text(entry->key.secret()), "radsec");
  EXPECT_EQ(entry->require_message_authenticator, config::RequireMessageAuthenticator::no);
  EXPECT_FALSE(entry->limit_proxy_state);
}

TEST(CertificateRule, WhatIsNoneIsRefused) {
  std::vector<config::CertificateRule> rules;
  for (const char* text : {"", "wifi.example.net", "dns:", "dns:a b", "dns:*", "cn:", "sha256:00",
                           "sha256:zz", "uri:a\nb", "DNS:a"}) {
    EXPECT_TRUE(config::add_certificate_rule(text, rules).has_value()) << text;
  }
  EXPECT_TRUE(rules.empty());
  EXPECT_FALSE(config::add_certificate_rule("dns:*.Example.NET", rules).has_value());
  EXPECT_EQ(text_of(rules[0]), "dns:*.example.net");
}

ring::TlsPeer with_key(std::string identity, std::string_view octets) {
  ring::TlsPeer peer{.psk_identity = std::move(identity)};
  SHA256(as_octets(octets).data(), octets.size(), peer.sha256.data());
  return peer;
}

TEST(RadsecClients, AKey) {
  config::RadsecClient one = client("one", {});
  one.psk_identity = "wifi";
  one.psk = Secret("the first key's octets");
  config::RadsecClient two = client("two", {}, {{.address = kAddress, .length = 128}});
  two.psk_identity = "vpn";
  two.psk = Secret("hex:000102030405060708090a0b0c0d0e0F");
  const RadsecClients clients({client("zero", {"cn:wifi"}), one, two});
  EXPECT_EQ(found(clients, with_key("wifi", "the first key's octets")), "one");
  // Its key has been changed since.
  EXPECT_EQ(found(clients, with_key("wifi", "an older key's octets!")), "");
  EXPECT_EQ(found(clients, with_key("vpn", "the first key's octets")), "");
  const std::string_view octets("\0\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf", 16);
  EXPECT_EQ(found(clients, with_key("vpn", octets)), "two");
  EXPECT_EQ(found(clients, with_key("vpn", octets), *IpAddress::parse("192.0.2.8")), "");
  // Certificates are no keys.
  EXPECT_EQ(found(clients, {.common_name = "wifi"}), "zero");
  EXPECT_EQ(found(RadsecClients({one}), {}), "");
}

}  // namespace
}  // namespace sallyport::radius_door
