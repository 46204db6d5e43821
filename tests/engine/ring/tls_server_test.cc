#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "engine/ring/tls.h"
#include "tests/engine/ring/tls_world.h"

namespace sallyport::ring {
namespace {

using namespace std::string_view_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kHourS = 3600;

class TlsServer : public testing::Test {
 protected:
  std::shared_ptr<TlsServerContext> load(const TlsServerPlan& plan) {
    auto loaded = TlsServerContext::load(plan, tickets_, std::time(nullptr));
    EXPECT_TRUE(loaded) << loaded.error();
    EXPECT_THAT(loaded->warnings, IsEmpty());
    return loaded->context;
  }
  std::string load_error(const TlsCertificateFiles& files) {
    const auto loaded = TlsServerContext::load({.certificates = {files}}, tickets_, 0);
    if (loaded) return "";
    EXPECT_EQ(loaded.error().find('\n'), std::string::npos);
    return loaded.error();
  }
  std::vector<std::string> warnings(const TlsCertificateFiles& files, std::int64_t in_s = 0) {
    const auto loaded =
        TlsServerContext::load({.certificates = {files}}, tickets_, std::time(nullptr) + in_s);
    EXPECT_TRUE(loaded) << loaded.error();
    return loaded->warnings;
  }
  TlsCertificateFiles files(std::string_view file, const CertificateWish& wish) {
    return authority_.issue_files(folder_, file, wish);
  }

  TemporaryFolder folder_;
  TestAuthority authority_;
  SystemRandom random_;
  std::shared_ptr<TicketKeys> tickets_ = std::make_shared<TicketKeys>(0, random_);
};

TEST_F(TlsServer, ChoosesTheCertificateByName) {
  const auto server = load({.certificates = {files("first", {.names = {"first.test"}}),
                                             files("wild", {.names = {"*.wild.test"}}),
                                             files("exact", {.names = {"exact.wild.test"}})}});
  const struct {
    std::string_view asked;
    std::string_view shown;
  } cases[] = {
      {"first.test", "first.test"},
      {"exact.wild.test", "exact.wild.test"},
      {"EXACT.Wild.Test", "exact.wild.test"},
      {"exact.wild.test.", "exact.wild.test"},
      {"any.wild.test", "any.wild.test"},
      {"two.labels.wild.test", "first.test"},
      {"wild.test", "first.test"},
      {"unknown.test", "first.test"},
      {"../../etc/passwd", "first.test"},
      {"", "first.test"},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.asked);
    Stranger visitor;
    if (!each.asked.empty()) visitor.name(each.asked);
    TlsSession session = server->open();
    ASSERT_TRUE(visitor.shake_hands(session)) << session.error_text();
    EXPECT_TRUE(visitor.shown(each.shown));
    EXPECT_EQ(session.sni(), each.asked);
    // An exact name goes before the wildcard that would do as well.
    EXPECT_EQ(visitor.shown("other.wild.test"), each.asked == "any.wild.test");
  }
}

TEST_F(TlsServer, ChoosesTheKindOfKeyThatTheVisitorCanCheck) {
  const auto rsa = files("rsa", {.names = {"twin.test"}, .kind = KeyKind::rsa});
  const auto ecdsa = files("ecdsa", {.names = {"twin.test"}});
  for (const auto& order : {std::vector{rsa, ecdsa}, std::vector{ecdsa, rsa}}) {
    const auto server = load({.certificates = order});
    for (const std::string_view name : {"twin.test", "someone.else"}) {
      SCOPED_TRACE(name);
      Stranger modern;
      modern.name(name);
      TlsSession first = server->open();
      ASSERT_TRUE(modern.shake_hands(first)) << first.error_text();
      EXPECT_EQ(modern.key_type(), EVP_PKEY_EC);

      constexpr std::uint16_t kRsaOnly[] = {SSL_SIGN_RSA_PSS_RSAE_SHA256,
                                            SSL_SIGN_RSA_PKCS1_SHA256};
      TlsSession second = server->open();
      Stranger old;
      SSL_CTX_set_verify_algorithm_prefs(old.context(), kRsaOnly, 2);
      old.name(name);
      ASSERT_TRUE(old.shake_hands(second)) << second.error_text();
      EXPECT_EQ(old.key_type(), EVP_PKEY_RSA);

      Stranger old_suites;  // TLS 1.2 with ECDSA signatures, but without a suite that uses them
      SSL_CTX_set_max_proto_version(old_suites.context(), TLS1_2_VERSION);
      ASSERT_EQ(SSL_CTX_set_strict_cipher_list(old_suites.context(), "ECDHE-RSA-AES128-GCM-SHA256"),
                1);
      old_suites.name(name);
      TlsSession third = server->open();
      ASSERT_TRUE(old_suites.shake_hands(third)) << third.error_text();
      EXPECT_EQ(old_suites.key_type(), EVP_PKEY_RSA);
    }
  }
}

TEST_F(TlsServer, SignsNothingWithSha1) {
  const auto server =
      load({.certificates = {files("rsa", {.names = {"rsa.test"}, .kind = KeyKind::rsa})}});
  Stranger visitor;
  constexpr std::uint16_t kSha1[] = {SSL_SIGN_RSA_PKCS1_SHA1};
  SSL_CTX_set_max_proto_version(visitor.context(), TLS1_2_VERSION);
  SSL_CTX_set_verify_algorithm_prefs(visitor.context(), kSha1, 1);
  TlsSession session = server->open();
  EXPECT_FALSE(visitor.shake_hands(session));
  EXPECT_EQ(session.error_text(), "TLS handshake: no common signature algorithms");
}

TEST_F(TlsServer, ServesEd25519ToThoseWhoCanCheckIt) {
  const auto ed25519 = files("ed25519", {.names = {"twin.test"}, .kind = KeyKind::ed25519});
  const auto server = load(
      {.certificates = {ed25519, files("rsa", {.names = {"twin.test"}, .kind = KeyKind::rsa})}});
  Stranger usual;  // BoringSSL does not offer it by itself
  TlsSession first = server->open();
  ASSERT_TRUE(usual.shake_hands(first)) << first.error_text();
  EXPECT_EQ(usual.key_type(), EVP_PKEY_RSA);
  const auto client = *TlsClientContext::load({.ca_file = folder_.write("ca", authority_.pem())});
  Pair pair{.client = client->open({}, "twin.test"), .server = server->open()};
  EXPECT_TRUE(pair.shake_hands()) << pair.client.error_text() << pair.server.error_text();
  const auto alone = load({.certificates = {ed25519}});
  pair = {.client = client->open({}, "twin.test"), .server = alone->open()};
  EXPECT_TRUE(pair.shake_hands()) << pair.client.error_text() << pair.server.error_text();
}

TEST_F(TlsServer, AgreesOnAProtocol) {
  const auto certificate = files("one", {.names = {"one.test"}});
  const auto both = load({.certificates = {certificate}});
  const auto http1 = load({.certificates = {certificate}, .http2 = false});
  const struct {
    const TlsServerContext& server;
    std::string_view offered;
    bool agreed;
    std::string_view chosen;
  } cases[] = {
      {*both, "\x02h2\x08http/1.1"sv, true, "h2"},
      {*both, "\x08http/1.1\x02h2"sv, true, "h2"},  // ours is the order that counts
      {*both, "\x08http/1.1"sv, true, "http/1.1"},
      {*both, "\x02h3\x06spdy/3"sv, false, ""},
      {*both,
       "\x0a"
       "acme-tls/1"sv,
       false, ""},
      {*both, ""sv, true, ""},
      {*http1, "\x02h2\x08http/1.1"sv, true, "http/1.1"},
      {*http1, "\x02h2"sv, false, ""},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.offered);
    Stranger visitor;
    if (!each.offered.empty()) visitor.protocols(each.offered);
    TlsSession session = each.server.open();
    EXPECT_EQ(visitor.shake_hands(session), each.agreed) << session.error_text();
    EXPECT_EQ(session.alpn(), each.chosen);
  }
}

