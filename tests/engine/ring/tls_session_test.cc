#include <numeric>

#include <gtest/gtest.h>
#include <malloc.h>

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

  static std::string pattern(std::size_t octets) {
    std::string text(octets, '\0');
    std::iota(text.begin(), text.end(), '\0');
    return text;
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
  const std::string large = pattern(50'000);
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
    ASSERT_EQ(both.send(both.server, large), TlsStatus::ok);
    EXPECT_EQ(both.read(both.client), large);
  }
}

TEST_F(TlsSessions, FillBuffersOfAnySize) {
  const std::string large = pattern(40'000);
  for (const std::size_t room : {1u, 5u, 100u, 4096u, 16'384u}) {
    SCOPED_TRACE(room);
    Pair both = pair();
    both.to_client.room_each = room;
    both.to_server.room_each = room;
    ASSERT_TRUE(both.shake_hands());
    ASSERT_EQ(both.send(both.server, large), TlsStatus::ok);
    EXPECT_EQ(both.read(both.client), large);
  }
}

TEST_F(TlsSessions, WaitForRoomInTheHandshake) {
  Pair both = pair();
  both.to_client.room_each = 100;
  both.to_client.rooms = 0;
  Octets none;
  ASSERT_EQ(both.client.handshake(none, both.to_server), TlsStatus::want_input);
  std::vector<std::uint8_t> hello = both.to_server.take(SIZE_MAX);
  Octets ciphertext(hello);
  EXPECT_EQ(both.server.handshake(ciphertext, both.to_client), TlsStatus::want_room);
  both.to_client.rooms = 2;
  EXPECT_EQ(both.server.handshake(ciphertext, both.to_client), TlsStatus::want_room);
  both.to_client.rooms = SIZE_MAX;
  EXPECT_TRUE(both.shake_hands());
}

TEST_F(TlsSessions, GoOnWithAWriteThatFoundNoRoom) {
  const std::string large = pattern(100'000);
  Pair both = pair();
  ASSERT_TRUE(both.shake_hands());
  both.to_client.room_each = 1000;
  std::string arrived;
  std::size_t sent = 0;
  std::size_t pauses = 0;
  while (sent < large.size()) {
    both.to_client.rooms = 7;
    // In pieces that are cut elsewhere at each attempt, as a queue of slices may be.
    const Octets left = as_octets(large).subspan(sent);
    const std::size_t cut = std::min<std::size_t>(left.size(), 1 + pauses * 1997 % 9000);
    const Octets pieces[] = {left.first(cut), left.subspan(cut)};
    const TlsSession::Progress progress = both.server.write(pieces, both.to_client);
    sent += progress.octets;
    if (progress.status != TlsStatus::ok) {
      ASSERT_EQ(progress.status, TlsStatus::want_room);
      ++pauses;
    }
    arrived += both.read(both.client);
  }
  EXPECT_GT(pauses, 5u);
  EXPECT_EQ(arrived, large);
}

TEST_F(TlsSessions, FinishAShortRecordBeforeTheNext) {
  Pair both = pair();
  both.to_client.room_each = 1;
  ASSERT_TRUE(both.shake_hands());
  const std::string text = pattern(9000);
  both.to_client.rooms = 10;
  TlsSession::Progress progress = both.server.write(as_octets(text).first(3000), both.to_client);
  ASSERT_EQ(progress.status, TlsStatus::want_room);
  ASSERT_EQ(progress.octets, 0u);
  both.to_client.rooms = SIZE_MAX;
  progress = both.server.write(as_octets(text), both.to_client);
  EXPECT_EQ(progress.status, TlsStatus::ok);
  EXPECT_EQ(progress.octets, text.size());
  EXPECT_EQ(both.read(both.client), text);
}

TEST_F(TlsSessions, GatherShortPiecesIntoOneRecord) {
  Pair both = pair();
  ASSERT_TRUE(both.shake_hands());
  ASSERT_EQ(both.send(both.server, "tickets go with it"), TlsStatus::ok);
  both.to_client.octets.clear();
  // RFC 8446 §5.2: header 5, content type 1, tag 16.
  constexpr std::size_t kRecordOverhead = 22;
  Pair fresh = pair();
  ASSERT_TRUE(fresh.shake_hands());
  ASSERT_EQ(fresh.send(fresh.server, "tickets"), TlsStatus::ok);
  (void)fresh.read(fresh.client);
  const Octets pieces[] = {
      as_octets("HTTP/1.1 200 OK\r\n"), {}, as_octets("\r\n"), as_octets("body")};
  EXPECT_EQ(fresh.server.write(pieces, fresh.to_client).octets, 23u);
  EXPECT_EQ(fresh.to_client.octets.size(), 23u + kRecordOverhead);
  EXPECT_EQ(fresh.read(fresh.client), "HTTP/1.1 200 OK\r\n\r\nbody");
  // More than a record holds, in pieces that straddle its end.
  const std::string large = pattern(40'000);
  std::vector<Octets> many;
  for (std::size_t at = 0; at < large.size(); at += 3000) {
    many.push_back(as_octets(large).subspan(at, std::min<std::size_t>(3000, large.size() - at)));
  }
  EXPECT_EQ(fresh.server.write(many, fresh.to_client).status, TlsStatus::ok);
  EXPECT_EQ(fresh.to_client.octets.size(), large.size() + 3 * kRecordOverhead);
  EXPECT_EQ(fresh.read(fresh.client), large);
}

TEST_F(TlsSessions, LeaveWhatFollowsTheHandshakeForTheReader) {
  Pair both = pair();
  Octets none;
  (void)both.client.handshake(none, both.to_server);
  std::vector<std::uint8_t> flight = both.to_server.take(SIZE_MAX);
  Octets ciphertext(flight);
  (void)both.server.handshake(ciphertext, both.to_client);
  std::vector<std::uint8_t> answer = both.to_client.take(SIZE_MAX);
  ciphertext = answer;
  ASSERT_EQ(both.client.handshake(ciphertext, both.to_server), TlsStatus::ok);
  ASSERT_EQ(both.send(both.client, "at once"), TlsStatus::ok);
  std::vector<std::uint8_t> finished = both.to_server.take(SIZE_MAX);
  ciphertext = finished;
  ASSERT_EQ(both.server.handshake(ciphertext, both.to_client), TlsStatus::ok);
  EXPECT_FALSE(ciphertext.empty());
  std::uint8_t plain[100];
  const TlsSession::Progress progress = both.server.read(ciphertext, plain, both.to_client);
  EXPECT_EQ(progress.status, TlsStatus::want_input);
  EXPECT_EQ(as_text(Octets(plain).first(progress.octets)), "at once");
}

TEST_F(TlsSessions, TellWhenThePeerCloses) {
  Pair both = pair();
  ASSERT_TRUE(both.shake_hands());
  ASSERT_EQ(both.send(both.client, "last words"), TlsStatus::ok);
  EXPECT_EQ(both.client.close_notify(both.to_server), TlsStatus::ok);
  TlsStatus status = TlsStatus::ok;
  EXPECT_EQ(both.read(both.server, &status), "last words");
  EXPECT_EQ(status, TlsStatus::closed);
  // Half closed: the answer still goes.
  EXPECT_EQ(both.send(both.server, "answer"), TlsStatus::ok);
  EXPECT_EQ(both.server.close_notify(both.to_client), TlsStatus::ok);
  EXPECT_EQ(both.read(both.client, &status), "answer");
  EXPECT_EQ(status, TlsStatus::closed);
}

TEST_F(TlsSessions, RefuseWhatIsNotTls) {
  using namespace std::string_view_literals;
  for (const std::string_view noise :
       {"GET / HTTP/1.1\r\nHost: example.net\r\n\r\n"sv,
        "\x16\x03\x01\x00\x05garbage and more of it"sv, "\x80\x0e\x01\x00\x02 an SSL 2 hello"sv,
        "\x16\x03\x01\xff\xff too long"sv, "\x17\x03\x03\x00\x05hello"sv}) {
    SCOPED_TRACE(noise);
    TlsSession session = server_->open();
    Wire out;
    Octets ciphertext = as_octets(noise);
    EXPECT_EQ(session.handshake(ciphertext, out), TlsStatus::failed);
    EXPECT_EQ(session.error(), TlsError::handshake);
    EXPECT_TRUE(session.error_text().starts_with("TLS handshake: ")) << session.error_text();
    EXPECT_EQ(session.handshake(ciphertext, out), TlsStatus::failed);
    EXPECT_FALSE(session.established());
  }
}

TEST_F(TlsSessions, BreakOnAnOctetThatWasChanged) {
  Pair both = pair();
  ASSERT_TRUE(both.shake_hands());
  ASSERT_EQ(both.send(both.client, "attack at dawn"), TlsStatus::ok);
  both.to_server.octets[10] ^= 1;
  TlsStatus status = TlsStatus::ok;
  EXPECT_EQ(both.read(both.server, &status), "");
  EXPECT_EQ(status, TlsStatus::failed);
  EXPECT_EQ(both.server.error(), TlsError::broken);
  EXPECT_FALSE(both.to_client.octets.empty());  // the alert
  EXPECT_EQ(both.read(both.client, &status), "");
  EXPECT_EQ(status, TlsStatus::failed);
  EXPECT_EQ(both.send(both.server, "no more"), TlsStatus::failed);
}

TEST_F(TlsSessions, SpeakTls12ButNothingOlder) {
  {
    Stranger visitor;
    SSL_CTX_set_max_proto_version(visitor.context(), TLS1_2_VERSION);
    TlsSession session = server_->open();
    EXPECT_TRUE(visitor.shake_hands(session)) << session.error_text();
    EXPECT_EQ(session.version(), "TLSv1.2");
    EXPECT_TRUE(session.cipher().starts_with("TLS_ECDHE_ECDSA_WITH_")) << session.cipher();
  }
  for (const int version : {TLS1_1_VERSION, TLS1_VERSION}) {
    Stranger visitor;
    SSL_CTX_set_min_proto_version(visitor.context(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(visitor.context(), static_cast<std::uint16_t>(version));
    TlsSession session = server_->open();
    EXPECT_FALSE(visitor.shake_hands(session));
    EXPECT_EQ(session.error_text(), "TLS handshake: unsupported protocol");
  }
}

TEST_F(TlsSessions, KnowOnlySuitesWithForwardSecrecyAndAuthenticatedEncryption) {
  for (const char* suites : {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "AES256-SHA"}) {
    Stranger visitor;
    SSL_CTX_set_max_proto_version(visitor.context(), TLS1_2_VERSION);
    ASSERT_EQ(SSL_CTX_set_strict_cipher_list(visitor.context(), suites), 1);
    TlsSession session = server_->open();
    EXPECT_FALSE(visitor.shake_hands(session)) << suites;
  }
}

TEST_F(TlsSessions, MoveWithoutLosingTheirState) {
  Pair both = pair();
  ASSERT_TRUE(both.shake_hands());
  TlsSession elsewhere = server_->open();
  elsewhere = std::move(both.server);
  both.server = std::move(elsewhere);
  ASSERT_EQ(both.send(both.client, "still here"), TlsStatus::ok);
  EXPECT_EQ(both.read(both.server), "still here");
}

TEST_F(TlsSessions, SurviveTheirContext) {
  Pair both = pair();
  server_.reset();
  client_.reset();
  tickets_.reset();
  ASSERT_TRUE(both.shake_hands());
  ASSERT_EQ(both.send(both.server, "still served"), TlsStatus::ok);
  EXPECT_EQ(both.read(both.client), "still served");
}

TEST_F(TlsSessions, AreSmallWhileIdle) {
  constexpr std::size_t kSessions = 200;
  constexpr std::size_t kMostOctets = 3 * 1024;
  std::vector<TlsSession> idle;
  idle.reserve(kSessions);
  const auto one = [&] {
    Pair both = pair();
    ASSERT_TRUE(both.shake_hands());
    ASSERT_EQ(both.send(both.client, "GET /"), TlsStatus::ok);
    ASSERT_EQ(both.read(both.server), "GET /");
    ASSERT_EQ(both.send(both.server, pattern(20'000)), TlsStatus::ok);
    ASSERT_EQ(both.read(both.client).size(), 20'000u);
    idle.push_back(std::move(both.server));
  };
  one();  // what is set up once
  const std::size_t before = ::mallinfo2().uordblks;
  for (std::size_t made = 1; made < kSessions; ++made) one();
  const std::size_t each = (::mallinfo2().uordblks - before) / (kSessions - 1);
  RecordProperty("octets_each", static_cast<int>(each));
  EXPECT_LT(each, kMostOctets);  // a sanitizer's allocator says 0
}

}  // namespace
}  // namespace sallyport::ring
