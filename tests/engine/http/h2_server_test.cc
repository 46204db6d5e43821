// A visitor's HTTP/2 connection against nghttp2's client in memory.

#include "engine/http/h2_server.h"

#include <gmock/gmock.h>

#include "tests/engine/http/h2_peer.h"

namespace sallyport::http_door {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Pair;

class H2ServerTest : public testing::Test, public H2Requests {
 public:
  void TearDown() override {
    server_.lost();
    server_.deliver();
    EXPECT_EQ(server_.open_requests(), 0u);
  }

  // H2Requests.
  ExchangeEvents* begin_request(ClientSide& side, http::RequestHead& head, bool body) override {
    auto& exchange = *exchanges_.emplace_back(std::make_unique<NotingExchange>(buffers_));
    exchange.side = &side;
    exchange.has_body = body;
    std::swap(exchange.request, head);
    if (answer_at_once_) answer(exchange, 200, "at once");
    return refuse_all_ ? nullptr : &exchange;
  }
  ExchangeEvents* refuse_request(ClientSide& side, http::RequestHead& head, std::uint16_t status,
                                 std::string_view) override {
    ExchangeEvents* const exchange = begin_request(side, head, false);
    exchanges_.back()->refused = status;
    answer(*exchanges_.back(), status, "no");
    return exchange;
  }
  void needs_turn() noexcept override { ++turns_; }

  void answer(NotingExchange& exchange, std::uint16_t status, std::string_view body) {
    http::ResponseHead head;
    head.status = status;
    head.fields.add("X-Own", "yes");
    head.content_length = body.size();
    exchange.side->respond(head, !body.empty());
    for (const ring::Slice slice : buffers_.slices(body)) exchange.side->respond_body(slice);
    exchange.side->respond_end(nullptr);
    exchange.side = nullptr;
  }

