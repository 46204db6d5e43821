// What RFC 9113, 7541 and 8441 call an error, in frames made by hand: each ends in the error that
// they name, on the stream or on the connection, and no exchange hears of a malformed request.

#include "tests/engine/http/h2_talk.h"

namespace sallyport::http_door {
namespace {

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
  };
}
INSTANTIATE_TEST_SUITE_P(Framing, H2Protocol, testing::ValuesIn(framing_cases()), name_of);

std::vector<Case> control_cases() {
  using enum Case::End;
  const std::string get = headers(1, kGet);
  const std::string open = headers(1, kGet, kEndHeaders);
  const std::string window(4, '\0');
  return {
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
INSTANTIATE_TEST_SUITE_P(Control, H2Protocol, testing::ValuesIn(control_cases()), name_of);

std::vector<Case> hpack_cases() {
  using enum Case::End;
  const auto block = [](std::string_view octets) {
    return frame(NGHTTP2_HEADERS, kWhole, 1, octets);
  };
  using std::string_view_literals::operator""sv;
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

Case bad(std::string name, const FieldList& fields) {
  return {std::move(name), headers(1, fields), Case::End::stream, NGHTTP2_PROTOCOL_ERROR};
}
Case good(std::string name, const FieldList& fields) {
  return {std::move(name), headers(1, fields), Case::End::fine};
}

std::vector<Case> message_cases() {
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
      bad("8.2.1 NUL in a name", with(std::string_view("x\0y", 3), "1")),
      bad("8.2.1 not ASCII in a name", with("x\xc3\xa9", "1")),
      bad("8.2.1 LF in a value", with("x", "a\nb: c")),
      bad("8.2.1 CR LF in a value", with("x", "a\r\nhost: evil")),
      bad("8.2.1 NUL in a value", with("x", std::string_view("a\0b", 3))),
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
  };
}
INSTANTIATE_TEST_SUITE_P(Message, H2Protocol, testing::ValuesIn(message_cases()), name_of);

std::vector<Case> request_cases() {
  const FieldList connect = {{":method", "CONNECT"}, {":authority", "example.net:443"}};
  const FieldList websocket = joined(connect, {{":protocol", "websocket"}});
  return {
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
INSTANTIATE_TEST_SUITE_P(Request, H2Protocol, testing::ValuesIn(request_cases()), name_of);

std::vector<Case> joined_cases(std::vector<Case> cases, const std::vector<Case>& more) {
  cases.insert(cases.end(), more.begin(), more.end());
  return cases;
}

TEST(H2ProtocolMessage, NoExchangeHearsOfAMalformedHead) {
  for (const Case& test : joined_cases(message_cases(), request_cases())) {
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

}  // namespace
}  // namespace sallyport::http_door
