#include "protocol/http/h1_parser.h"

#include <string>

#include <gtest/gtest.h>

namespace sallyport::http {
namespace {

constexpr Limits kLimits{.max_head_octets = 4096, .max_fields = 20, .max_target_octets = 1000};

struct Request {
  ParsedHead parsed;
  RequestHead head;
};

Request read(std::string_view text, const Limits& limits = kLimits) {
  Request request;
  request.parsed = parse_request_head(as_octets(text), limits, request.head);
  return request;
}

/// Refused with this status; its text is in the failure.
::testing::AssertionResult refused(std::string_view text, int status,
                                   const Limits& limits = kLimits) {
  const ParsedHead parsed = read(text, limits).parsed;
  if (parsed.state == Parse::bad && parsed.refusal.status == status &&
      !parsed.refusal.reason.empty()) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure()
         << "state " << static_cast<int>(parsed.state) << ", status " << parsed.refusal.status
         << ", reason " << parsed.refusal.reason << " for: " << text.substr(0, 200);
}

::testing::AssertionResult taken(std::string_view text) {
  const ParsedHead parsed = read(text).parsed;
  if (parsed.state == Parse::done && parsed.consumed == text.size()) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure()
         << "state " << static_cast<int>(parsed.state) << ", status " << parsed.refusal.status
         << ", reason " << parsed.refusal.reason << " for: " << text;
}

/// A GET with these lines behind its Host.
std::string with(std::string_view lines) {
  return "GET / HTTP/1.1\r\nHost: a.example\r\n" + std::string(lines) + "\r\n";
}
std::string line(std::string_view request_line) {
  return std::string(request_line) + "\r\nHost: a.example\r\n\r\n";
}

TEST(RequestHead, HoldsWhatTheOctetsSay) {
  const std::string text =
      "POST /path?query=1 HTTP/1.1\r\nHOST: A.Example:8080\r\nX-One:  two \t\r\n"
      "Content-Length: 12\r\nempty:\r\n\r\nhello, there";
  const auto [parsed, head] = read(text);
  ASSERT_EQ(parsed.state, Parse::done);
  EXPECT_EQ(parsed.consumed, text.size() - 12);
  EXPECT_EQ(head.method, Method::post);
  EXPECT_EQ(head.method_text, "POST");
  EXPECT_EQ(head.target, "/path?query=1");
  EXPECT_EQ(head.authority, "a.example:8080");
  EXPECT_EQ(head.minor_version, 1);
  EXPECT_EQ(head.framing, Framing::length);
  EXPECT_EQ(head.content_length, 12);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.expect_continue);
  ASSERT_EQ(head.fields.size(), 2);
  EXPECT_EQ(head.fields[0].name, "X-One");
  EXPECT_EQ(head.fields[0].value, "two");
  EXPECT_EQ(head.fields[1].value, "");
}

TEST(RequestHead, IsTheSameHoweverItArrives) {
  const std::string text = "\r\nGET /a HTTP/1.1\r\nHost: a.example\r\nX: y\r\n\r\n";
  RequestHead head;
  std::size_t searched = 0;
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto parsed = parse_request_head(as_octets(text).first(size), kLimits, head, searched);
    ASSERT_EQ(parsed.state, Parse::need_more) << size;
    ASSERT_EQ(parsed.consumed, size);
    searched = parsed.consumed;
  }
  const auto parsed = parse_request_head(as_octets(text), kLimits, head, searched);
  ASSERT_EQ(parsed.state, Parse::done);
  EXPECT_EQ(parsed.consumed, text.size());
  EXPECT_EQ(head.target, "/a");
}

TEST(RequestHead, RefusesAFoldThatArrivesAfterItsLine) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a.example\r\n b: c\r\n\r\n";
  const std::size_t fold = text.find("\r\n b") + 2;
  RequestHead head;
  ASSERT_EQ(parse_request_head(as_octets(text).first(fold), kLimits, head).consumed, fold);
  const auto parsed = parse_request_head(as_octets(text), kLimits, head, fold);
  EXPECT_EQ(parsed.state, Parse::bad);
}

