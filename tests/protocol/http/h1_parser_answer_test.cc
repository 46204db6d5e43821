#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/http/h1_parser.h"

namespace sallyport::http {
namespace {

constexpr Limits kLimits{.max_head_octets = 4096, .max_fields = 20, .max_target_octets = 1000};

struct Response {
  ParsedHead parsed;
  ResponseHead head;
};

Response answer(std::string_view text, Method method = Method::get) {
  Response response;
  response.parsed = parse_response_head(as_octets(text), kLimits, method, response.head);
  return response;
}

TEST(ResponseHead, HoldsWhatTheOctetsSay) {
  const std::string text = "HTTP/1.1 404 Not here\r\nContent-Length: 3\r\nX: y\r\n\r\nabc";
  const auto [parsed, head] = answer(text);
  ASSERT_EQ(parsed.state, Parse::done);
  EXPECT_EQ(parsed.consumed, text.size() - 3);
  EXPECT_EQ(head.status, 404);
  EXPECT_EQ(head.reason, "Not here");
  EXPECT_EQ(head.framing, Framing::length);
  EXPECT_EQ(head.content_length, 3);
  EXPECT_TRUE(head.keep_alive);
  ASSERT_EQ(head.fields.size(), 1);
}

struct FramingCase {
  const char* description;
  Method method;
  const char* text;
  Framing framing;
  std::optional<std::uint64_t> content_length;
  bool keep_alive;
};

TEST(ResponseHead, IsFramedByStatusMethodAndFields) {
  const std::vector<FramingCase> cases = {
      {"chunked",
       Method::get,
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
       Framing::chunked,
       {},
       true},
      {"neither", Method::get, "HTTP/1.1 200 OK\r\n\r\n", Framing::until_close, {}, false},
      {"1.0", Method::get, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", Framing::length, 1,
       false},
      {"1.0 kept", Method::get,
       "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n", Framing::length, 1,
       true},
      {"empty", Method::get, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Framing::none, 0,
       true},
      {"HEAD", Method::head, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", Framing::none, 7,
       true},
      {"HEAD of chunked",
       Method::head,
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
       Framing::none,
       {},
       true},
      {"HEAD of nothing", Method::head, "HTTP/1.1 200 OK\r\n\r\n", Framing::none, {}, true},
      {"304", Method::get, "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", Framing::none,
       7, true},
      {"204",
       Method::get,
       "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n",
       Framing::none,
       {},
       true},
      {"100", Method::post, "HTTP/1.1 100 Continue\r\n\r\n", Framing::none, {}, true},
      {"103 with a length",
       Method::get,
       "HTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\n\r\n",
       Framing::none,
       {},
       true},
      {"101",
       Method::get,
       "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
       Framing::tunnel,
       {},
       false},
      {"CONNECT",
       Method::connect,
       "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
       Framing::tunnel,
       {},
       false},
      {"CONNECT refused", Method::connect, "HTTP/1.1 403 No\r\nContent-Length: 7\r\n\r\n",
       Framing::length, 7, true},
      {"close", Method::get, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n",
       Framing::length, 1, false},
  };
  for (const FramingCase& one : cases) {
    SCOPED_TRACE(one.description);
    const auto [parsed, head] = answer(one.text, one.method);
    ASSERT_EQ(parsed.state, Parse::done) << parsed.refusal.reason;
    EXPECT_EQ(head.framing, one.framing);
    EXPECT_EQ(head.content_length, one.content_length);
    EXPECT_EQ(head.keep_alive, one.keep_alive);
  }
}

TEST(ResponseHead, RefusesWhatCouldBeReadTwice) {
  for (const std::string_view text : {
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
           "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
           "HTTP/1.1 200 OK\nX: a\r\n\r\n",
           "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
           "HTTP/1.1 099 Low\r\n\r\n",
           "HTTP/1.1 600 High\r\n\r\n",
           "HTTP/1.1 20 OK\r\n\r\n",
           "HTTP/1.1 2000 OK\r\n\r\n",
           "HTTP/1.1 200\r\n\r\n",
           "HTTP/1.1  200 OK\r\n\r\n",
           "HTTP/2 200 OK\r\n\r\n",
           "HTTP/1.2 200 OK\r\n\r\n",
           "\r\nHTTP/1.1 200 OK\r\n\r\n",
           "ICY 200 OK\r\n\r\n",
           "x",
       }) {
    const ParsedHead parsed = answer(text).parsed;
    EXPECT_EQ(parsed.state, Parse::bad) << text;
    EXPECT_EQ(parsed.refusal.status, 502) << text;
  }
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nX: " + std::string(4096, 'a')).parsed.refusal.status, 502);
}

TEST(Trailers, AreThoseThatChangeNothing) {
  Fields fields;
  ASSERT_TRUE(
      parse_trailers("grpc-status: 0\r\nContent-Length: 5\r\nServer-Timing: a\r\n"
                     "Authorization: x\r\nHost: b\r\nVary: *\r\nX-Forwarded-For: 1\r\n\r\n",
                     10, fields));
  ASSERT_EQ(fields.size(), 2);
  EXPECT_EQ(fields[0].name, "grpc-status");
  EXPECT_EQ(fields[1].name, "Server-Timing");
  EXPECT_FALSE(parse_trailers("bad name: x\r\n\r\n", 10, fields));
  EXPECT_FALSE(parse_trailers("a: x\r\nb: y\r\n\r\n", 1, fields));
}

}  // namespace
}  // namespace sallyport::http
