#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/engine/ring/streams_fixture.h"
#include "tests/engine/ring/tls_world.h"

namespace sallyport::ring {
namespace {

using enum StreamEventKind;

/// Servers and clients of ours that speak TLS to each other.
class StreamsTlsTest : public StreamsTest {
 protected:
  void open_tls(bool http2 = true) {
    open();
    const TlsServerPlan plan{
        .certificates = {authority_.issue_files(folder_, "server", {.names = {"www.example.net"}})},
        .http2 = http2,
        .acme_challenge_folder = {}};
    auto server = TlsServerContext::load(plan, tickets_, 0);
    ASSERT_TRUE(server) << server.error();
    server_ = std::move(server->context);
    auto client = TlsClientContext::load(
        {.ca_file = folder_.write("ca.pem", authority_.pem()), .http2 = http2});
    ASSERT_TRUE(client) << client.error();
    client_ = std::move(*client);
    act = [this](const StreamEvent& event) {
      if (event.kind == accepted) streams_->start_tls(event.stream, *server_);
    };
  }

  /// A client and the stream that the server has for it, both established.
  Both connect_tls(std::string_view name = "www.example.net") {
    events_.clear();
    const StreamId client = streams_->connect(endpoint_of(listening_), 1, client_.get(), name);
    EXPECT_TRUE(run_until([&] { return count(connected) == 2; }));
    StreamId server;
    for (const StreamEvent& event : events_) {
      if (event.kind == accepted) server = event.stream;
    }
    return {client, server};
  }