TEST_F(TlsServer, StaplesTheOcspResponse) {
  auto certificate = files("one", {.names = {"one.test"}});
  const std::string staple = "\x30\x03\x0a\x01\x06";
  certificate.ocsp_file = folder_.write("one.ocsp", staple);
  const auto server = load({.certificates = {certificate}});
  const auto client = *TlsClientContext::load({.ca_file = folder_.write("ca", authority_.pem())});
  Pair pair{.client = client->open({}, "one.test"), .server = server->open()};
  ASSERT_TRUE(pair.shake_hands());
  EXPECT_EQ(as_text(pair.client.ocsp_response()), staple);
}

TEST_F(TlsServer, AnswersAnAcmeChallengeFromItsFolder) {
  const TemporaryFolder challenges;
  const auto server = load({.certificates = {files("one", {.names = {"one.test"}})},
                            .acme_challenge_folder = challenges.file(".")});
  constexpr std::string_view kAcme =
      "\x0a"
      "acme-tls/1";
  const auto ask = [&](std::string_view name, std::string_view protocols) {
    Stranger authority;
    authority.name(name);
    authority.protocols(protocols);
    TlsSession session = server->open();
    if (!authority.shake_hands(session)) return std::string("refused");
    EXPECT_EQ(authority.shown("challenged.test"), session.alpn() == "acme-tls/1");
    return std::string(session.alpn());
  };
  EXPECT_EQ(ask("challenged.test", kAcme), "refused");  // not written yet
  const auto [certificate, key] = authority_.issue({.names = {"challenged.test"}});
  challenges.write("challenged.test.pem", certificate + key);
  EXPECT_EQ(ask("challenged.test", kAcme), "acme-tls/1");
  EXPECT_EQ(ask("Challenged.Test", kAcme), "acme-tls/1");
  EXPECT_EQ(ask("other.test", kAcme), "refused");
  EXPECT_EQ(ask("./challenged.test", kAcme), "refused");
  // With another protocol beside it, it is no challenge (RFC 8737 §3).
  EXPECT_EQ(ask("challenged.test",
                "\x0a"
                "acme-tls/1\x02h2"sv),
            "h2");
  challenges.write("broken.test.pem", "nothing");
  EXPECT_EQ(ask("broken.test", kAcme), "refused");
}

