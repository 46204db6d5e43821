// A connection to a server against nghttp2's server in memory.

#include "engine/http/h2_client.h"

#include <gmock/gmock.h>

#include "tests/engine/http/h2_peer.h"

namespace sallyport::http_door {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Pair;

class H2ClientTest : public testing::Test, public H2ClientOwner {
 public:
  void SetUp() override { client_.connected(); }
  void TearDown() override {
    client_.lost(Broken::reset);
    client_.deliver();
    for (const auto& exchange : exchanges_) {
      if (exchange->upstream != nullptr) exchange->upstream->release();
    }
    client_.deliver();
    EXPECT_EQ(client_.open_requests(), 0u);
  }
  void needs_turn() noexcept override { ++turns_; }

  using Exchange = NotingExchange;

  Exchange& ask(std::string_view target, bool body = false, std::string_view protocol = {}) {
    auto& exchange = *exchanges_.emplace_back(std::make_unique<Exchange>(buffers_));
    http::RequestHead& head = exchange.request;
    head.method_text = body ? "POST" : "GET";
    head.method = http::method_of(head.method_text);
    head.target = target;
    head.authority = "example.net";
    head.protocol = protocol;
    head.fields.add("TE", "trailers");
    head.fields.add("X-Own", "yes");
    exchange.upstream = &client_.open(exchange);
    exchange.upstream->request(head, body);
    return exchange;
  }

  void talk(H2Peer& peer) {
    for (int i = 0; i < 1000; ++i) {
      client_.flush(wire_);
      const std::string out = wire_.take();
      if (!out.empty()) peer.input(out);
      const std::string in = peer.output();
      feed(in);
      if (in.empty() && out.empty()) return;
    }
    ADD_FAILURE() << "it never ends";
  }
  void feed(std::string_view octets, std::size_t most = 16'384) {
    while (!octets.empty()) {
      const std::string_view some = octets.substr(0, most);
      for (const auto slice : buffers_.slices(some)) client_.receive(slice, 0);
      octets.remove_prefix(some.size());
    }
    client_.deliver();
  }

