#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/ring/tls.h"
#include "tests/engine/ring/tls_world.h"

namespace sallyport::ring {
namespace {

using testing::HasSubstr;

class TlsClient : public testing::Test {
 protected:
  std::shared_ptr<TlsServerContext> serve(const CertificateWish& wish, bool http2 = true) {
    const TlsServerPlan plan{.certificates = {authority_.issue_files(folder_, "served", wish)},
                             .http2 = http2};
    return TlsServerContext::load(plan, tickets_, 0)->context;
  }
  std::shared_ptr<TlsClientContext> trusting(const TestAuthority& authority, bool http2 = false,
                                             std::uint32_t most = 1024) {
    return *TlsClientContext::load({.ca_file = folder_.write("ca.pem", authority.pem()),
                                    .http2 = http2,
                                    .max_cached_servers = most});
  }
  /// What the client says of a handshake, empty if it is content.
  std::string refusal(TlsClientContext& client, const TlsServerContext& server,
                      std::string_view name) {
    Pair pair{.client = client.open(kServer, name), .server = server.open()};
    if (pair.shake_hands()) return "";
    EXPECT_EQ(pair.client.error(), TlsError::certificate);
    EXPECT_EQ(pair.server.error(), TlsError::handshake);  // it hears an alert
    return pair.client.error_text();
  }
  /// One connection that says something each way, so that tickets arrive; whether it was resumed.
  bool resumes(TlsClientContext& client, const TlsServerContext& server,
               std::string_view name = "served.test", Endpoint to = kServer) {
    Pair pair{.client = client.open(to, name), .server = server.open()};
    EXPECT_TRUE(pair.shake_hands()) << pair.client.error_text() << pair.server.error_text();
    EXPECT_EQ(pair.send(pair.server, "hello"), TlsStatus::ok);
    EXPECT_EQ(pair.read(pair.client), "hello");
    EXPECT_EQ(pair.client.resumed(), pair.server.resumed());
    return pair.client.resumed();
  }

