// What RFC 9113, 7541 and 8441 call an error, in frames made by hand: each ends in the error that
// they name, on the stream or on the connection, and no exchange hears of a malformed request.

#include <cctype>
#include <optional>

#include <gmock/gmock.h>

#include "engine/http/h2_server.h"
#include "tests/engine/http/h2_peer.h"

namespace sallyport::http_door {
namespace {

constexpr std::uint8_t kEndStream = NGHTTP2_FLAG_END_STREAM;
constexpr std::uint8_t kEndHeaders = NGHTTP2_FLAG_END_HEADERS;
constexpr std::uint8_t kWhole = kEndStream | kEndHeaders;
constexpr std::uint8_t kPadded = NGHTTP2_FLAG_PADDED;
constexpr std::uint8_t kAck = NGHTTP2_FLAG_ACK;

struct SeenFrame {
  std::uint8_t type;
  std::uint8_t flags;
  std::uint32_t stream;
  std::string payload;
};

std::uint32_t number(std::string_view octets) {
  std::uint32_t value = 0;
  for (const char c : octets) value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

std::vector<SeenFrame> split(std::string_view octets) {
  std::vector<SeenFrame> frames;
  while (octets.size() >= 9) {
    const std::size_t length = number(octets.substr(0, 3));
    frames.push_back({static_cast<std::uint8_t>(octets[3]), static_cast<std::uint8_t>(octets[4]),
                      number(octets.substr(5, 4)), std::string(octets.substr(9, length))});
    octets.remove_prefix(9 + length);
  }
  return frames;
}

/// One server, fed with frames.
class Talk final : public H2Requests {
 public:
  explicit Talk(bool greet = true) {
    if (greet) send(std::string(kPreface) + frame(NGHTTP2_SETTINGS, 0, 0, ""));
  }
  ~Talk() {
    server_.lost();
    server_.deliver();
    EXPECT_EQ(server_.open_requests(), 0u);
  }

  void send(std::string_view octets) {
    while (!octets.empty()) {
      const auto some = octets.substr(0, 16'384);
      for (const auto slice : buffers_.slices(some)) server_.receive(slice, now_ms_);
      octets.remove_prefix(some.size());
    }
    for (int i = 0; i < 3; ++i) {
      server_.deliver();
      server_.flush(wire_);
    }
    for (SeenFrame& seen : split(wire_.take())) frames_.push_back(std::move(seen));
  }

  std::optional<std::uint32_t> goaway() const {
    for (const auto& seen : frames_) {
      if (seen.type == NGHTTP2_GOAWAY) return number(std::string_view(seen.payload).substr(4, 4));
    }
    return {};
  }
  std::optional<std::uint32_t> reset(std::uint32_t stream) const {
    for (const auto& seen : frames_) {
      if (seen.type == NGHTTP2_RST_STREAM && seen.stream == stream) return number(seen.payload);
    }
    return {};
  }
  std::size_t count(std::uint8_t type, std::uint8_t flags = 0) const {
    return static_cast<std::size_t>(std::ranges::count_if(frames_, [&](const SeenFrame& seen) {
      return seen.type == type && (seen.flags & flags) == flags;
    }));
  }
  /// It answers a PING, so the connection goes on.
  bool alive() {
    const std::size_t before = count(NGHTTP2_PING, kAck);
    send(frame(NGHTTP2_PING, 0, 0, "are you "));
    return count(NGHTTP2_PING, kAck) == before + 1 && !goaway();
  }

  ExchangeEvents* begin_request(ClientSide& side, http::RequestHead& head, bool) override {
    auto& exchange = *exchanges_.emplace_back(std::make_unique<NotingExchange>(buffers_));
    exchange.side = &side;
    std::swap(exchange.request, head);
    return &exchange;
  }
  ExchangeEvents* refuse_request(ClientSide& side, http::RequestHead&, std::uint16_t status,
                                 std::string_view) override {
    statuses_.push_back(status);
    http::ResponseHead head;
    head.status = status;
    side.respond(head, false);
    side.respond_end(nullptr);
    return nullptr;
  }
  void needs_turn() noexcept override {}

  H2Buffers buffers_;
  MemoryWire wire_{buffers_};
  H2Server server_{buffers_.pool(),
                   *this,
                   {.head = {.max_head_octets = 4096, .max_fields = 50, .max_target_octets = 1000},
                    .max_streams = 4}};
  std::vector<SeenFrame> frames_;
  std::vector<std::unique_ptr<NotingExchange>> exchanges_;
  std::vector<std::uint16_t> statuses_;
  std::uint64_t now_ms_ = 1000;
};

std::string headers(std::uint32_t stream, const FieldList& fields, std::uint8_t flags = kWhole) {
  Hpack hpack;
  return frame(NGHTTP2_HEADERS, flags, stream, hpack.block(fields));
}

std::string setting(std::uint16_t id, std::uint32_t value) {
  return frame(NGHTTP2_SETTINGS, 0, 0, big_endian(id, 2) + big_endian(value));
}

struct Case {
  std::string name;
  std::string octets;
  enum class End { fine, connection, stream } end;
  std::uint32_t error = 0;
};

std::string name_of(const testing::TestParamInfo<Case>& info) {
  std::string name;
  for (const char c : info.param.name) {
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name;
}

class H2Protocol : public testing::TestWithParam<Case> {};

TEST_P(H2Protocol, EndsAsTheStandardSays) {
  const Case& test = GetParam();
  Talk talk;
  talk.send(test.octets);
  switch (test.end) {
    case Case::End::fine:
      EXPECT_TRUE(talk.alive());
      EXPECT_EQ(talk.count(NGHTTP2_RST_STREAM), 0u);
      break;
    case Case::End::stream:
      ASSERT_TRUE(talk.reset(1)) << "no RST_STREAM";
      EXPECT_EQ(*talk.reset(1), test.error);
      EXPECT_TRUE(talk.alive());
      break;
    case Case::End::connection:
      ASSERT_TRUE(talk.goaway()) << "no GOAWAY";
      EXPECT_EQ(*talk.goaway(), test.error);
      EXPECT_TRUE(talk.server_.finished());
      break;
  }
}

std::vector<Case> framing_cases() {
  using enum Case::End;
  const std::string get = headers(1, kGet);
  const std::string open = headers(1, kGet, kEndHeaders);
  const std::string window(4, '\0');
  return {
      {"4.1 unknown frame type", get + frame(0x42, 0xff, 0, "what") + frame(0x43, 0, 1, "x"), fine},
      {"4.1 undefined flags", frame(NGHTTP2_PING, 0x16, 0, "12345678"), fine},
      {"4.1 reserved bit", frame(NGHTTP2_PING, 0, 0x8000'0000, "12345678"), fine},
      {"4.2 DATA too long", open + frame(NGHTTP2_DATA, 0, 1, std::string(16'385, 'x')), connection,
       NGHTTP2_FRAME_SIZE_ERROR},
      {"4.2 HEADERS too long", frame(NGHTTP2_HEADERS, kWhole, 1, std::string(16'385, 'x')),
       connection, NGHTTP2_FRAME_SIZE_ERROR},
      {"4.3 PRIORITY within a head",
       frame(NGHTTP2_HEADERS, kEndStream, 1, "\x82") + frame(NGHTTP2_PRIORITY, 0, 1, "12345"),
       connection, NGHTTP2_PROTOCOL_ERROR},
      {"4.3 another head within a head", frame(NGHTTP2_HEADERS, kEndStream, 1, "\x82") + get,
       connection, NGHTTP2_PROTOCOL_ERROR},
      {"4.3 unknown frame within a head",
       frame(NGHTTP2_HEADERS, kEndStream, 1, "\x82") + frame(0x42, 0, 1, "x"), connection,
       NGHTTP2_PROTOCOL_ERROR},
      {"5.1 idle: DATA", frame(NGHTTP2_DATA, kEndStream, 1, "x"), connection,
       NGHTTP2_PROTOCOL_ERROR},
      {"5.1 idle: RST_STREAM", frame(NGHTTP2_RST_STREAM, 0, 1, window), connection,
       NGHTTP2_PROTOCOL_ERROR},
      {"5.1 idle: WINDOW_UPDATE", frame(NGHTTP2_WINDOW_UPDATE, 0, 1, big_endian(1)), connection,
       NGHTTP2_PROTOCOL_ERROR},
      {"5.1 idle: CONTINUATION", frame(NGHTTP2_CONTINUATION, kEndHeaders, 1, "\x82"), connection,
       NGHTTP2_PROTOCOL_ERROR},
      {"5.1 half-closed: DATA", get + frame(NGHTTP2_DATA, kEndStream, 1, "x"), connection,
       NGHTTP2_STREAM_CLOSED},
      {"5.1 half-closed: HEADERS", get + get, connection, NGHTTP2_STREAM_CLOSED},
      {"5.1 half-closed: CONTINUATION", get + frame(NGHTTP2_CONTINUATION, kEndHeaders, 1, "\x82"),
       connection, NGHTTP2_PROTOCOL_ERROR},
      {"5.1 half-closed: WINDOW_UPDATE", get + frame(NGHTTP2_WINDOW_UPDATE, 0, 1, big_endian(1)),
       fine},
      {"5.1.1 even stream", headers(2, kGet), connection, NGHTTP2_PROTOCOL_ERROR},
      // Stream 3 counts as closed; nghttp2 ignores frames on closed streams, which may be late.
      {"5.1.1 stream number goes down", headers(5, kGet) + headers(3, kGet), fine},
      {"6.1 DATA on stream 0", frame(NGHTTP2_DATA, 0, 0, "x"), connection, NGHTTP2_PROTOCOL_ERROR},
      {"6.1 DATA padded too much",
       open + frame(NGHTTP2_DATA, kPadded, 1,
                    "\x06"
                    "12345"),
       connection, NGHTTP2_PROTOCOL_ERROR},
      {"6.1 DATA padded without octets", open + frame(NGHTTP2_DATA, kPadded, 1, ""), connection,
       NGHTTP2_PROTOCOL_ERROR},
      {"6.2 HEADERS on stream 0", headers(0, kGet), connection, NGHTTP2_PROTOCOL_ERROR},
      {"6.2 HEADERS padded too much", frame(NGHTTP2_HEADERS, kWhole | kPadded, 1, "\x09\x82"),
       connection, NGHTTP2_PROTOCOL_ERROR},
      {"6.3 PRIORITY on stream 0", frame(NGHTTP2_PRIORITY, 0, 0, "12345"), connection,
       NGHTTP2_PROTOCOL_ERROR},
      {"6.3 PRIORITY of 4 octets", frame(NGHTTP2_PRIORITY, 0, 1, "1234"), connection,
       NGHTTP2_FRAME_SIZE_ERROR},
      {"6.4 RST_STREAM on stream 0", frame(NGHTTP2_RST_STREAM, 0, 0, window), connection,
       NGHTTP2_PROTOCOL_ERROR},
      {"6.4 RST_STREAM of 3 octets", open + frame(NGHTTP2_RST_STREAM, 0, 1, "123"), connection,
       NGHTTP2_FRAME_SIZE_ERROR},
      {"6.5 SETTINGS acknowledged with content", frame(NGHTTP2_SETTINGS, kAck, 0, "x"), connection,
       NGHTTP2_FRAME_SIZE_ERROR},
      {"6.5 SETTINGS on a stream", frame(NGHTTP2_SETTINGS, 0, 1, ""), connection,
       NGHTTP2_PROTOCOL_ERROR},
      {"6.5 SETTINGS of 3 octets", frame(NGHTTP2_SETTINGS, 0, 0, "123"), connection,
       NGHTTP2_FRAME_SIZE_ERROR},
      {"6.5.2 ENABLE_PUSH of 2", setting(NGHTTP2_SETTINGS_ENABLE_PUSH, 2), connection,
       NGHTTP2_PROTOCOL_ERROR},
      {"6.5.2 window too large", setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0x8000'0000),
       connection, NGHTTP2_FLOW_CONTROL_ERROR},
      {"6.5.2 frame size too small", setting(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 16'383), connection,
       NGHTTP2_PROTOCOL_ERROR},
      {"6.5.2 frame size too large", setting(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 0x0100'0000),
       connection, NGHTTP2_PROTOCOL_ERROR},
      {"6.5.2 unknown setting", setting(0x1234, 7), fine},
      {"6.6 PUSH_PROMISE", open + frame(NGHTTP2_PUSH_PROMISE, kEndHeaders, 1, big_endian(2)),
       connection, NGHTTP2_PROTOCOL_ERROR},
      {"6.7 PING on a stream", frame(NGHTTP2_PING, 0, 1, "12345678"), connection,
       NGHTTP2_PROTOCOL_ERROR},
      {"6.7 PING of 7 octets", frame(NGHTTP2_PING, 0, 0, "1234567"), connection,
       NGHTTP2_FRAME_SIZE_ERROR},
      {"6.8 GOAWAY on a stream", frame(NGHTTP2_GOAWAY, 0, 1, "12345678"), connection,
       NGHTTP2_PROTOCOL_ERROR},
      {"6.9 WINDOW_UPDATE by 0", frame(NGHTTP2_WINDOW_UPDATE, 0, 0, window), connection,
       NGHTTP2_PROTOCOL_ERROR},
      {"6.9 WINDOW_UPDATE by 0 on a stream", open + frame(NGHTTP2_WINDOW_UPDATE, 0, 1, window),
       connection, NGHTTP2_PROTOCOL_ERROR},
      {"6.9 WINDOW_UPDATE of 3 octets", frame(NGHTTP2_WINDOW_UPDATE, 0, 0, "123"), connection,
       NGHTTP2_FRAME_SIZE_ERROR},
      {"6.9.1 window over 2^31-1", frame(NGHTTP2_WINDOW_UPDATE, 0, 0, big_endian(0x7fff'ffff)),
       connection, NGHTTP2_FLOW_CONTROL_ERROR},
      {"6.9.1 window of a stream over 2^31-1",
       open + frame(NGHTTP2_WINDOW_UPDATE, 0, 1, big_endian(0x7fff'ffff)), stream,
       NGHTTP2_FLOW_CONTROL_ERROR},
      {"6.9.2 window over 2^31-1 by SETTINGS",
       open + frame(NGHTTP2_WINDOW_UPDATE, 0, 1, big_endian(0x7fff'0000)) +
           setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0x7fff'ffff),
       stream, NGHTTP2_FLOW_CONTROL_ERROR},
      {"6.10 CONTINUATION after the head", get + frame(NGHTTP2_CONTINUATION, kEndHeaders, 1, "x"),
       connection, NGHTTP2_PROTOCOL_ERROR},
      {"6.10 CONTINUATION on stream 0",
       frame(NGHTTP2_HEADERS, kEndStream, 1, "\x82") +
           frame(NGHTTP2_CONTINUATION, kEndHeaders, 0, "\x84"),
       connection, NGHTTP2_PROTOCOL_ERROR},
  };
}
INSTANTIATE_TEST_SUITE_P(Framing, H2Protocol, testing::ValuesIn(framing_cases()), name_of);

std::vector<Case> hpack_cases() {
  using enum Case::End;
  const auto block = [](std::string_view octets) {
    return frame(NGHTTP2_HEADERS, kWhole, 1, octets);
  };
  using namespace std::string_view_literals;
  return {
      {"index 0", block("\x80"sv), connection, NGHTTP2_COMPRESSION_ERROR},
      {"index beyond the tables", block("\xfe"sv), connection, NGHTTP2_COMPRESSION_ERROR},
      {"name index beyond the tables", block("\x7e\x01x"sv), connection, NGHTTP2_COMPRESSION_ERROR},
      {"integer without end", block("\xff\xff\xff\xff\xff\xff\xff\xff"sv), connection,
       NGHTTP2_COMPRESSION_ERROR},
      {"string longer than the block",
       block("\x00\x05"
             "ab"sv),
       connection, NGHTTP2_COMPRESSION_ERROR},
      {"Huffman padding of 8 bits", block("\x40\x81\xff\x01x"sv), connection,
       NGHTTP2_COMPRESSION_ERROR},
      {"Huffman padding of zeros", block("\x40\x81\x00\x01x"sv), connection,
       NGHTTP2_COMPRESSION_ERROR},
      {"table larger than allowed", block("\x3f\xe2\x1f"sv), connection, NGHTTP2_COMPRESSION_ERROR},
      {"table size after a field", block("\x82\x20"sv), connection, NGHTTP2_COMPRESSION_ERROR},
  };
}
INSTANTIATE_TEST_SUITE_P(Hpack, H2Protocol, testing::ValuesIn(hpack_cases()), name_of);

/// kGet with one field changed or added.
FieldList with(std::string_view name, std::string_view value) {
  FieldList fields = kGet;
  for (auto& field : fields) {
    if (field.first == name) {
      field.second = value;
      return fields;
    }
  }
  fields.emplace_back(name, value);
  return fields;
}
FieldList without(std::string_view name) {
  FieldList fields = kGet;
  std::erase_if(fields, [&](const auto& field) { return field.first == name; });
  return fields;
}
FieldList twice(std::string_view name) {
  FieldList fields = kGet;
  for (const auto& field : kGet) {
    if (field.first == name) fields.push_back(field);
  }
  return fields;
}
FieldList joined(FieldList fields, const FieldList& more) {
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

std::vector<Case> message_cases() {
  const auto bad = [](std::string name, const FieldList& fields) {
    return Case{std::move(name), headers(1, fields), Case::End::stream, NGHTTP2_PROTOCOL_ERROR};
  };
  const auto good = [](std::string name, const FieldList& fields) {
    return Case{std::move(name), headers(1, fields), Case::End::fine};
  };
  using namespace std::string_literals;
  FieldList late = without(":path");
  late.emplace_back("a", "b");
  late.emplace_back(":path", "/");
  const FieldList connect = {{":method", "CONNECT"}, {":authority", "example.net:443"}};
  const FieldList websocket = joined(connect, {{":protocol", "websocket"}});
  return {
      good("GET", kGet),
      good("obs-text in a value", with("x", "caf\xc3\xa9")),
      good("Host that agrees", with("host", "EXAMPLE.net")),
      good("Host alone", joined(without(":authority"), {{"host", "example.net"}})),
      good("OPTIONS of all", {{":method", "OPTIONS"},
                              {":scheme", "http"},
                              {":authority", "example.net"},
                              {":path", "*"}}),
      good("TE trailers", with("te", "trailers")),
      good("CONNECT", connect),
      good("CONNECT for a WebSocket", joined(websocket, {{":scheme", "https"}, {":path", "/"}})),
      bad("8.2 upper case", with("X-Upper", "1")),
      bad("8.2 empty name", with("", "1")),
      bad("8.2.1 space in a name", with("x y", "1")),
      bad("8.2.1 colon in a name", with("x:y", "1")),
      bad("8.2.1 NUL in a name", with("x\0y"s, "1")),
      bad("8.2.1 not ASCII in a name", with("x\xc3\xa9", "1")),
      bad("8.2.1 LF in a value", with("x", "a\nb: c")),
      bad("8.2.1 CR LF in a value", with("x", "a\r\nhost: evil")),
      bad("8.2.1 NUL in a value", with("x", "a\0b"s)),
      bad("8.2.1 space before a value", with("x", " a")),
      bad("8.2.1 tab after a value", with("x", "a\t")),
      bad("8.2.2 Connection", with("connection", "keep-alive")),
      bad("8.2.2 Keep-Alive", with("keep-alive", "1")),
      bad("8.2.2 Proxy-Connection", with("proxy-connection", "1")),
      bad("8.2.2 Transfer-Encoding", with("transfer-encoding", "chunked")),
      bad("8.2.2 Upgrade", with("upgrade", "websocket")),
      bad("8.2.2 TE gzip", with("te", "gzip")),
      bad("8.2.2 TE trailers and gzip", with("te", "trailers, gzip")),
      bad("8.3 unknown pseudo-header", joined({{":what", "1"}}, kGet)),
      bad("8.3 pseudo-header of answers", joined({{":status", "200"}}, kGet)),
      bad("8.3 pseudo-header after a field", late),
      bad("8.3.1 no method", without(":method")),
      bad("8.3.1 no scheme", without(":scheme")),
      bad("8.3.1 no path", without(":path")),
      bad("8.3.1 neither authority nor Host", without(":authority")),
      bad("8.3.1 two methods", twice(":method")),
      bad("8.3.1 two schemes", twice(":scheme")),
      bad("8.3.1 two paths", twice(":path")),
      bad("8.3.1 two authorities", twice(":authority")),
      bad("8.3.1 empty path", with(":path", "")),
      bad("8.3.1 path without slash", with(":path", "a")),
      bad("8.3.1 absolute path", with(":path", "http://example.net/")),
      bad("8.3.1 star for GET", with(":path", "*")),
      bad("8.3.1 space in the path", with(":path", "/ HTTP/1.1")),
      bad("8.3.1 CR LF in the path", with(":path", "/ HTTP/1.1\r\nx: y")),
      bad("8.3.1 fragment in the path", with(":path", "/#a")),
      bad("8.3.1 not ASCII in the path", with(":path", "/\xc3\xa9")),
      bad("8.3.1 DEL in the path", with(":path", "/\x7f")),
      bad("8.3.1 space in the method", with(":method", "GET / HTTP/1.1")),
      bad("8.3.1 CR LF in the method", with(":method", "GET\r\n")),
      bad("8.3.1 empty method", with(":method", "")),
      bad("8.3.1 scheme is none of ours", with(":scheme", "ftp")),
      bad("8.3.1 CR LF in the scheme", with(":scheme", "http\r\nx")),
      bad("8.3.1 userinfo", with(":authority", "user@example.net")),
      bad("8.3.1 path in the authority", with(":authority", "example.net/a")),
      bad("8.3.1 space in the authority", with(":authority", "example.net x")),
      bad("8.3.1 empty authority", with(":authority", "")),
      bad("8.3.1 Host that differs", with("host", "other.net")),
      bad("8.3.1 two Hosts",
          joined(without(":authority"), {{"host", "example.net"}, {"host", "example.net"}})),
      bad("8.5 CONNECT with a path", joined(connect, {{":path", "/"}})),
      bad("8.5 CONNECT with a scheme", joined(connect, {{":scheme", "https"}})),
      bad("8.5 CONNECT without an authority", {{":method", "CONNECT"}}),
      bad("RFC 8441 WebSocket without a path", websocket),
      bad("RFC 8441 protocol of a GET", joined({{":protocol", "websocket"}}, kGet)),
      bad("Content-Length and no body", with("content-length", "5")),
      bad("Content-Length of a sign", with("content-length", "+0")),
      bad("Content-Length of a list", with("content-length", "0, 0")),
      bad("Content-Length too large", with("content-length", "99999999999999999999")),
      bad("two Content-Lengths", joined(kGet, {{"content-length", "0"}, {"content-length", "0"}})),
      good("Content-Length of 0", with("content-length", "0")),
  };
}
INSTANTIATE_TEST_SUITE_P(Message, H2Protocol, testing::ValuesIn(message_cases()), name_of);

TEST(H2ProtocolMessage, NoExchangeHearsOfAMalformedHead) {
  for (const Case& test : message_cases()) {
    Talk talk;
    talk.send(test.octets);
    EXPECT_EQ(talk.exchanges_.size(), test.end == Case::End::fine ? 1u : 0u) << test.name;
  }
}

std::vector<Case> body_cases() {
  using enum Case::End;
  const std::string five = headers(1, with("content-length", "5"), kEndHeaders);
  const auto data = [](std::string_view octets, std::uint8_t flags = 0) {
    return frame(NGHTTP2_DATA, flags, 1, octets);
  };
  return {
      {"as long as it says", five + data("123") + data("45", kEndStream), fine},
      {"8.1.1 shorter than it says", five + data("1234", kEndStream), stream,
       NGHTTP2_PROTOCOL_ERROR},
      {"8.1.1 longer than it says", five + data("123456", kEndStream), stream,
       NGHTTP2_PROTOCOL_ERROR},
      {"8.1.1 longer in two frames", five + data("123") + data("456", kEndStream), stream,
       NGHTTP2_PROTOCOL_ERROR},
      {"trailers", five + data("12345") + headers(1, {{"x-sum", "1"}}), fine},
      {"8.1 trailers that do not end",
       five + data("12345") + headers(1, {{"x-sum", "1"}}, kEndHeaders), stream,
       NGHTTP2_PROTOCOL_ERROR},
      {"8.1 pseudo-header in trailers", five + data("12345") + headers(1, {{":path", "/"}}), stream,
       NGHTTP2_PROTOCOL_ERROR},
      {"8.2.2 Connection in trailers", five + data("12345") + headers(1, {{"connection", "x"}}),
       stream, NGHTTP2_PROTOCOL_ERROR},
      {"8.1.1 trailers before the body is complete", five + headers(1, {{"x-sum", "1"}}), stream,
       NGHTTP2_PROTOCOL_ERROR},
      {"6.9 more than the window",
       headers(1, kGet, kEndHeaders) +
           [&] {
             std::string all;
             for (std::size_t i = 0; i <= 2 * kH2StreamWindow / 16'384; ++i) {
               all += data(std::string(16'384, 'x'));
             }
             return all;
           }(),
       stream, NGHTTP2_FLOW_CONTROL_ERROR},
  };
}
INSTANTIATE_TEST_SUITE_P(Body, H2Protocol, testing::ValuesIn(body_cases()), name_of);

TEST(H2ProtocolConnection, APrefaceThatIsNoneEndsIt) {
  Talk talk(false);
  talk.send("GET / HTTP/1.1\r\nHost: example.net\r\n\r\n");
  EXPECT_EQ(talk.goaway(), std::uint32_t{NGHTTP2_PROTOCOL_ERROR});
  EXPECT_TRUE(talk.server_.finished());
}

TEST(H2ProtocolConnection, SettingsComeFirst) {
  Talk talk(false);
  talk.send(std::string(kPreface) + frame(NGHTTP2_PING, 0, 0, "12345678"));
  EXPECT_EQ(talk.goaway(), std::uint32_t{NGHTTP2_PROTOCOL_ERROR});
}

TEST(H2ProtocolConnection, SaysItsSettingsFirst) {
  Talk talk;
  ASSERT_FALSE(talk.frames_.empty());
  EXPECT_EQ(talk.frames_[0].type, NGHTTP2_SETTINGS);
  const auto has = [&](std::uint16_t id, std::uint32_t value) {
    return talk.frames_[0].payload.find(big_endian(id, 2) + big_endian(value)) != std::string::npos;
  };
  EXPECT_TRUE(has(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 4));
  EXPECT_TRUE(has(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kH2StreamWindow));
  EXPECT_TRUE(has(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 4096));
  EXPECT_TRUE(has(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1));
}

TEST(H2ProtocolConnection, APingIsAnsweredWithItsOctets) {
  Talk talk;
  talk.send(frame(NGHTTP2_PING, 0, 0, "12345678") + frame(NGHTTP2_PING, kAck, 0, "abcdefgh"));
  ASSERT_EQ(talk.count(NGHTTP2_PING, kAck), 1u);
  EXPECT_EQ(talk.frames_.back().payload, "12345678");
}

TEST(H2ProtocolConnection, MoreStreamsThanAllowedAreRefused) {
  Talk talk;
  talk.send(frame(NGHTTP2_SETTINGS, kAck, 0, ""));
  Hpack hpack;
  for (std::uint32_t id = 1; id <= 9; id += 2) {
    talk.send(frame(NGHTTP2_HEADERS, kWhole, id, hpack.block(kGet)));
  }
  EXPECT_EQ(talk.exchanges_.size(), 4u);
  EXPECT_TRUE(talk.reset(9) || talk.goaway());
}

TEST(H2ProtocolConnection, ATargetThatIsTooLongIsA414) {
  Talk talk;
  talk.send(headers(1, with(":path", "/" + std::string(1000, 'a'))));
  EXPECT_THAT(talk.statuses_, testing::ElementsAre(414));
  EXPECT_TRUE(talk.alive());
}

TEST(H2ProtocolConnection, AHeadThatIsTooLargeIsA431) {
  Talk talk;
  FieldList many = kGet;
  for (int i = 0; i < 60; ++i) many.emplace_back("x-" + std::to_string(i), "y");
  talk.send(headers(1, many));
  talk.send(headers(3, with("x", std::string(6000, 'y'))));
  EXPECT_THAT(talk.statuses_, testing::ElementsAre(431, 431));
  EXPECT_TRUE(talk.alive());
  EXPECT_TRUE(talk.exchanges_.empty());
}

// --- Floods ------------------------------------------------------------------------------------

TEST(H2Flood, AHeadBeyondAllMeasureEndsTheConnection) {
  Talk talk;
  // One field of 2,900 octets into the table, then again and again by an octet each: 3 MB.
  FieldList fields = kGet;
  fields.emplace_back("x", std::string(2900, 'y'));
  Hpack hpack;
  std::string block = hpack.block(fields);
  block.append(1000, '\xbe');
  talk.send(frame(NGHTTP2_HEADERS, kWhole, 1, block));
  EXPECT_EQ(talk.goaway(), std::uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
  EXPECT_TRUE(talk.server_.flooded());
  EXPECT_TRUE(talk.exchanges_.empty());
}

TEST(H2Flood, ContinuationsWithoutEndEndTheConnection) {
  Talk talk;
  talk.send(headers(1, kGet, kEndStream));
  for (int i = 0; i < 10'000 && !talk.server_.finished(); ++i) {
    talk.send(frame(NGHTTP2_CONTINUATION, 0, 1, ""));
  }
  EXPECT_TRUE(talk.server_.finished());
  EXPECT_TRUE(talk.exchanges_.empty());
}

TEST(H2Flood, RapidResetEndsTheConnection) {
  Talk talk;
  Hpack hpack;
  std::uint32_t id = 1;
  std::uint32_t sent = 0;
  for (; sent < 10'000 && !talk.goaway(); ++sent, id += 2) {
    talk.send(frame(NGHTTP2_HEADERS, kWhole, id, hpack.block(kGet)));
    talk.send(frame(NGHTTP2_RST_STREAM, 0, id, big_endian(NGHTTP2_CANCEL)));
  }
  EXPECT_EQ(talk.goaway(), std::uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
  EXPECT_GE(sent, 128u);
  EXPECT_LE(sent, 300u);
  EXPECT_TRUE(talk.server_.finished());
}

TEST(H2Flood, StreamsThatHeMakesUsResetEndTheConnection) {
  Talk talk;
  Hpack hpack;
  std::uint32_t id = 1;
  std::uint32_t sent = 0;
  for (; sent < 10'000 && !talk.goaway(); ++sent, id += 2) {
    talk.send(frame(NGHTTP2_HEADERS, kWhole, id, hpack.block(kGet)));
    talk.send(frame(NGHTTP2_WINDOW_UPDATE, 0, id, big_endian(0x7fff'ffff)));
  }
  EXPECT_EQ(talk.goaway(), std::uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
  EXPECT_LE(sent, 600u);
}

TEST(H2Flood, SomeResetsNowAndThenAreFine) {
  Talk talk;
  Hpack hpack;
  std::uint32_t id = 1;
  // nghttp2 has a limit of its own behind ours, by the real clock: 1,000 at once.
  for (int i = 0; i < 900; ++i, id += 2) {
    talk.now_ms_ += 100;
    talk.send(frame(NGHTTP2_HEADERS, kWhole, id, hpack.block(kGet)));
    talk.send(frame(NGHTTP2_RST_STREAM, 0, id, big_endian(NGHTTP2_CANCEL)));
  }
  EXPECT_TRUE(talk.alive());
}

class H2Nuisance : public testing::TestWithParam<Case> {};

TEST_P(H2Nuisance, EndsTheConnection) {
  Talk talk;
  talk.send(headers(1, kGet, kEndHeaders));
  for (int i = 0; i < 3000 && !talk.server_.finished(); ++i) talk.send(GetParam().octets);
  EXPECT_TRUE(talk.server_.finished());
  EXPECT_TRUE(talk.server_.flooded());
}

TEST_P(H2Nuisance, IsFineNowAndThen) {
  Talk talk;
  talk.send(headers(1, kGet, kEndHeaders));
  for (int i = 0; i < 3000; ++i) {
    talk.now_ms_ += 50;
    talk.send(GetParam().octets);
  }
  EXPECT_TRUE(talk.alive());
}

INSTANTIATE_TEST_SUITE_P(
    Flood, H2Nuisance,
    testing::Values(
        Case{"PING", frame(NGHTTP2_PING, 0, 0, "12345678"), Case::End::fine},
        Case{"PING acknowledged", frame(NGHTTP2_PING, kAck, 0, "12345678"), Case::End::fine},
        Case{"SETTINGS", frame(NGHTTP2_SETTINGS, 0, 0, ""), Case::End::fine},
        Case{"PRIORITY", frame(NGHTTP2_PRIORITY, 0, 1, std::string(5, '\0')), Case::End::fine},
        Case{"empty DATA", frame(NGHTTP2_DATA, 0, 1, ""), Case::End::fine},
        Case{"padding", frame(NGHTTP2_DATA, kPadded, 1, std::string("\x04") + "1234"),
             Case::End::fine},
        Case{"WINDOW_UPDATE", frame(NGHTTP2_WINDOW_UPDATE, 0, 0, big_endian(1)), Case::End::fine}),
    name_of);

TEST(H2Flood, AVisitorWhoReadsNothingIsNotAnsweredForEver) {
  Talk talk;
  talk.wire_.limit = 1;
  Hpack hpack;
  std::string many;
  for (std::uint32_t id = 1; id < 20'001; id += 2) {
    many += frame(NGHTTP2_HEADERS, kWhole, id, hpack.block(kGet));
  }
  talk.send(many);
  EXPECT_TRUE(talk.server_.flooded());
}

}  // namespace
}  // namespace sallyport::http_door