  H2Buffers buffers_;
  MemoryWire wire_{buffers_};
  H2Client client_{buffers_.pool(), *this, {.head = {4096, 50, 1000}, .scheme = "http"}};
  H2Peer peer_{true};
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  int turns_ = 0;
};

TEST_F(H2ClientTest, AsksAndIsAnswered) {
  Exchange& exchange = ask("/a?b");
  talk(peer_);
  ASSERT_EQ(peer_.streams.count(1), 1u);
  EXPECT_THAT(
      peer_.streams[1].heads.at(0),
      ElementsAre(Pair(":method", "GET"), Pair(":scheme", "http"), Pair(":path", "/a?b"),
                  Pair(":authority", "example.net"), Pair("te", "trailers"), Pair("x-own", "yes")));
  EXPECT_TRUE(peer_.streams[1].ended);
  const std::string body(300'000, 'd');
  peer_.interim(1, {{":status", "103"}, {"link", "x"}});
  peer_.respond(1, {{":status", "200"}, {"x-their", "1"}, {"content-length", "300000"}}, &body,
                {{"grpc-status", "0"}});
  talk(peer_);
  ASSERT_EQ(exchange.interim.size(), 1u);
  EXPECT_EQ(exchange.interim[0].status, 103);
  EXPECT_EQ(text_of(exchange.interim[0].fields), "link: x\n");
  ASSERT_EQ(exchange.answers.size(), 1u);
  EXPECT_EQ(exchange.answers[0].status, 200);
  EXPECT_EQ(exchange.answers[0].content_length, 300'000u);
  EXPECT_EQ(exchange.answers[0].framing, http::Framing::stream);
  EXPECT_EQ(text_of(exchange.answers[0].fields), "x-their: 1\n");
  EXPECT_EQ(exchange.body, body);
  EXPECT_TRUE(exchange.ended);
  EXPECT_EQ(exchange.trailers, "grpc-status: 0\n");
  exchange.release();
  client_.deliver();
  EXPECT_EQ(client_.open_requests(), 0u);
  EXPECT_EQ(exchange.broken, Broken::none);
}

TEST_F(H2ClientTest, SendsABodyAndTrailers) {
  Exchange& exchange = ask("/", true);
  const std::string body(200'000, 'u');
  std::size_t at = 0;
  http::Fields trailers;
  trailers.add("X-Sum", "9");
  while (at < body.size()) {
    while (at < body.size() && exchange.upstream->writable()) {
      for (const auto slice : buffers_.slices(body.substr(at, 10'000))) {
        exchange.upstream->request_body(slice);
      }
      at += 10'000;
    }
    talk(peer_);
  }
  exchange.upstream->request_end(&trailers);
  talk(peer_);
  EXPECT_EQ(peer_.streams[1].body, body);
  EXPECT_THAT(peer_.streams[1].trailers, ElementsAre(Pair("x-sum", "9")));
  EXPECT_TRUE(peer_.streams[1].ended);
  EXPECT_GT(exchange.writable, 1);
}

TEST_F(H2ClientTest, ManyRequestsShareAConnection) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client_.can_open()) << i;
    ask("/" + std::to_string(i));
  }
  talk(peer_);
  EXPECT_EQ(peer_.streams.size(), 100u);
  for (auto& [id, seen] : peer_.streams) {
    const std::string body = seen.heads.at(0).at(2).second;
    peer_.respond(id, {{":status", "200"}}, &body);
  }
  talk(peer_);
  for (const auto& exchange : exchanges_) {
    EXPECT_EQ(exchange->body, exchange->request.target);
    exchange->release();
  }
  client_.deliver();
  EXPECT_EQ(client_.open_requests(), 0u);
}

TEST_F(H2ClientTest, KeepsToWhatTheServerAllows) {
  H2Peer peer(true, {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2}});
  ask("/1");
  talk(peer);
  EXPECT_TRUE(client_.can_open());
  ask("/2");
  EXPECT_FALSE(client_.can_open());
  exchanges_[0]->release();
  talk(peer);
  EXPECT_TRUE(client_.can_open());
}

TEST_F(H2ClientTest, BeforeItIsConnectedItIsNotWritable) {
  H2Client client(buffers_.pool(), *this, {.head = {4096, 50, 1000}});
  Exchange exchange(buffers_);
  UpstreamSide& side = client.open(exchange);
  side.request(exchange.request, true);
  EXPECT_FALSE(side.writable());
  client.connected();
  EXPECT_EQ(exchange.writable, 0);
  client.deliver();
  EXPECT_EQ(exchange.writable, 1);
  EXPECT_TRUE(side.writable());
  client.lost(Broken::reset);
  client.deliver();
}

TEST_F(H2ClientTest, GoawayGivesBackWhatWasNotProcessed) {
  ask("/1");
  ask("/2");
  talk(peer_);
  nghttp2_submit_goaway(peer_.raw(), 0, 1, NGHTTP2_NO_ERROR, nullptr, 0);
  talk(peer_);
  EXPECT_EQ(exchanges_[0]->broken, Broken::none);
  EXPECT_EQ(exchanges_[1]->broken, Broken::not_processed);
  EXPECT_FALSE(client_.can_open());
  EXPECT_FALSE(client_.finished());
  peer_.respond(1, {{":status", "204"}});
  talk(peer_);
  EXPECT_TRUE(exchanges_[0]->ended);
  EXPECT_EQ(exchanges_[0]->answers.at(0).framing, http::Framing::none);
  exchanges_[0]->release();
  client_.deliver();
  talk(peer_);
  EXPECT_TRUE(client_.finished());
}

TEST_F(H2ClientTest, TellsWhyAStreamEnded) {
  struct Case {
    std::uint32_t error;
    Broken why;
  };
  for (const Case& test :
       {Case{NGHTTP2_REFUSED_STREAM, Broken::not_processed},
        Case{NGHTTP2_HTTP_1_1_REQUIRED, Broken::not_processed},
        Case{NGHTTP2_INTERNAL_ERROR, Broken::reset}, Case{NGHTTP2_CANCEL, Broken::reset}}) {
    Exchange& exchange = ask("/");
    talk(peer_);
    peer_.reset(peer_.streams.rbegin()->first, test.error);
    talk(peer_);
    EXPECT_EQ(exchange.broken, test.why) << test.error;
  }
}

TEST_F(H2ClientTest, AResetAfterTheWholeAnswerIsNoBreak) {
  Exchange& exchange = ask("/", true);
  for (const auto slice : buffers_.slices("part")) exchange.upstream->request_body(slice);
  talk(peer_);
  peer_.respond(1, {{":status", "413"}});
  talk(peer_);
  peer_.reset(1, NGHTTP2_NO_ERROR);
  talk(peer_);
  EXPECT_TRUE(exchange.ended);
  EXPECT_EQ(exchange.broken, Broken::none);
  for (const auto slice : buffers_.slices("late")) exchange.upstream->request_body(slice);
  exchange.upstream->request_end(nullptr);
  exchange.release();
  client_.deliver();
  EXPECT_EQ(client_.open_requests(), 0u);
}

TEST_F(H2ClientTest, ALostConnectionTellsAll) {
  Exchange& first = ask("/1");
  talk(peer_);
  client_.lost(Broken::reset);
  client_.deliver();
  EXPECT_EQ(first.broken, Broken::reset);
  EXPECT_TRUE(client_.finished());
  EXPECT_FALSE(client_.can_open());
}

TEST_F(H2ClientTest, AKeptConnectionThatIsLostWasStale) {
  ask("/1");
  talk(peer_);
  peer_.respond(1, {{":status", "204"}});
  talk(peer_);
  exchanges_[0]->release();
  Exchange& second = ask("/2");
  client_.lost(Broken::reset);
  client_.deliver();
  EXPECT_EQ(second.broken, Broken::stale);
}

TEST_F(H2ClientTest, ReleasedInTheMiddleItCancels) {
  ask("/1");
  talk(peer_);
  const std::string body(2'000'000, 'd');
  peer_.respond(1, {{":status", "200"}}, &body);
  feed(peer_.output());
  exchanges_[0]->release();
  talk(peer_);
  EXPECT_EQ(peer_.streams[1].error, std::uint32_t{NGHTTP2_CANCEL});
  EXPECT_EQ(client_.open_requests(), 0u);
  EXPECT_EQ(buffers_.in_use(), 0u);
}

TEST_F(H2ClientTest, ReleasedBeforeItWentOutItIsForgotten) {
  ask("/1");
  exchanges_[0]->release();
  talk(peer_);
  EXPECT_EQ(client_.open_requests(), 0u);
  Exchange& second = ask("/2");
  talk(peer_);
  const std::int32_t id = peer_.streams.rbegin()->first;
  peer_.respond(id, {{":status", "204"}});
  talk(peer_);
  EXPECT_TRUE(second.ended);
}

TEST_F(H2ClientTest, HoldsAnAnswerBackWhilePaused) {
  Exchange& paused = ask("/1");
  Exchange& other = ask("/2");
  talk(peer_);
  const std::string body(2'000'000, 'd');
  peer_.respond(1, {{":status", "200"}}, &body);
  peer_.respond(3, {{":status", "200"}}, &body);
  paused.upstream->pause_response();
  talk(peer_);
  EXPECT_EQ(paused.answers.size(), 1u);
  EXPECT_TRUE(paused.body.empty());
  EXPECT_LE(buffers_.in_use() * 16'384, 2 * kH2StreamWindow);
  EXPECT_EQ(other.body, body);  // one that is held up holds up no other
  paused.upstream->resume_response();
  EXPECT_TRUE(paused.body.empty());  // told in its turn only
  client_.deliver();
  talk(peer_);
  EXPECT_EQ(paused.body, body);
  EXPECT_TRUE(paused.ended);
}

TEST_F(H2ClientTest, SmallFramesOfAPausedAnswerPinLittleMemory) {
  Exchange& paused = ask("/1");
  talk(peer_);
  paused.upstream->pause_response();
  Hpack hpack;
  feed(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, hpack.block({{":status", "200"}})));
  for (int i = 0; i < 600; ++i) feed(frame(NGHTTP2_DATA, 0, 1, "0123456789"));
  EXPECT_LE(buffers_.in_use(), 3u);
  paused.upstream->resume_response();
  client_.deliver();
  EXPECT_EQ(paused.body.size(), 6000u);
}

TEST_F(H2ClientTest, MalformedAnswersAreRefused) {
  const std::vector<FieldList> heads = {
      {{"x-no-status", "1"}},
      {{":status", "101"}},
      {{":status", "99"}},
      {{":status", "200"}, {"connection", "close"}},
      {{":status", "200"}, {"transfer-encoding", "chunked"}},
      {{":status", "200"}, {"Upper", "1"}},
      {{":status", "200"}, {"x", "a\r\nb: c"}},
      {{":status", "200"}, {"content-length", "1"}, {"content-length", "2"}},
      {{":status", "200"}, {"content-length", "-1"}},
      {{":status", "200"}, {":path", "/"}},
      {{":status", "200"}, {"x-long", std::string(20'000, 'x')}},
  };
  Hpack hpack;
  feed(frame(NGHTTP2_SETTINGS, 0, 0, ""));
  std::uint32_t id = 1;
  for (const FieldList& fields : heads) {
    Exchange& exchange = ask("/");
    client_.flush(wire_);
    const std::string block = hpack.block(fields);
    std::size_t at = 0;
    std::uint8_t type = NGHTTP2_HEADERS;
    do {
      const std::string part = block.substr(at, 16'000);
      at += 16'000;
      const int flags = at >= block.size() ? NGHTTP2_FLAG_END_HEADERS : NGHTTP2_FLAG_NONE;
      feed(frame(std::exchange(type, std::uint8_t{NGHTTP2_CONTINUATION}),
                 static_cast<std::uint8_t>(flags), id, part));
    } while (at < block.size());
    client_.flush(wire_);
    client_.deliver();
    EXPECT_EQ(exchange.broken, Broken::bad_message) << fields.back().first;
    EXPECT_TRUE(exchange.answers.empty());
    id += 2;
  }
}

TEST_F(H2ClientTest, AnAnswerShorterOrLongerThanItSaysIsMalformed) {
  for (const std::string body : {"1234", "123456"}) {
    Exchange& exchange = ask("/");
    talk(peer_);
    peer_.respond(peer_.streams.rbegin()->first, {{":status", "200"}, {"content-length", "5"}},
                  &body);
    talk(peer_);
    EXPECT_EQ(exchange.broken, Broken::bad_message) << body;
    EXPECT_FALSE(exchange.ended);
  }
}

TEST_F(H2ClientTest, TunnelsAWebSocketWhereTheServerCan) {
  Exchange& refused = ask("/chat", false, "websocket");
  talk(peer_);
  EXPECT_EQ(refused.broken, Broken::not_processed);

  H2Client client(buffers_.pool(), *this, {.head = {4096, 50, 1000}});
  H2Peer peer(true, {{NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}});
  Exchange exchange(buffers_);
  exchange.request.method = http::Method::get;
  exchange.request.method_text = "GET";
  exchange.request.target = "/chat";
  exchange.request.authority = "example.net";
  exchange.request.protocol = "websocket";
  exchange.request.fields.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
  UpstreamSide& side = client.open(exchange);
  side.request(exchange.request, false);  // waits until the server has said what it can
  client.deliver();
  EXPECT_EQ(exchange.broken, Broken::none);
  for (const auto slice : buffers_.slices(peer.output())) client.receive(slice, 0);
  for (const auto slice : buffers_.slices("ping")) side.request_body(slice);
  client.flush(wire_);
  peer.input(wire_.take());
  EXPECT_THAT(peer.streams[1].heads.at(0),
              ElementsAre(Pair(":method", "CONNECT"), Pair(":protocol", "websocket"),
                          Pair(":scheme", "http"), Pair(":path", "/chat"),
                          Pair(":authority", "example.net")));
  EXPECT_EQ(peer.streams[1].body, "ping");
  const std::string pong = "pong";
  peer.respond(1, {{":status", "200"}}, &pong);
  for (const auto slice : buffers_.slices(peer.output())) client.receive(slice, 0);
  client.deliver();
  EXPECT_EQ(exchange.answers.at(0).status, 101);
  EXPECT_EQ(exchange.answers.at(0).framing, http::Framing::tunnel);
  // The example of RFC 6455 §1.3.
  EXPECT_EQ(text_of(exchange.answers.at(0).fields),
            "Upgrade: websocket\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n");
  EXPECT_EQ(exchange.body, "pong");
  side.release();
  client.deliver();
  client.lost(Broken::reset);
  client.deliver();
}

TEST_F(H2ClientTest, AsksForASignOfLife) {
  client_.probe();
  client_.flush(wire_);
  EXPECT_FALSE(client_.answered());
  peer_.input(wire_.take());
  feed(peer_.output());
  EXPECT_TRUE(client_.answered());
}

TEST_F(H2ClientTest, AServerMayNotOpenStreams) {
  ask("/");
  talk(peer_);
  Hpack hpack;
  feed(frame(NGHTTP2_PUSH_PROMISE, NGHTTP2_FLAG_END_HEADERS, 1, big_endian(2) + hpack.block(kGet)));
  client_.flush(wire_);
  EXPECT_TRUE(client_.finished());
  client_.deliver();
  EXPECT_EQ(exchanges_[0]->broken, Broken::reset);
}

}  // namespace
}  // namespace sallyport::http_door
