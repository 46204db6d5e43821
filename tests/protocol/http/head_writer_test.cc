#include "protocol/http/head_writer.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "protocol/http/h1_parser.h"

namespace sallyport::http {
namespace {

template <typename Head, typename Write>
std::string write_exactly(const Head& head, std::size_t room, Write write) {
  std::string out(room, '\0');
  const MutableOctets octets(reinterpret_cast<std::uint8_t*>(out.data()), out.size());
  EXPECT_EQ(write(head, octets.first(room - 1)), 0);
  out.resize(write(head, octets));
  return out;
}
std::string text_of(const RequestHead& head) {
  return write_exactly(head, request_head_octets(head), write_request_head);
}
std::string text_of(const ResponseHead& head) {
  return write_exactly(head, response_head_octets(head), write_response_head);
}

RequestHead get(std::string_view target) {
  RequestHead head;
  head.method = Method::get;
  head.method_text = "GET";
  head.target = target;
  head.authority = "a.example";
  return head;
}

TEST(WriteRequest, PutsHostFirstAndFramingLast) {
  RequestHead head = get("/x?y");
  head.fields.add("Accept", "*/*");
  head.fields.add("X-Empty", "");
  EXPECT_EQ(text_of(head),
            "GET /x?y HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nX-Empty: \r\n\r\n");
  head.framing = Framing::length;
  head.content_length = 18'446'744'073'709'551'615ULL;
  EXPECT_TRUE(text_of(head).ends_with("Content-Length: 18446744073709551615\r\n\r\n"));
  head.framing = Framing::chunked;
  EXPECT_TRUE(text_of(head).ends_with("X-Empty: \r\nTransfer-Encoding: chunked\r\n\r\n"));
}

TEST(WriteRequest, FramesAStreamByWhatIsKnownOfIt) {
  RequestHead head = get("/");
  head.framing = Framing::stream;
  EXPECT_TRUE(text_of(head).ends_with("Transfer-Encoding: chunked\r\n\r\n"));
  head.content_length = 5;
  EXPECT_TRUE(text_of(head).ends_with("example\r\nContent-Length: 5\r\n\r\n"));
}

TEST(WriteRequest, TellsThatAPostHasNoContent) {
  RequestHead head = get("/");
  head.method = Method::post;
  head.method_text = "POST";
  EXPECT_TRUE(text_of(head).ends_with("Content-Length: 0\r\n\r\n"));
}

TEST(WriteRequest, WritesConnection) {
  RequestHead head = get("/");
  head.keep_alive = false;
  EXPECT_TRUE(text_of(head).ends_with("example\r\nConnection: close\r\n\r\n"));
  head.fields.add("TE", "trailers");
  EXPECT_TRUE(text_of(head).ends_with("Connection: close, TE\r\n\r\n"));
  head.keep_alive = true;
  EXPECT_TRUE(text_of(head).ends_with("Connection: TE\r\n\r\n"));
  head.protocol = "websocket";
  EXPECT_TRUE(text_of(head).ends_with("Connection: upgrade, TE\r\nUpgrade: websocket\r\n\r\n"));
}

TEST(WriteResponse, WritesStatusFieldsAndFraming) {
  ResponseHead head;
  head.status = 200;
  head.fields.add("X", "y");
  head.framing = Framing::length;
  head.content_length = 5;
  EXPECT_EQ(text_of(head), "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 5\r\n\r\n");
  head.framing = Framing::none;  // to a HEAD
  EXPECT_TRUE(text_of(head).ends_with("Content-Length: 5\r\n\r\n"));
  head.reason = "Fine";
  head.framing = Framing::until_close;
  head.keep_alive = false;
  EXPECT_EQ(text_of(head), "HTTP/1.1 200 Fine\r\nX: y\r\nConnection: close\r\n\r\n");
  head.reset();
  head.status = 101;
  head.framing = Framing::tunnel;
  head.keep_alive = false;
  EXPECT_EQ(text_of(head), "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n");
  head.status = 100;
  head.framing = Framing::none;
  EXPECT_EQ(text_of(head), "HTTP/1.1 100 Continue\r\n\r\n");
  head.status = 299;
  head.keep_alive = true;
  EXPECT_EQ(text_of(head), "HTTP/1.1 299 \r\n\r\n");
}

TEST(WriteRequest, IsReadBackTheSame) {
  RequestHead head = get("/x");
  for (int i = 0; i < 50; ++i) head.fields.add("X-" + std::to_string(i), std::string(20, 'v'));
  head.framing = Framing::chunked;
  const std::string text = text_of(head);
  RequestHead back;
  const auto parsed = parse_request_head(
      as_octets(text), {.max_head_octets = 8192, .max_fields = 60, .max_target_octets = 100}, back);
  ASSERT_EQ(parsed.state, Parse::done);
  EXPECT_EQ(parsed.consumed, text.size());
  EXPECT_EQ(text_of(back), text);
}

std::string names(const Fields& fields) {
  std::string all;
  for (std::size_t i = 0; i < fields.size(); ++i) all += std::string(fields[i].name) + " ";
  return all;
}

TEST(HopByHop, GoesWithTheConnection) {
  Fields fields;
  for (const std::string_view name :
       {"X-Hop", "Accept", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate",
        "Proxy-Authorization", "Transfer-Encoding", "Trailer", "Upgrade", "X-Second", "Cookie"}) {
    fields.add(name, "x");
  }
  fields.add("TE", "gzip");
  fields.add("Connection", "close, x-hop");
  fields.add("connection", "X-SECOND , , keep-alive");
  remove_hop_by_hop(fields);
  EXPECT_EQ(names(fields), "Accept Cookie ");
}

TEST(HopByHop, KeepsWhatAnUpgradeNeeds) {
  Fields fields;
  fields.add("Connection", "upgrade");
  fields.add("Upgrade", "websocket");
  remove_hop_by_hop(fields, KeepUpgrade::yes);
  EXPECT_EQ(names(fields), "Upgrade ");
}

TEST(HopByHop, KeepsTrailersOfTe) {
  Fields fields;
  fields.add("TE", "gzip, Trailers");
  fields.add("Connection", "TE");
  remove_hop_by_hop(fields);
  EXPECT_EQ(fields.find(FieldName::te), "trailers");
}

TEST(HopByHop, CannotBeUsedToHideAField) {
  Fields fields;
  const std::string kept =
      "X-Forwarded-For X-Forwarded-Port Forwarded Authorization Cookie Content-Type "
      "Content-Encoding X-Real-IP Host Via Content-Length X-Sallyport-User Cache-Control Range ";
  std::string named;
  std::string_view rest = kept;
  while (!rest.empty()) {
    const std::string name(rest.substr(0, rest.find(' ')));
    fields.add(name, "x");
    named += name + ",";
    rest.remove_prefix(name.size() + 1);
  }
  fields.add("Connection", named);
  remove_hop_by_hop(fields);
  EXPECT_EQ(names(fields), kept);
}

}  // namespace
}  // namespace sallyport::http