TEST(RequestHead, IsForgottenByTheNext) {
  RequestHead head;
  const std::string first =
      "POST http://b.example/x HTTP/1.1\r\nHost: b.example\r\nUpgrade: websocket\r\n"
      "Connection: upgrade\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n";
  ASSERT_EQ(parse_request_head(as_octets(first), kLimits, head).state, Parse::done);
  const std::string second = "GET / HTTP/1.0\r\n\r\n";
  ASSERT_EQ(parse_request_head(as_octets(second), kLimits, head).state, Parse::done);
  EXPECT_EQ(head.authority, "");
  EXPECT_EQ(head.protocol, "");
  EXPECT_EQ(head.framing, Framing::none);
  EXPECT_FALSE(head.expect_continue);
  EXPECT_FALSE(head.keep_alive);
  EXPECT_EQ(head.fields.size(), 0);
}

TEST(RequestHead, TakesAtMostTwoEmptyLinesInFront) {
  EXPECT_TRUE(taken("\r\n" + line("GET / HTTP/1.1")));
  EXPECT_TRUE(taken("\r\n\r\n" + line("GET / HTTP/1.1")));
  EXPECT_TRUE(refused("\r\n\r\n\r\n" + line("GET / HTTP/1.1"), 400));
  EXPECT_TRUE(refused("\n" + line("GET / HTTP/1.1"), 400));
  EXPECT_TRUE(refused("\r\rGET / HTTP/1.1\r\n\r\n", 400));
}

TEST(Strictness, BareLineFeed) {
  EXPECT_TRUE(refused("GET / HTTP/1.1\nHost: a.example\r\n\r\n", 400));
  EXPECT_TRUE(refused("GET / HTTP/1.1\r\nHost: a.example\nX: y\r\n\r\n", 400));
  EXPECT_TRUE(refused("GET / HTTP/1.1\r\nHost: a.example\r\n\n", 400));
  EXPECT_TRUE(refused("GET / HTTP/1.1\r\nHost: a.example\n\n", 400));
  EXPECT_TRUE(refused(with("X: a\nTransfer-Encoding: chunked\r\n"), 400));
}

TEST(Strictness, BareCarriageReturn) {
  EXPECT_TRUE(refused(with("X: a\rb\r\n"), 400));
  EXPECT_TRUE(refused(with("X: a\r\r\n"), 400));
  EXPECT_TRUE(refused(with("X\r: a\r\n"), 400));
  EXPECT_TRUE(refused(with("\rX: a\r\n"), 400));
  EXPECT_TRUE(refused("GET /\r HTTP/1.1\r\nHost: a.example\r\n\r\n", 400));
  EXPECT_TRUE(refused("GET / HTTP/1.1\r\r\nHost: a.example\r\n\r\n", 400));
}

TEST(Strictness, FoldedLine) {
  EXPECT_TRUE(refused(with("X: a\r\n b\r\n"), 400));
  EXPECT_TRUE(refused(with("X: a\r\n\tb\r\n"), 400));
  EXPECT_TRUE(refused("GET / HTTP/1.1\r\n Host: a.example\r\n\r\n", 400));
  EXPECT_TRUE(refused(with("Transfer-Encoding:\r\n chunked\r\n"), 400));
}

TEST(Strictness, FieldName) {
  EXPECT_TRUE(refused(with("X : a\r\n"), 400));
  EXPECT_TRUE(refused(with("X\t: a\r\n"), 400));
  EXPECT_TRUE(refused(with(": a\r\n"), 400));
  EXPECT_TRUE(refused(with("X Y: a\r\n"), 400));
  EXPECT_TRUE(refused(with("X(Y): a\r\n"), 400));
  EXPECT_TRUE(refused(with("X\xc3\xa4: a\r\n"), 400));
  EXPECT_TRUE(refused(with("no colon\r\n"), 400));
  EXPECT_TRUE(refused(with("Content-Length : 5\r\n"), 400));
  EXPECT_TRUE(refused(with(std::string("X\0Y: a\r\n", 8)), 400));
  EXPECT_TRUE(taken(with("!#$%&'*+-.^_`|~09azAZ: a\r\n")));
}

TEST(Strictness, FieldValue) {
  for (int c = 1; c < 0x20; ++c) {
    if (c == '\t') continue;
    EXPECT_TRUE(refused(with("X: a" + std::string(1, static_cast<char>(c)) + "b\r\n"), 400)) << c;
  }
  EXPECT_TRUE(refused(with(std::string("X: a\0b\r\n", 8)), 400));
  EXPECT_TRUE(refused(with("X: a\x7f\r\n"), 400));
  EXPECT_TRUE(taken(with("X: a\tb \xc3\xa4 \"(),/:;<=>?@[\\]{}\r\n")));
}