TEST_F(TlsServer, SaysInOneLineWhatIsWrongWithItsFiles) {
  const auto good = files("good", {.names = {"good.test"}});
  const auto other = files("other", {.names = {"other.test"}});
  EXPECT_EQ(load_error({.certificate_file = folder_.file("none.crt"), .key_file = good.key_file}),
            folder_.file("none.crt") +
                ": the certificate cannot be read: No such file or directory. "
                "Check the path and that our user may read it");
  EXPECT_THAT(load_error({.certificate_file = good.certificate_file, .key_file = "/"}),
              HasSubstr("/: the key cannot be read: Is a directory"));
  EXPECT_THAT(load_error({.certificate_file = good.key_file, .key_file = good.key_file}),
              HasSubstr("good.key: no certificate in it"));
  EXPECT_THAT(
      load_error({.certificate_file = good.certificate_file, .key_file = good.certificate_file}),
      HasSubstr("good.crt: no private key in it"));
  EXPECT_THAT(load_error({.certificate_file = good.certificate_file, .key_file = other.key_file}),
              HasSubstr("other.key: not the key of " + good.certificate_file));
  const std::string damaged = folder_.write(
      "damaged.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  EXPECT_THAT(load_error({.certificate_file = damaged, .key_file = good.key_file}),
              HasSubstr("damaged.crt: the first certificate is damaged"));
  const std::string locked =
      folder_.write("locked.key",
                    "-----BEGIN RSA PRIVATE KEY-----\n"
                    "Proc-Type: 4,ENCRYPTED\n"
                    "DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n"
                    "\nAAAAAAAAAAAAAAAAAAAAAA==\n"
                    "-----END RSA PRIVATE KEY-----\n");
  EXPECT_THAT(load_error({.certificate_file = good.certificate_file, .key_file = locked}),
              HasSubstr("locked.key: the key is encrypted"));
  folder_.write("large.crt", std::string(2'000'000, 'x'));
  EXPECT_THAT(
      load_error({.certificate_file = folder_.file("large.crt"), .key_file = good.key_file}),
      HasSubstr("more than 1 MiB"));
}

TEST_F(TlsServer, WarnsOfWhatVisitorsWillNotLike) {
  auto one = files("one", {.names = {"one.test"}, .ends_s = 2 * kHourS});
  EXPECT_THAT(warnings(one), IsEmpty());
  EXPECT_THAT(warnings(one, 3 * kHourS), ElementsAre(HasSubstr("one.crt: has expired")));
  EXPECT_THAT(warnings(one, -2 * kHourS), ElementsAre(HasSubstr("one.crt: is not valid yet")));
  one.ocsp_file = folder_.file("one.ocsp");
  EXPECT_THAT(warnings(one), ElementsAre(HasSubstr("one.ocsp: cannot be read: No such file")));
  folder_.write("one.ocsp", "-----BEGIN");
  EXPECT_THAT(warnings(one), ElementsAre(HasSubstr("one.ocsp: no OCSP response in DER")));
  folder_.write("one.ocsp", "\x30");
  EXPECT_THAT(warnings(one), IsEmpty());
  ASSERT_EQ(::chmod(one.key_file.c_str(), 0644), 0);
  EXPECT_THAT(warnings(one), ElementsAre(HasSubstr("one.key: everybody on this machine can read")));
}

TEST_F(TlsServer, NamesTheFilesToWatch) {
  EXPECT_THAT(
      files_of({.certificates = {{.certificate_file = "a", .key_file = "b", .ocsp_file = ""},
                                 {.certificate_file = "c", .key_file = "d", .ocsp_file = "e"}}}),
      ElementsAre("a", "b", "c", "d", "e"));
}

TEST_F(TlsServer, ServesAChainWithItsIntermediates) {
  const auto one = files("one", {.names = {"one.test"}});
  std::ofstream(one.certificate_file, std::ios::app) << "text between\n" << authority_.pem();
  const auto server = load({.certificates = {one}});
  Stranger visitor;
  TlsSession session = server->open();
  ASSERT_TRUE(visitor.shake_hands(session));
  EXPECT_EQ(sk_X509_num(SSL_get_peer_cert_chain(visitor.ssl())), 2u);
}

}  // namespace
}  // namespace sallyport::ring
