// What a client of RADIUS over TLS needs beside what HTTP does: a certificate of its own, protocols
// of its choice, and rules of its owner's in the place of a name.

#include <gtest/gtest.h>

#include "engine/ring/tls.h"
#include "tests/engine/ring/tls_world.h"

namespace sallyport::ring {
namespace {

class TlsClientIdentity : public testing::Test {
 protected:
  std::shared_ptr<TlsServerContext> serve(const CertificateWish& wish) {
    return TlsServerContext::load(
               {.certificates = {authority_.issue_files(folder_, "served", wish)},
                .protocols = {{.name = "radius/1.1", .needs_tls13 = true}, {.name = "radius/1.0"}},
                .client_ca_file = folder_.write("clients.pem", clients_.pem())},
               nullptr, 0)
        ->context;
  }
  TlsClientPlan plan() {
    const TlsCertificateFiles own = clients_.issue_files(folder_, "own", {.names = {"own.test"}});
    return {.ca_file = folder_.write("ca.pem", authority_.pem()),
            .protocols = {"radius/1.1", "radius/1.0"},
            .certificate_file = own.certificate_file,
            .key_file = own.key_file,
            .max_cached_servers = 0};
  }
  static Pair pair_of(const TlsClientPlan& plan, const TlsServerContext& server,
                      std::string_view name = "served.test") {
    const auto client = TlsClientContext::load(plan);
    EXPECT_TRUE(client) << client.error();
    return {.client = (*client)->open(*Endpoint::parse("192.0.2.1:2083", 0), name),
            .server = server.open()};
  }