TEST(Strictness, ContentLength) {
  EXPECT_TRUE(refused(with("Content-Length: 5\r\nContent-Length: 5\r\n"), 400));
  EXPECT_TRUE(refused(with("Content-Length: 5\r\nContent-Length: 6\r\n"), 400));
  for (const std::string_view value : {"5, 5", "5,6", "+5", "-5", "0x5", "5 5", "5a", "", "1e3",
                                       "5.0", "5;", "18446744073709551615", "18446744073709551616",
                                       "18446744073709551621", "99999999999999999999", "\"5\""}) {
    EXPECT_TRUE(refused(with("Content-Length: " + std::string(value) + "\r\n"), 400));
  }
  EXPECT_EQ(read(with("Content-Length: 9999999999999999999\r\n")).head.content_length,
            9'999'999'999'999'999'999ULL);
  EXPECT_EQ(read(with("Content-Length: 007\r\n")).head.content_length, 7);
  const RequestHead none = read(with("Content-Length: 0\r\n")).head;
  EXPECT_EQ(none.framing, Framing::none);
  EXPECT_EQ(none.content_length, 0);
}

TEST(Strictness, TransferEncoding) {
  EXPECT_EQ(read(with("Transfer-Encoding: chunked\r\n")).head.framing, Framing::chunked);
  EXPECT_EQ(read(with("Transfer-Encoding: Chunked \r\n")).head.framing, Framing::chunked);
  EXPECT_TRUE(refused(with("Transfer-Encoding: gzip, chunked\r\n"), 501));
  EXPECT_TRUE(refused(with("Transfer-Encoding: identity, chunked\r\n"), 501));
  for (const std::string_view value :
       {"identity", "gzip", "chunked, chunked", "chunked,", ", chunked", "chunked, gzip",
        "xchunked", "chunked;q=1", "\"chunked\"", "", "chunked chunked", "chun ked"}) {
    EXPECT_TRUE(refused(with("Transfer-Encoding: " + std::string(value) + "\r\n"), 400)) << value;
  }
  EXPECT_TRUE(refused(with("Transfer-Encoding: \x0b"
                           "chunked\r\n"),
                      400));
  EXPECT_TRUE(refused(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400));
  EXPECT_TRUE(refused(with("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), 400));
  EXPECT_TRUE(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400));
}

TEST(Strictness, ContentLengthBesideTransferEncoding) {
  EXPECT_TRUE(refused(with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400));
  EXPECT_TRUE(refused(with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400));
  EXPECT_TRUE(refused(with("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n"), 400));
}

TEST(Strictness, ConnectionOptions) {
  for (const std::string_view value : {"keep-alive", "Close", "a, b,, c", " ,", "", "TE,\tx"}) {
    EXPECT_TRUE(taken(with("Connection: " + std::string(value) + "\r\n"))) << value;
  }
  for (const std::string_view value : {"close keep-alive", "a; b", "\"close\"", "a, b c", "x/y"}) {
    EXPECT_TRUE(refused(with("Connection: " + std::string(value) + "\r\n"), 400)) << value;
  }
}

TEST(Strictness, Host) {
  EXPECT_TRUE(refused("GET / HTTP/1.1\r\n\r\n", 400));
  EXPECT_TRUE(refused(with("Host: a.example\r\n"), 400));
  EXPECT_TRUE(refused(with("host: b.example\r\n"), 400));
  EXPECT_TRUE(refused("GET / HTTP/1.0\r\nHost: a.example\r\nHost: a.example\r\n\r\n", 400));
  for (const std::string_view host : {"",
                                      "a b",
                                      "a.example, b.example",
                                      "user@a.example",
                                      "a.example:",
                                      "a.example:x",
                                      "a.example:65536",
                                      "a.example:080",
                                      "a.example/",
                                      "a..example",
                                      ".example",
                                      "[::1",
                                      "::1",
                                      "[a.example]",
                                      "[127.0.0.1]",
                                      "[::1]x",
                                      "a%41.example",
                                      "a\xc3\xa4.example",
                                      "a.example#",
                                      "a.example?",
                                      "\"a.example\"",
                                      "a.example:80:80"}) {
    EXPECT_TRUE(refused("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n", 400));
  }
  for (const std::string_view host :
       {"a.example", "a.example:8443", "a_b.example", "localhost", "192.0.2.1:80", "[2001:db8::1]",
        "[2001:db8::1]:443", "a.example."}) {
    const RequestHead head = read("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n").head;
    EXPECT_EQ(head.authority, host);
  }
  EXPECT_TRUE(taken("GET / HTTP/1.0\r\n\r\n"));
}

TEST(Strictness, HostThatDiffersFromTheTarget) {
  const auto [parsed, head] = read("GET http://A.example/x?y HTTP/1.1\r\nHost: a.Example\r\n\r\n");
  ASSERT_EQ(parsed.state, Parse::done);
  EXPECT_EQ(head.authority, "a.example");
  EXPECT_EQ(head.target, "/x?y");
  EXPECT_TRUE(refused("GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", 400));
  EXPECT_TRUE(refused("GET http://a.example:81/ HTTP/1.1\r\nHost: a.example\r\n\r\n", 400));
  EXPECT_TRUE(refused("GET http://a.example/ HTTP/1.1\r\n\r\n", 400));
  EXPECT_EQ(read("GET http://a.example/ HTTP/1.0\r\n\r\n").head.authority, "a.example");
}

TEST(Strictness, TargetForms) {
  const auto target = [](std::string_view request_line) {
    return read(line(request_line)).head.target;
  };
  EXPECT_EQ(target("GET / HTTP/1.1"), "/");
  EXPECT_EQ(target("GET //a/../b?%2f?|[] HTTP/1.1"), "//a/../b?%2f?|[]");
  EXPECT_EQ(target("GET http://a.example HTTP/1.1"), "/");
  EXPECT_EQ(target("GET HTTPS://a.example?q HTTP/1.1"), "/?q");
  EXPECT_EQ(target("OPTIONS * HTTP/1.1"), "*");
  EXPECT_EQ(target("OPTIONS http://a.example HTTP/1.1"), "*");
  EXPECT_EQ(target("OPTIONS http://a.example/ HTTP/1.1"), "/");
  EXPECT_TRUE(refused(line("GET * HTTP/1.1"), 400));
  EXPECT_TRUE(refused(line("CONNECT a.example:443 HTTP/1.1"), 501));
  for (const std::string_view text :
       {"a.example:443", "a", "http:/a.example", "http://", "http:///x", "http://u@a.example/",
        "http://u:p@a.example/", "ftp://a.example/", "http://a.example#x", "/a#b", "/\xc3\xa4",
        "/a\x7f", "?a", "*/", "http://a.example\\@b.example/", "http://[::1/"}) {
    EXPECT_TRUE(refused(line("GET " + std::string(text) + " HTTP/1.1"), 400));
  }
}

TEST(Strictness, RequestLine) {
  for (const std::string_view text :
       {"GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "GET\t/ HTTP/1.1",
        "GET /a b HTTP/1.1", "GET / http/1.1", "GET / HTTP/1", "GET / HTTP/1.", "GET / HTTPS/1.1",
        "GET /", "GET", "G@T / HTTP/1.1", "(GET) / HTTP/1.1", "GET / HTTP/a.b", "GET /  HTTP/1.1",
        "GET / XTTP/1.1"}) {
    EXPECT_TRUE(refused(line(text), 400));
  }
  EXPECT_EQ(read(line("get / HTTP/1.1")).head.method, Method::other);
  EXPECT_EQ(read(line("PURGE / HTTP/1.1")).head.method_text, "PURGE");
  EXPECT_TRUE(refused(line(std::string(33, 'A') + " / HTTP/1.1"), 501));
}

TEST(Strictness, Version) {
  for (const std::string_view version :
       {"HTTP/2.0", "HTTP/1.10", "HTTP/1.2", "HTTP/0.9", "HTTP/11.1", "HTTP/01.1", "HTTP/3.0"}) {
    EXPECT_TRUE(refused(line("GET / " + std::string(version)), 505));
  }
  EXPECT_EQ(read(line("GET / HTTP/1.0")).head.minor_version, 0);
}

TEST(Strictness, Sizes) {
  const std::string path(999, 'a');
  EXPECT_TRUE(taken(line("GET /" + path + " HTTP/1.1")));
  EXPECT_TRUE(refused(line("GET /a" + path + " HTTP/1.1"), 414));
  EXPECT_TRUE(refused("GET /" + std::string(1100, 'a'), 414));  // without waiting for its end
  EXPECT_TRUE(refused(line("GET /" + std::string(5000, 'a') + " HTTP/1.1"), 414));
  EXPECT_TRUE(refused(with("X: " + std::string(4096, 'a') + "\r\n"), 431));
  EXPECT_TRUE(refused("GET / HTTP/1.1\r\nX: " + std::string(4096, 'a'), 431));

  std::string fields;
  for (int i = 0; i < 19; ++i) fields += "X: y\r\n";
  EXPECT_TRUE(taken(with(fields)));
  EXPECT_TRUE(refused(with(fields + "X: y\r\n"), 431));

  const std::string whole = with("X: y\r\n");
  Limits limits = kLimits;
  limits.max_head_octets = static_cast<std::uint32_t>(whole.size());
  EXPECT_EQ(read(whole, limits).parsed.state, Parse::done);
  --limits.max_head_octets;
  EXPECT_TRUE(refused(whole, 431, limits));
}

TEST(Strictness, OtherProtocols) {
  EXPECT_TRUE(refused(std::string("\x16\x03\x01\x02\x00\x01\x00", 7), 400));  // TLS
  EXPECT_TRUE(refused("PRI * HTTP/2.0\r\n\r\n", 505));
  EXPECT_TRUE(refused(std::string("\x00\x00", 2), 400));
}

TEST(Connection, DecidesAboutReuse) {
  const auto keep_alive = [](std::string_view version, std::string_view connection) {
    return read("GET / " + std::string(version) +
                "\r\nHost: a\r\nConnection: " + std::string(connection) + "\r\n\r\n")
        .head.keep_alive;
  };
  EXPECT_TRUE(keep_alive("HTTP/1.1", "x"));
  EXPECT_FALSE(keep_alive("HTTP/1.1", "x, Close"));
  EXPECT_FALSE(keep_alive("HTTP/1.1", "keep-alive, close"));
  EXPECT_FALSE(keep_alive("HTTP/1.0", "x"));
  EXPECT_TRUE(keep_alive("HTTP/1.0", "Keep-Alive"));
  EXPECT_FALSE(keep_alive("HTTP/1.0", "close, keep-alive"));

  std::string options = "Connection: a";
  for (int i = 0; i < 31; ++i) options += ",a";
  EXPECT_TRUE(taken(with(options + "\r\n")));
  EXPECT_TRUE(refused(with(options + ",a\r\n"), 400));
}

TEST(Connection, NamesAnUpgrade) {
  const auto protocol = [](std::string_view lines) { return read(with(lines)).head.protocol; };
  EXPECT_EQ(protocol("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"), "websocket");
  EXPECT_EQ(protocol("Upgrade: websocket\r\n"), "");
  EXPECT_EQ(protocol("Connection: upgrade\r\n"), "");
  EXPECT_EQ(protocol("Connection: upgrade\r\nUpgrade: a, b\r\n"), "");
  EXPECT_EQ(protocol("Connection: upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n"), "");
  EXPECT_EQ(protocol("Connection: upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"), "");
  EXPECT_EQ(
      read("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").head.protocol,
      "");
}

TEST(Expectation, IsContinueOrRefused) {
  EXPECT_TRUE(read(with("Expect: 100-Continue\r\nContent-Length: 5\r\n")).head.expect_continue);
  EXPECT_FALSE(read(with("Expect: 100-continue\r\n")).head.expect_continue);
  EXPECT_TRUE(refused(with("Expect: 200-ok\r\n"), 417));
  EXPECT_TRUE(refused(with("Expect: 100-continue\r\nExpect: 100-continue\r\n"), 417));
}

TEST(Expectation, IsNotPassedOnWhereItMeansNothing) {
  const RequestHead old = read("GET / HTTP/1.0\r\nExpect: what\r\nX: y\r\n\r\n").head;
  EXPECT_EQ(old.fields.size(), 1);
  const RequestHead empty = read(with("Expect: 100-continue\r\nX: y\r\n")).head;
  EXPECT_EQ(empty.fields.size(), 1);
}

}  // namespace
}  // namespace sallyport::http
