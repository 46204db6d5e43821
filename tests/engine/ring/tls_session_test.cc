#include <numeric>

#include <gtest/gtest.h>

#include "engine/ring/tls.h"
#include "tests/engine/ring/tls_world.h"

namespace sallyport::ring {
namespace {

class TlsSessions : public testing::Test {
 protected:
  TlsSessions() {
    const TlsServerPlan plan{
        .certificates = {authority_.issue_files(folder_, "example", {.names = {"example.net"}})}};
    server_ = TlsServerContext::load(plan, tickets_, 0)->context;
    client_ = *TlsClientContext::load({.ca_file = folder_.write("ca.pem", authority_.pem())});
  }

  Pair pair() {
    return {.client = client_->open(kServer, "example.net"), .server = server_->open()};
  }

  const Endpoint kServer = *Endpoint::parse("192.0.2.1:443", 443);
  TemporaryFolder folder_;
  TestAuthority authority_;
  SystemRandom random_;
  std::shared_ptr<TicketKeys> tickets_ = std::make_shared<TicketKeys>(0, random_);
  std::shared_ptr<TlsServerContext> server_;
  std::shared_ptr<TlsClientContext> client_;
};

TEST_F(TlsSessions, SpeakAtEveryFragmentation) {
  for (const std::size_t fragment : {1u, 2u, 3u, 5u, 7u, 16u, 100u, 1000u, 16'384u, 1'000'000u}) {
    SCOPED_TRACE(fragment);
    Pair both = pair();
    both.fragment = fragment;
    ASSERT_TRUE(both.shake_hands()) << both.client.error_text() << both.server.error_text();
    EXPECT_EQ(both.server.alpn(), "http/1.1");
    EXPECT_EQ(both.client.alpn(), "http/1.1");
    EXPECT_EQ(both.server.sni(), "example.net");
    EXPECT_EQ(both.server.version(), "TLSv1.3");
    ASSERT_EQ(both.send(both.client, "GET /"), TlsStatus::ok);
    EXPECT_EQ(both.read(both.server), "GET /");
    std::string large(50'000, '\0');
    std::iota(large.begin(), large.end(), '\0');
    ASSERT_EQ(both.send(both.server, large), TlsStatus::ok);
    EXPECT_EQ(both.read(both.client), large);
  }
}

}  // namespace
}  // namespace sallyport::ring