  TemporaryFolder folder_;
  TestAuthority authority_;
  SystemRandom random_;
  std::shared_ptr<TicketKeys> tickets_ = std::make_shared<TicketKeys>(0, random_);
  std::shared_ptr<TlsServerContext> server_;
  std::shared_ptr<TlsClientContext> client_;
};

TEST_F(StreamsTlsTest, CarriesBothWays) {
  open_tls();
  const Both both = connect_tls();
  EXPECT_TRUE(streams_->is_tls(both.client) && streams_->is_tls(both.server));
  EXPECT_EQ(streams_->alpn(both.client), "h2");
  EXPECT_EQ(streams_->alpn(both.server), "h2");
  EXPECT_EQ(streams_->sni(both.server), "www.example.net");
  streams_->send(both.client, as_octets("question"));
  EXPECT_EQ(read_exactly(both.server, 8), "question");
  streams_->send(both.server, as_octets("answer"));
  EXPECT_EQ(read_exactly(both.client, 6), "answer");
  EXPECT_TRUE(run_until([&] { return buffers_->in_use() == 0; })) << "an idle stream holds buffers";
}

TEST_F(StreamsTlsTest, SendsWhatWasQueuedBeforeTheHandshake) {
  open_tls(false);
  const StreamId client =
      streams_->connect(endpoint_of(listening_), 1, client_.get(), "www.example.net");
  streams_->send(client, as_octets("early "));
  streams_->send(client, as_octets("bird"));
  streams_->end(client);
  const StreamId server = await(ended).stream;
  EXPECT_EQ(read_all(server), "early bird");
  EXPECT_EQ(streams_->alpn(server), "http/1.1");
}

TEST_F(StreamsTlsTest, CarriesMegabytes) {
  open_tls();
  const Both both = connect_tls();
  constexpr std::size_t kTotal = 10'000'000;
  std::size_t sent = 0;
  std::size_t arrived = 0;
  bool right = true;
  std::string block(30'011, '\0');
  std::uint32_t most_in_use = 0;
  ASSERT_TRUE(run_until([&] {
    while (sent < kTotal && streams_->writable(both.server)) {
      for (char& octet : block) octet = static_cast<char>(sent++ % 251);
      streams_->send(both.server, as_octets(block));
    }
    for (const char octet : read_all(both.client)) {
      right &= octet == static_cast<char>(arrived++ % 251);
    }
    most_in_use = std::max(most_in_use, buffers_->in_use());
    return arrived >= kTotal;
  })) << arrived;
  EXPECT_TRUE(right);
  EXPECT_EQ(arrived, sent);
  EXPECT_LT(most_in_use, 500u);
}

TEST_F(StreamsTlsTest, ResumesSessions) {
  open_tls();
  for (int round = 0; round < 2; ++round) {
    const Both both = connect_tls();
    EXPECT_EQ(streams_->tls_resumed(both.client), round == 1);
    EXPECT_EQ(streams_->tls_resumed(both.server), round == 1);
    streams_->send(both.server, as_octets("with the tickets"));
    EXPECT_EQ(read_exactly(both.client, 16), "with the tickets");
    streams_->close(both.client);
    EXPECT_EQ(await(ended).stream, both.server);
    streams_->close(both.server);
    EXPECT_TRUE(run_until([&] { return streams_->open() == 0; }));
  }
}

TEST_F(StreamsTlsTest, RefusesACertificateForAnotherName) {
  open_tls();
  const StreamId client =
      streams_->connect(endpoint_of(listening_), 1, client_.get(), "other.example.net");
  EXPECT_TRUE(run_until([&] { return count(failed) == 2; }));
  for (const StreamEvent& event : events_) {
    if (event.kind != failed) continue;
    // The server hears of it by an alert.
    EXPECT_EQ(event.error,
              event.stream == client ? StreamError::tls_certificate : StreamError::tls_handshake);
    EXPECT_NE(streams_->tls_error_text(event.stream), "");
    streams_->close(event.stream);
  }
  EXPECT_TRUE(run_until([&] { return streams_->open() == 0; }));
}

TEST_F(StreamsTlsTest, TellsWhoSpeaksNoTls) {
  open_tls();
  Pair pair = accept_plain();
  const std::string_view greeting = "SSH-2.0-OpenSSH_9.2\r\n";
  ASSERT_EQ(::send(pair.client.get(), greeting.data(), greeting.size(), 0),
            static_cast<ssize_t>(greeting.size()));
  EXPECT_EQ(await(failed).error, StreamError::tls_handshake);
  streams_->close(pair.server);
  turn(0);
  std::string alert(100, '\0');
  const ssize_t octets = ::recv(pair.client.get(), alert.data(), alert.size(), 0);
  ASSERT_EQ(octets, 7);
  EXPECT_EQ(alert[0], 21);  // an alert record
}

TEST_F(StreamsTlsTest, ToldByAConnectionThatEndsInTheHandshake) {
  open_tls();
  Pair pair = accept_plain();
  pair.client.reset();
  EXPECT_EQ(await(failed).error, StreamError::tls_handshake);
}

TEST_F(StreamsTlsTest, EndsWithCloseNotify) {
  open_tls();
  const Both both = connect_tls();
  streams_->send(both.server, as_octets("the end"));
  streams_->end(both.server);
  EXPECT_EQ(await(ended).stream, both.client);
  EXPECT_EQ(read_all(both.client), "the end");
  streams_->send(both.client, as_octets("not mine"));
  EXPECT_EQ(read_exactly(both.server, 8), "not mine");
  streams_->close(both.client);
  EXPECT_EQ(await(ended).stream, both.server);
  EXPECT_EQ(count(failed), 0u);
}

TEST_F(StreamsTlsTest, TellsTruncation) {
  open_tls();
  const Both both = connect_tls();
  streams_->send(both.client, as_octets("half of wh"));
  EXPECT_EQ(read_exactly(both.server, 10), "half of wh");
  streams_->abort(both.client);
  const StreamEvent event = await(failed);
  EXPECT_EQ(event.stream, both.server);
  EXPECT_EQ(event.error, StreamError::reset);
}

TEST_F(StreamsTlsTest, StartsBehindOctetsThatWereRead) {
  open_tls();
  act = {};
  const StreamId client =
      streams_->connect(endpoint_of(listening_), 1, client_.get(), "www.example.net");
  const StreamId server = await(accepted).stream;
  ASSERT_TRUE(run_until([&] { return streams_->received_total(server) > 0; }));
  // The client's first flight has come already, as it does behind a PROXY header.
  streams_->start_tls(server, *server_);
  EXPECT_TRUE(run_until([&] { return count(connected) == 2; }));
  streams_->send(client, as_octets("made it"));
  EXPECT_EQ(read_exactly(server, 7), "made it");
}

TEST_F(StreamsTlsTest, ServesManyAtOnce) {
  open_tls();
  constexpr std::size_t kClients = 100;
  std::size_t answers = 0;
  act = [&](const StreamEvent& event) {
    if (event.kind == accepted) streams_->start_tls(event.stream, *server_);
    if (event.kind == connected && event.owner > 0) {
      streams_->send(event.stream, as_octets("ping"));
    }
    if (event.kind != received) return;
    const std::string text = read_all(event.stream);
    if (event.owner == 0) streams_->send(event.stream, as_octets(text));
    if (event.owner > 0) {
      EXPECT_EQ(text, "ping");
      ++answers;
      streams_->close(event.stream);
    }
  };
  for (std::size_t client = 1; client <= kClients; ++client) {
    EXPECT_TRUE(streams_->connect(endpoint_of(listening_), client, client_.get(), "www.example.net")
                    .valid());
  }
  EXPECT_TRUE(run_until([&] { return answers == kClients; })) << answers;
  EXPECT_TRUE(run_until([&] { return count(ended) == kClients; }));
}

}  // namespace
}  // namespace sallyport::ring