  static inline const Endpoint kServer = *Endpoint::parse("192.0.2.1:443", 443);
  static inline const Endpoint kOther = *Endpoint::parse("192.0.2.2:443", 443);
  TemporaryFolder folder_;
  TestAuthority authority_;
  SystemRandom random_;
  std::shared_ptr<TicketKeys> tickets_ = std::make_shared<TicketKeys>(0, random_);
};

TEST_F(TlsClient, AcceptsTheNameItAskedFor) {
  const auto server = serve({.names = {"served.test", "*.wild.test", "192.0.2.1", "2001:db8::1"}});
  const auto client = trusting(authority_);
  for (const char* name :
       {"served.test", "Served.Test", "any.wild.test", "192.0.2.1", "2001:db8::1"}) {
    EXPECT_EQ(refusal(*client, *server, name), "") << name;
  }
}

TEST_F(TlsClient, RefusesAnotherName) {
  const auto server = serve({.names = {"served.test", "*.wild.test", "192.0.2.1"}});
  const auto client = trusting(authority_);
  for (const std::string_view name : {"other.test", "sub.served.test", "two.labels.wild.test",
                                      "wild.test", "a name that is none"}) {
    EXPECT_EQ(refusal(*client, *server, name), "certificate: Hostname mismatch") << name;
  }
  EXPECT_EQ(refusal(*client, *server, "192.0.2.2"), "certificate: IP address mismatch");
  // Whatever a name with a NUL is turned into on its way: not into the part before it.
  EXPECT_NE(refusal(*client, *server, std::string_view("served.test\0.evil.test", 22)), "");
}

TEST_F(TlsClient, RefusesACommonNameAlone) {
  const auto server = serve({.names = {}});  // the subject is CN=nobody
  EXPECT_EQ(refusal(*trusting(authority_), *server, "nobody"), "certificate: Hostname mismatch");
}

TEST_F(TlsClient, RefusesAnAuthorityItDoesNotKnow) {
  const auto server = serve({.names = {"served.test"}});
  const TestAuthority somebody_else;
  EXPECT_THAT(refusal(*trusting(somebody_else), *server, "served.test"),
              HasSubstr("certificate: "));
  const auto system = TlsClientContext::load({});
  if (system) {  // a machine need not have them
    EXPECT_NE(refusal(**system, *server, "served.test"), "");
  }
}

TEST_F(TlsClient, TrustsACertificateThatItsFileNames) {
  const TemporaryFolder folder;
  for (const bool authority : {false, true}) {
    const auto [certificate, key] = self_signed("served.test", authority);
    const TlsServerPlan plan{
        .certificates = {{.certificate_file = folder.write("self.crt", certificate),
                          .key_file = folder.write("self.key", key)}}};
    const auto server = TlsServerContext::load(plan, tickets_, 0)->context;
    const auto client = *TlsClientContext::load({.ca_file = plan.certificates[0].certificate_file});
    EXPECT_EQ(refusal(*client, *server, "served.test"), "");
    EXPECT_EQ(refusal(*client, *server, "other.test"), "certificate: Hostname mismatch");
    EXPECT_NE(refusal(*trusting(authority_), *server, "served.test"), "");
  }
}

TEST_F(TlsClient, RefusesACertificateOutOfItsTime) {
  const auto client = trusting(authority_);
  EXPECT_EQ(refusal(*client, *serve({.names = {"served.test"}, .ends_s = -10}), "served.test"),
            "certificate: certificate has expired");
  EXPECT_EQ(refusal(*client, *serve({.names = {"served.test"}, .begins_s = 1000}), "served.test"),
            "certificate: certificate is not yet valid");
}

TEST_F(TlsClient, AsksForTheProtocolOfItsPool) {
  const auto both = serve({.names = {"served.test"}});
  const auto http1 = serve({.names = {"served.test"}}, false);
  const auto ask = [&](const TlsServerContext& server, bool http2) {
    const auto client = trusting(authority_, http2);
    Pair pair{.client = client->open(kServer, "served.test"), .server = server.open()};
    return pair.shake_hands() ? std::string(pair.client.alpn()) : pair.client.error_text();
  };
  EXPECT_EQ(ask(*both, false), "http/1.1");
  EXPECT_EQ(ask(*both, true), "h2");
  EXPECT_EQ(ask(*http1, true), "TLS handshake: tlsv1 alert no application protocol");
}

TEST_F(TlsClient, ResumesAtAnyContextThatSharesTheKeys) {
  const auto client = trusting(authority_);
  const auto server = serve({.names = {"served.test"}});
  EXPECT_FALSE(resumes(*client, *server));
  EXPECT_TRUE(resumes(*client, *server));
  const auto reloaded = serve({.names = {"served.test"}});
  EXPECT_TRUE(resumes(*client, *reloaded));

  tickets_ = std::make_shared<TicketKeys>(0, random_);
  const auto stranger = serve({.names = {"served.test"}});
  EXPECT_FALSE(resumes(*client, *stranger));
}

TEST_F(TlsClient, ResumesTls12WithATicket) {
  const auto server = serve({.names = {"served.test"}});
  bssl::UniquePtr<SSL_SESSION> session;
  for (const bool again : {false, true}) {
    Stranger visitor;
    SSL_CTX_set_max_proto_version(visitor.context(), TLS1_2_VERSION);
    if (session) {
      ASSERT_EQ(SSL_set_session(visitor.ssl(), session.get()), 1);
    }
    TlsSession accepted = server->open();
    ASSERT_TRUE(visitor.shake_hands(accepted)) << accepted.error_text();
    EXPECT_EQ(accepted.resumed(), again);
    session.reset(SSL_get1_session(visitor.ssl()));
  }
}

TEST_F(TlsClient, ResumesWhileTheKeyIsKept) {
  const auto server = serve({.names = {"served.test"}});
  for (std::size_t rotations = 0; rotations <= TicketKeys::kKept; ++rotations) {
    SCOPED_TRACE(rotations);
    const auto client = trusting(authority_);
    EXPECT_FALSE(resumes(*client, *server));
    std::uint64_t now_ms = TicketKeys::kRotateMs * 100 * (rotations + 1);
    for (std::size_t i = 0; i < rotations; ++i) {
      tickets_->rotate(now_ms += TicketKeys::kRotateMs, random_);
    }
    EXPECT_EQ(resumes(*client, *server), rotations < TicketKeys::kKept);
  }
}

TEST_F(TlsClient, ResumesOnlyWithTheServerAndNameThatItKnows) {
  const auto client = trusting(authority_);
  const auto server = serve({.names = {"served.test", "other.test"}});
  EXPECT_FALSE(resumes(*client, *server));
  EXPECT_FALSE(resumes(*client, *server, "other.test"));
  EXPECT_FALSE(resumes(*client, *server, "served.test", kOther));
  EXPECT_TRUE(resumes(*client, *server));
  EXPECT_EQ(client->cached_servers(), 3u);
}

TEST_F(TlsClient, KeepsABoundedNumberOfServers) {
  const auto client = trusting(authority_, false, 2);
  const auto server = serve({.names = {"a.test", "b.test", "c.test"}});
  EXPECT_FALSE(resumes(*client, *server, "a.test"));
  EXPECT_FALSE(resumes(*client, *server, "b.test"));
  EXPECT_TRUE(resumes(*client, *server, "a.test"));  // used: b is the one to go
  EXPECT_FALSE(resumes(*client, *server, "c.test"));
  EXPECT_EQ(client->cached_servers(), 2u);
  EXPECT_TRUE(resumes(*client, *server, "a.test"));
  EXPECT_FALSE(resumes(*client, *server, "b.test"));
}

TEST_F(TlsClient, SaysInOneLineWhatIsWrongWithItsFile) {
  const auto none = TlsClientContext::load({.ca_file = folder_.file("none.pem")});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error(),
            folder_.file("none.pem") +
                ": the trusted certificates cannot be read: No such file or directory. Check the "
                "path and that our user may read it");
  const auto empty = TlsClientContext::load({.ca_file = folder_.write("empty.pem", "nothing\n")});
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error(), HasSubstr("empty.pem: no trusted certificates in it"));
}

}  // namespace
}  // namespace sallyport::ring