  TemporaryFolder folder_;
  TestAuthority authority_;
  TestAuthority clients_;
};

TEST_F(TlsClientIdentity, ShowsItsCertificateAndTakesTheProtocolThatBothLikeBest) {
  const auto server = serve({.names = {"served.test"}});
  Pair pair = pair_of(plan(), *server);
  ASSERT_TRUE(pair.shake_hands()) << pair.client.error_text() << pair.server.error_text();
  EXPECT_FALSE(pair.server.peer_certificate().empty());
  EXPECT_EQ(pair.client.alpn(), "radius/1.1");
  TlsClientPlan older = plan();
  older.protocols = {"radius/1.0"};
  Pair second = pair_of(older, *server);
  ASSERT_TRUE(second.shake_hands());
  EXPECT_EQ(second.client.alpn(), "radius/1.0");
  EXPECT_FALSE(second.client.resumed());
}

TEST_F(TlsClientIdentity, IsRefusedWithoutACertificateOrWithAStrangers) {
  const auto server = serve({.names = {"served.test"}});
  TlsClientPlan bare = plan();
  bare.certificate_file.clear();
  Pair pair = pair_of(bare, *server);
  EXPECT_FALSE(pair.shake_hands());
  TlsClientPlan strange = plan();
  const TestAuthority strangers;
  const TlsCertificateFiles own = strangers.issue_files(folder_, "strange", {.names = {"x.test"}});
  strange.certificate_file = own.certificate_file;
  strange.key_file = own.key_file;
  Pair other = pair_of(strange, *server);
  EXPECT_FALSE(other.shake_hands());
  EXPECT_EQ(other.server.error(), TlsError::certificate);
}

TlsPsk key(std::string identity, std::string_view octets = "sixteen octets, or more of them") {
  return {.identity = std::move(identity), .key = Secret(octets)};
}

TEST_F(TlsClientIdentity, IsAKeyInThePlaceOfCertificates) {
  const TlsServerPlan served = {
      .certificates = {}, .protocols = {{.name = "radius/1.0"}}, .keys = {key("one"), key("two")}};
  const auto server = TlsServerContext::load(served, nullptr, 0)->context;
  const TlsClientPlan ours = {
      .protocols = {"radius/1.0"}, .key = key("two"), .max_cached_servers = 0};
  Pair pair = pair_of(ours, *server, "192.0.2.1");
  ASSERT_TRUE(pair.shake_hands()) << pair.client.error_text() << pair.server.error_text();
  EXPECT_EQ(pair.server.psk_peer().identity, "two");
  EXPECT_EQ(pair.client.psk_peer().identity, "");
  EXPECT_TRUE(pair.server.peer_certificate().empty());
  EXPECT_EQ(pair.client.version(), "TLSv1.2");
  EXPECT_EQ(pair.client.cipher(), "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256");
  EXPECT_EQ(pair.client.alpn(), "radius/1.0");
  ASSERT_EQ(pair.send(pair.client, "hello"), TlsStatus::ok);
  EXPECT_EQ(pair.read(pair.server), "hello");
}

TEST_F(TlsClientIdentity, AWrongKeyAnUnknownNameAndNoKeyAreRefused) {
  const auto server =
      TlsServerContext::load({.certificates = {}, .keys = {key("one")}}, nullptr, 0)->context;
  for (const TlsPsk& wrong : {key("one", "another key of some octets"), key("other")}) {
    Pair pair = pair_of({.key = wrong}, *server);
    EXPECT_FALSE(pair.shake_hands()) << wrong.identity;
    // One that nobody has is told to who asks, for the log.
    EXPECT_EQ(pair.server.psk_peer().identity, wrong.identity == "other" ? "other" : "");
    EXPECT_FALSE(pair.server.established());
  }
  Pair certified = pair_of(plan(), *server);
  EXPECT_FALSE(certified.shake_hands());
  // And a client with a key takes no certificate for it, however good.
  Pair keyed = pair_of({.key = key("one")}, *serve({.names = {"served.test"}}));
  EXPECT_FALSE(keyed.shake_hands());
}

TEST_F(TlsClientIdentity, KeysAndCertificatesCanBeServedTogether) {
  const auto server = TlsServerContext::load(
      {.certificates = {authority_.issue_files(folder_, "served", {.names = {"served.test"}})},
       .protocols = {{.name = "radius/1.1", .needs_tls13 = true}, {.name = "radius/1.0"}},
       .client_ca_file = folder_.write("clients.pem", clients_.pem()),
       .keys = {key("one"), key("two", "the second key's own octets")}},
      nullptr, 0);
  ASSERT_TRUE(server);
  Pair certified = pair_of(plan(), *server->context);
  ASSERT_TRUE(certified.shake_hands()) << certified.server.error_text();
  EXPECT_EQ(certified.client.version(), "TLSv1.3");
  EXPECT_EQ(certified.client.alpn(), "radius/1.1");
  EXPECT_EQ(certified.server.psk_peer().identity, "");
  EXPECT_FALSE(certified.server.peer_certificate().empty());
  TlsClientPlan bare = plan();
  bare.certificate_file.clear();
  Pair nobody = pair_of(bare, *server->context);
  EXPECT_FALSE(nobody.shake_hands());

  Pair one = pair_of({.protocols = {"radius/1.0"}, .key = key("one")}, *server->context);
  ASSERT_TRUE(one.shake_hands()) << one.server.error_text();
  Pair two =
      pair_of({.protocols = {"radius/1.0"}, .key = key("two", "the second key's own octets")},
              *server->context);
  ASSERT_TRUE(two.shake_hands()) << two.server.error_text();
  EXPECT_EQ(one.server.psk_peer().identity, "one");
  EXPECT_EQ(two.server.psk_peer().identity, "two");
  EXPECT_NE(one.server.psk_peer().key_sha256, two.server.psk_peer().key_sha256);
}

/// As OpenSSL's clients do: they offer TLS 1.3, too, in which nobody would know their key.
TEST_F(TlsClientIdentity, WhoOffersAKeyIsServedByTheVersionThatHasIt) {
  const auto server = TlsServerContext::load(
      {.certificates = {authority_.issue_files(folder_, "served", {.names = {"served.test"}})},
       .client_ca_file = folder_.write("clients.pem", clients_.pem()),
       .keys = {key("one")}},
      nullptr, 0);
  ASSERT_TRUE(server);
  Stranger stranger;
  SSL_CTX_set_psk_client_callback(stranger.context(),
                                  [](SSL* /*ssl*/, const char* /*hint*/, char* identity,
                                     unsigned identity_room, std::uint8_t* out, unsigned room) {
                                    const TlsPsk ours = key("one");
                                    identity[ours.identity.copy(identity, identity_room)] = '\0';
                                    copy_octets(ours.key.reveal(), MutableOctets(out, room));
                                    return static_cast<unsigned>(ours.key.size());
                                  });
  TlsSession session = server->context->open();
  ASSERT_TRUE(stranger.shake_hands(session)) << session.error_text();
  EXPECT_EQ(session.version(), "TLSv1.2");
  EXPECT_EQ(session.psk_peer().identity, "one");
}

TEST_F(TlsClientIdentity, LeavesTheNameToItsOwnerWhereThatIsWanted) {
  const auto server = serve({.names = {"other.test"}});
  TlsClientPlan unnamed = plan();
  unnamed.verifies_name = false;
  Pair pair = pair_of(unnamed, *server);
  EXPECT_TRUE(pair.shake_hands()) << pair.client.error_text();
  EXPECT_EQ(pair.server.sni(), "served.test");
  // But nobody else's signature is good enough for that.
  const TestAuthority strangers;
  unnamed.ca_file = folder_.write("strangers.pem", strangers.pem());
  Pair other = pair_of(unnamed, *server);
  EXPECT_FALSE(other.shake_hands());
  EXPECT_EQ(other.client.certificate_fault(), TlsCertificateFault::untrusted);
}

TEST_F(TlsClientIdentity, TellsWhatIsWrongWithACertificate) {
  const auto fault = [&](const CertificateWish& wish, std::string_view name) {
    Pair pair = pair_of(plan(), *serve(wish), name);
    EXPECT_FALSE(pair.shake_hands());
    return pair.client.certificate_fault();
  };
  EXPECT_EQ(fault({.names = {"served.test"}}, "other.test"), TlsCertificateFault::name);
  EXPECT_EQ(fault({.names = {"served.test"}}, "192.0.2.1"), TlsCertificateFault::name);
  EXPECT_EQ(fault({.names = {"served.test"}, .ends_s = -10}, "served.test"),
            TlsCertificateFault::expired);
  EXPECT_EQ(fault({.names = {"served.test"}, .begins_s = 1'000}, "served.test"),
            TlsCertificateFault::expired);
}

TEST_F(TlsClientIdentity, SaysWhichFileCannotBeUsed) {
  TlsClientPlan wrong = plan();
  wrong.key_file = folder_.write("empty.key", "");
  const auto loaded = TlsClientContext::load(wrong);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().find("empty.key"), std::string::npos) << loaded.error();
}

}  // namespace
}  // namespace sallyport::ring