  /// Octets back and forth until neither has anything to say.
  void talk() {
    for (int i = 0; i < 1000; ++i) {
      const std::string in = peer_.output();
      feed(in);
      server_.flush(wire_);
      server_.deliver();
      const std::string out = wire_.take();
      if (!out.empty()) peer_.input(out);
      if (in.empty() && out.empty()) return;
    }
    ADD_FAILURE() << "it never ends";
  }
  void feed(std::string_view octets, std::size_t most = SIZE_MAX) {
    while (!octets.empty()) {
      const std::string_view some = octets.substr(0, std::min<std::size_t>(most, 16'384));
      for (const ring::Slice slice : buffers_.slices(some)) server_.receive(slice, now_ms_);
      octets.remove_prefix(some.size());
    }
    server_.deliver();
  }

  H2Buffers buffers_;
  MemoryWire wire_{buffers_};
  H2Server server_{buffers_.pool(),
                   *this,
                   {.head = {.max_head_octets = 4096, .max_fields = 50, .max_target_octets = 1000},
                    .max_streams = 16}};
  H2Peer peer_{false};
  std::vector<std::unique_ptr<NotingExchange>> exchanges_;
  std::uint64_t now_ms_ = 1000;
  int turns_ = 0;
  bool answer_at_once_ = false;
  bool refuse_all_ = false;
};

TEST_F(H2ServerTest, BringsARequestAndTakesItsAnswer) {
  FieldList fields = kGet;
  fields[2].second = "Example.NET:8443";
  fields[3].second = "/a?b=c";
  fields.emplace_back("cookie", "a=1");
  fields.emplace_back("te", "trailers");
  fields.emplace_back("cookie", "b=2");
  const auto id = peer_.request(fields);
  talk();
  ASSERT_EQ(exchanges_.size(), 1u);
  NotingExchange& exchange = *exchanges_[0];
  EXPECT_EQ(exchange.request.method, http::Method::get);
  EXPECT_EQ(exchange.request.method_text, "GET");
  EXPECT_EQ(exchange.request.target, "/a?b=c");
  EXPECT_EQ(exchange.request.authority, "example.net:8443");
  EXPECT_EQ(exchange.request.scheme, "https");
  EXPECT_EQ(text_of(exchange.request.fields), "te: trailers\ncookie: a=1; b=2\n");
  EXPECT_EQ(exchange.request.framing, http::Framing::none);
  EXPECT_FALSE(exchange.has_body);

  answer(exchange, 200, "hello");
  talk();
  const SeenStream& seen = peer_.streams[id];
  ASSERT_EQ(seen.heads.size(), 1u);
  EXPECT_THAT(seen.heads[0], ElementsAre(Pair(":status", "200"), Pair("x-own", "yes"),
                                         Pair("content-length", "5")));
  EXPECT_EQ(seen.body, "hello");
  EXPECT_TRUE(seen.ended);
  EXPECT_TRUE(seen.closed);
  EXPECT_EQ(seen.error, 0u);
  EXPECT_FALSE(exchange.ended);  // it was told that there is no body
  EXPECT_EQ(exchange.broken, Broken::none);
  EXPECT_EQ(server_.open_requests(), 0u);
}

TEST_F(H2ServerTest, MayBeAnsweredWithinTheCall) {
  answer_at_once_ = true;
  const auto id = peer_.request(kGet);
  const std::string upload(100'000, 'u');
  const auto other = peer_.request(kGet, &upload);
  talk();
  EXPECT_EQ(peer_.streams[id].body, "at once");
  EXPECT_EQ(peer_.streams[other].body, "at once");
  EXPECT_EQ(server_.open_requests(), 0u);
}

TEST_F(H2ServerTest, BringsABodyAndTrailers) {
  FieldList fields = kGet;
  fields[0].second = "POST";
  const std::string upload(100'000, 'u');
  peer_.request(fields, &upload,
                {{"x-sum", "1"}, {"content-length", "5"}, {"transfer-encoding", "chunked"}});
  talk();
  // nghttp2 finds the connection-specific field, and takes it for malformed (RFC 9113 §8.2.2).
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_[0]->broken, Broken::gone);

  peer_.request(fields, &upload, {{"x-sum", "1"}, {"authorization", "x"}});
  talk();
  ASSERT_EQ(exchanges_.size(), 2u);
  EXPECT_TRUE(exchanges_[1]->has_body);
  EXPECT_EQ(exchanges_[1]->body, upload);
  EXPECT_TRUE(exchanges_[1]->ended);
  EXPECT_EQ(exchanges_[1]->trailers, "x-sum: 1\n");
  EXPECT_EQ(exchanges_[1]->request.framing, http::Framing::stream);
  answer(*exchanges_[1], 204, "");
  talk();
  EXPECT_EQ(buffers_.in_use(), 0u);
}

TEST_F(H2ServerTest, ReadsInAnyFragments) {
  FieldList fields = kGet;
  fields[0].second = "PUT";
  const std::string upload(3000, 'u');
  peer_.request(fields, &upload);
  feed(peer_.output(), 1);
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_[0]->body, upload);
  EXPECT_TRUE(exchanges_[0]->ended);
}

TEST_F(H2ServerTest, SendsInterimAnswersAndTrailers) {
  const auto id = peer_.request(kGet);
  talk();
  http::ResponseHead head;
  head.status = 103;
  head.fields.add("link", "</a.css>");
  exchanges_[0]->side->respond(head, false);
  head.reset();
  head.status = 200;
  exchanges_[0]->side->respond(head, true);
  http::Fields trailers;
  trailers.add("Grpc-Status", "0");
  for (const auto slice : buffers_.slices("x")) exchanges_[0]->side->respond_body(slice);
  exchanges_[0]->side->respond_end(&trailers);
  talk();
  const SeenStream& seen = peer_.streams[id];
  ASSERT_EQ(seen.heads.size(), 2u);
  EXPECT_THAT(seen.heads[0], ElementsAre(Pair(":status", "103"), Pair("link", "</a.css>")));
  EXPECT_EQ(seen.body, "x");
  EXPECT_THAT(seen.trailers, ElementsAre(Pair("grpc-status", "0")));
  EXPECT_TRUE(seen.closed);
}

TEST_F(H2ServerTest, LeavesOutWhatBelongsToAnHttp1Connection) {
  const auto id = peer_.request(kGet);
  talk();
  http::ResponseHead head;
  head.status = 200;
  for (const auto& name : {"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding",
                           "Upgrade", "Content-Length"}) {
    head.fields.add(name, "7");
  }
  exchanges_[0]->side->respond(head, false);
  exchanges_[0]->side->respond_end(nullptr);
  talk();
  EXPECT_THAT(peer_.streams[id].heads.at(0), ElementsAre(Pair(":status", "200")));
}

TEST_F(H2ServerTest, HoldsAnUploadBackWhileTheExchangeIsPaused) {
  FieldList fields = kGet;
  fields[0].second = "POST";
  const std::string upload(3'000'000, 'u');
  peer_.request(fields, &upload);
  feed(peer_.output());
  server_.flush(wire_);
  peer_.input(wire_.take());
  ASSERT_EQ(exchanges_.size(), 1u);
  exchanges_[0]->side->pause_request();
  const std::size_t before = exchanges_[0]->body.size();
  talk();
  EXPECT_EQ(exchanges_[0]->body.size(), before);
  EXPECT_LE(buffers_.in_use() * 16'384, 2 * kH2StreamWindow);
  exchanges_[0]->side->resume_request();
  EXPECT_EQ(exchanges_[0]->body.size(), before);  // told in its turn only
  talk();
  EXPECT_EQ(exchanges_[0]->body.size(), upload.size());
  EXPECT_TRUE(exchanges_[0]->ended);
}

TEST_F(H2ServerTest, ADiscardedUploadKeepsTheConnectionGoing) {
  FieldList fields = kGet;
  fields[0].second = "POST";
  const std::string upload(4'000'000, 'u');
  peer_.request(fields, &upload);
  feed(peer_.output());
  exchanges_.at(0)->side->discard_request();
  talk();
  const auto id = peer_.request(kGet);
  talk();
  answer(*exchanges_.at(1), 200, "still here");
  talk();
  EXPECT_EQ(peer_.streams[id].body, "still here");
  EXPECT_FALSE(exchanges_[0]->ended);
}

TEST_F(H2ServerTest, AnAnswerBeforeTheEndOfTheRequestStopsIt) {
  FieldList fields = kGet;
  fields[0].second = "POST";
  const std::string upload(4'000'000, 'u');
  const auto id = peer_.request(fields, &upload);
  feed(peer_.output());
  answer(*exchanges_.at(0), 413, "too much");
  talk();
  EXPECT_EQ(peer_.streams[id].body, "too much");
  EXPECT_TRUE(peer_.streams[id].ended);
  EXPECT_FALSE(peer_.streams[id].closed);  // he may stop by himself
  EXPECT_EQ(buffers_.in_use(), 0u);
  EXPECT_EQ(server_.time_out_bodies(now_ms_ + 1999, 1), 0u);
  talk();
  EXPECT_FALSE(peer_.streams[id].closed);
  EXPECT_EQ(server_.time_out_bodies(now_ms_ + 2000, 1), 0u);
  talk();
  EXPECT_TRUE(peer_.streams[id].closed);
  EXPECT_EQ(peer_.streams[id].error, std::uint32_t{NGHTTP2_NO_ERROR});
  EXPECT_EQ(server_.open_requests(), 0u);
  // The connection's window has not suffered.
  const auto next = peer_.request(fields, &upload);
  talk();
  EXPECT_EQ(exchanges_.at(1)->body.size(), upload.size());
  answer(*exchanges_[1], 200, "fine");
  talk();
  EXPECT_EQ(peer_.streams[next].body, "fine");
}

TEST_F(H2ServerTest, HoldsAnAnswerBackWhileTheVisitorReadsNot) {
  H2Peer slow(false, {}, false);
  const auto id = slow.request(kGet);
  feed(slow.output());
  NotingExchange& exchange = *exchanges_.at(0);
  http::ResponseHead head;
  head.status = 200;
  exchange.side->respond(head, true);
  std::size_t given = 0;
  for (int i = 0; i < 200; ++i) {
    while (exchange.side->writable()) {
      for (const auto slice : buffers_.slices(std::string(10'000, 'd'))) {
        exchange.side->respond_body(slice);
      }
      given += 10'000;
    }
    server_.flush(wire_);
    server_.deliver();
  }
  // A window of 65,535, and what waits.
  EXPECT_LE(given, 65'535 + kH2OutgoingLimit + 20'000);
  EXPECT_EQ(exchange.writable, 1);
  EXPECT_GT(server_.octets_waiting(), kH2OutgoingLimit);
  EXPECT_EQ(server_.octets_sent(), 65'535u);
  slow.input(wire_.take());
  EXPECT_EQ(slow.streams[id].body.size(), 65'535u);
  nghttp2_session_consume(slow.raw(), id, 65'535);
  feed(slow.output());
  server_.flush(wire_);
  server_.deliver();
  EXPECT_EQ(exchange.writable, 2);
}

TEST_F(H2ServerTest, WritesNoMoreThanTheWireTakes) {
  const auto id = peer_.request(kGet);
  talk();
  answer(*exchanges_.at(0), 200, std::string(50'000, 'd'));
  wire_.limit = 1;
  server_.flush(wire_);
  EXPECT_LT(wire_.sent.size(), 20'000u);
  EXPECT_TRUE(server_.wants_flush());
  wire_.limit = SIZE_MAX;
  talk();
  EXPECT_EQ(peer_.streams[id].body.size(), 50'000u);
}

TEST_F(H2ServerTest, AVisitorWhoCancelsIsTold) {
  const auto id = peer_.request(kGet);
  talk();
  peer_.reset(id, NGHTTP2_CANCEL);
  talk();
  EXPECT_EQ(exchanges_.at(0)->broken, Broken::gone);
  EXPECT_EQ(server_.open_requests(), 0u);
}

TEST_F(H2ServerTest, ARequestThatIsCancelledAtOnceIsNeverBegun) {
  const auto id = peer_.request(kGet);
  std::string octets = peer_.output();
  peer_.reset(id, NGHTTP2_CANCEL);
  octets += peer_.output();
  feed(octets);
  EXPECT_TRUE(exchanges_.empty());
  EXPECT_EQ(server_.open_requests(), 0u);
}

TEST_F(H2ServerTest, AnAbortedAnswerIsAReset) {
  const auto id = peer_.request(kGet);
  talk();
  http::ResponseHead head;
  head.status = 200;
  exchanges_.at(0)->side->respond(head, true);
  for (const auto slice : buffers_.slices("half")) exchanges_[0]->side->respond_body(slice);
  exchanges_[0]->side->abort();
  talk();
  EXPECT_TRUE(peer_.streams[id].closed);
  EXPECT_FALSE(peer_.streams[id].ended);
  EXPECT_EQ(peer_.streams[id].error, std::uint32_t{NGHTTP2_INTERNAL_ERROR});
  EXPECT_EQ(exchanges_[0]->broken, Broken::none);
}

TEST_F(H2ServerTest, WithoutRoomAStreamIsRefused) {
  refuse_all_ = true;
  const auto id = peer_.request(kGet);
  talk();
  EXPECT_EQ(peer_.streams[id].error, std::uint32_t{NGHTTP2_REFUSED_STREAM});
}

TEST_F(H2ServerTest, ALostConnectionTellsAll) {
  peer_.request(kGet);
  peer_.request(kGet);
  talk();
  server_.lost();
  EXPECT_EQ(exchanges_.at(0)->broken, Broken::none);
  server_.deliver();
  EXPECT_EQ(exchanges_.at(0)->broken, Broken::gone);
  EXPECT_EQ(exchanges_.at(1)->broken, Broken::gone);
  EXPECT_TRUE(server_.finished());
}

TEST_F(H2ServerTest, ShutsDownWithoutCuttingOffWhatIsOnItsWay) {
  const auto first = peer_.request(kGet);
  talk();
  server_.shut_down();
  server_.flush(wire_);
  const std::string goaway = wire_.take();
  const auto second = peer_.request(kGet);  // it has not read the GOAWAY yet
  feed(peer_.output());
  peer_.input(goaway);
  EXPECT_THAT(peer_.goaway_last, ElementsAre(0x7fff'ffff));
  talk();
  ASSERT_EQ(exchanges_.size(), 2u);
  EXPECT_THAT(peer_.goaway_last, ElementsAre(0x7fff'ffff, second));
  answer(*exchanges_[0], 200, "one");
  EXPECT_FALSE(server_.finished());
  answer(*exchanges_[1], 200, "two");
  talk();
  EXPECT_EQ(peer_.streams[first].body, "one");
  EXPECT_EQ(peer_.streams[second].body, "two");
  EXPECT_TRUE(server_.finished());
}

TEST_F(H2ServerTest, EndsGracefullyAfterSoManyRequests) {
  H2Server server(buffers_.pool(), *this, {.head = {4096, 50, 1000}, .max_requests = 2});
  answer_at_once_ = true;
  peer_.request(kGet);
  peer_.request(kGet);
  const auto turn = [&](std::string_view octets) {
    for (const auto slice : buffers_.slices(octets)) server.receive(slice, 0);
    server.deliver();
    server.flush(wire_);
    peer_.input(wire_.take());
  };
  turn(peer_.output());
  EXPECT_THAT(peer_.goaways, ElementsAre(0u));
  EXPECT_EQ(peer_.pings, 1u);
  // Until he has answered the PING, he may have opened more.
  EXPECT_FALSE(server.finished());
  turn(peer_.output());
  EXPECT_TRUE(server.finished());
  server.deliver();
}

TEST_F(H2ServerTest, Says100OnceTheBodyIsWanted) {
  FieldList fields = kGet;
  fields[0].second = "POST";
  fields.emplace_back("expect", "100-continue");
  Hpack hpack;
  feed(peer_.output());
  feed(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, hpack.block(fields)));
  server_.flush(wire_);
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_TRUE(exchanges_[0]->request.expect_continue);
  peer_.request(fields);  // so that it knows stream 1
  peer_.output();
  peer_.input(wire_.take());
  EXPECT_THAT(peer_.streams[1].heads.at(0), ElementsAre(Pair(":status", "100")));
}

TEST_F(H2ServerTest, ABodyThatDoesNotComeIsGivenUp) {
  FieldList fields = kGet;
  fields[0].second = "POST";
  Hpack hpack;
  feed(peer_.output());
  feed(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, hpack.block(fields)));
  EXPECT_EQ(server_.time_out_bodies(now_ms_ + 999, 1000), 0u);
  exchanges_.at(0)->side->pause_request();
  EXPECT_EQ(server_.time_out_bodies(now_ms_ + 5000, 1000), 0u);
  exchanges_[0]->side->resume_request();
  now_ms_ += 5500;
  feed(frame(NGHTTP2_DATA, 0, 1, "x"));
  EXPECT_EQ(server_.time_out_bodies(now_ms_ + 999, 1000), 0u);
  EXPECT_EQ(server_.time_out_bodies(now_ms_ + 1000, 1000), 1u);
  server_.flush(wire_);
  server_.deliver();
  EXPECT_EQ(exchanges_[0]->broken, Broken::gone);
}

TEST_F(H2ServerTest, CarriesAWebSocket) {
  const std::string nothing;
  FieldList fields = {{":method", "CONNECT"}, {":protocol", "websocket"},
                      {":scheme", "https"},   {":authority", "example.net"},
                      {":path", "/chat"},     {"sec-websocket-version", "13"}};
  server_.flush(wire_);
  peer_.input(wire_.take());
  EXPECT_EQ(
      nghttp2_session_get_remote_settings(peer_.raw(), NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL),
      1u);
  const std::string ping = "ping";
  const auto id = peer_.request(fields, &ping);
  talk();
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_[0]->request.method, http::Method::connect);
  EXPECT_EQ(exchanges_[0]->request.protocol, "websocket");
  EXPECT_EQ(exchanges_[0]->request.target, "/chat");
  EXPECT_EQ(exchanges_[0]->request.framing, http::Framing::tunnel);
  EXPECT_EQ(exchanges_[0]->body, "ping");
  http::ResponseHead head;
  head.status = 101;
  head.framing = http::Framing::tunnel;
  head.fields.add("Upgrade", "websocket");
  head.fields.add("Sec-WebSocket-Accept", "abc=");
  exchanges_[0]->side->respond(head, true);
  for (const auto slice : buffers_.slices("pong")) exchanges_[0]->side->respond_body(slice);
  exchanges_[0]->side->respond_end(nullptr);
  talk();
  EXPECT_THAT(peer_.streams[id].heads.at(0), ElementsAre(Pair(":status", "200")));
  EXPECT_EQ(peer_.streams[id].body, "pong");
}

TEST_F(H2ServerTest, SaysThatItIsInTheMiddleOfAHead) {
  EXPECT_TRUE(server_.mid_head());  // the preface has not come
  const std::string octets = peer_.output();
  feed(octets);
  EXPECT_FALSE(server_.mid_head());
  Hpack hpack;
  const std::string block = hpack.block(kGet);
  feed(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, block.substr(0, 4)));
  EXPECT_TRUE(server_.mid_head());
  feed(frame(NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, block.substr(4)));
  EXPECT_FALSE(server_.mid_head());
  EXPECT_EQ(exchanges_.size(), 1u);
}

}  // namespace
}  // namespace sallyport::http_door
