#include "engine/admin/http_listener.h"

#include <deque>
#include <string>

#include <gtest/gtest.h>

#include "engine/admin/http_parser.h"
#include "engine/admin/status_client.h"
#include "engine/admin/status_text.h"
#include "tests/engine/admin/raw_client.h"
#include "tests/engine/admin/sample.h"

namespace sallyport::admin {
namespace {

Endpoint loopback() { return Endpoint::parse("127.0.0.1:0", 0).value(); }

std::string get(std::string_view path, std::string_view more = "") {
  std::string request = "GET ";
  request.append(path).append(" HTTP/1.1\r\nHost: localhost\r\n").append(more).append("\r\n");
  return request;
}

/// Limits that no test can reach by being slow; tests of a limit lower the one they mean.
constexpr HttpLimits kPatient{.connections = 64,
                              .request_ms = 600'000,
                              .idle_ms = 600'000,
                              .response_ms = 600'000,
                              .linger_ms = 600'000};

class Listener : public ::testing::Test {
 protected:
  void start(const HttpLimits& limits = kPatient) {
    auto opened = HttpListener::open(
        loopback(),
        [this](std::string_view path) {
          if (path == "/large")
            return Page{.content_type = "text/plain", .body = std::string(8u << 20, 'x')};
          return page_for(path, sample_.snapshot());
        },
        limits);
    ASSERT_TRUE(opened.has_value()) << opened.error();
    listener_ = std::move(*opened);
    listener_->start();
  }
  RawClient connect() { return RawClient(listener_->listening()); }
  std::string ask(std::string_view request) {
    RawClient client = connect();
    EXPECT_TRUE(client.send(request));
    return client.read_response();
  }

  Sample sample_;
  std::unique_ptr<HttpListener> listener_;
};

TEST_F(Listener, ServesItsPagesWithSafeHeaders) {
  start();
  const std::string response = ask(get("/health?verbose=1"));
  EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\n")) << response;
  for (const char* field :
       {"Content-Type: application/json\r\n", "Cache-Control: no-store\r\n",
        "X-Content-Type-Options: nosniff\r\n", "Content-Security-Policy: default-src 'none'"})
    EXPECT_NE(response.find(field), std::string::npos) << field;
  EXPECT_NE(response.find("\"state\":\"ok\""), std::string::npos);
  EXPECT_TRUE(ask(get("/nothing")).starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(ask(get("http://localhost/metrics")).starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(ask("GET / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

TEST_F(Listener, HealthIs503WhenTheApiIsDown) {
  sample_.health.state = verify::HealthState::cannot_connect;
  start();
  EXPECT_TRUE(ask(get("/health")).starts_with("HTTP/1.1 503 "));
}

TEST_F(Listener, HeadHasTheLengthButNoBody) {
  start();
  RawClient client = connect();
  client.send("HEAD /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string head = client.read_to_end();
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 ")) << head;
  EXPECT_EQ(head.find("Content-Length: 0\r\n"), std::string::npos) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
}

TEST_F(Listener, AnswersPipelinedRequestsInOrder) {
  start();
  RawClient client = connect();
  std::string requests;
  for (int i = 0; i < 20; ++i) requests += get(i % 2 == 0 ? "/health" : "/nothing");
  client.send(requests);
  for (int i = 0; i < 20; ++i) {
    const std::string response = client.read_response();
    ASSERT_TRUE(response.starts_with(i % 2 == 0 ? "HTTP/1.1 200 " : "HTTP/1.1 404 ")) << i;
  }
}

TEST_F(Listener, TakesARequestOctetByOctet) {
  start();
  RawClient client = connect();
  for (const char octet : get("/health")) client.send({&octet, 1});
  EXPECT_TRUE(client.read_response().starts_with("HTTP/1.1 200 "));
}

TEST_F(Listener, SendsAResponseLargerThanTheSocketsBuffer) {
  start();
  EXPECT_GT(ask(get("/large")).size(), 8u << 20);
}

TEST_F(Listener, RefusesWhatItDoesNotTake) {
  struct Case {
    std::string_view name;
    std::string request;
    std::string_view status;
  };
  const std::string host = "Host: x\r\n";
  const Case cases[] = {
      {"POST", "POST /health HTTP/1.1\r\n" + host + "\r\n", "405"},
      {"DELETE", "DELETE / HTTP/1.1\r\n" + host + "\r\n", "405"},
      {"TRACE", "TRACE / HTTP/1.1\r\n" + host + "\r\n", "405"},
      {"body", "POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhello", "413"},
      {"GET with a body", get("/", "Content-Length: 5\r\n") + "hello", "413"},
      {"garbage", "\x16\x03\x01\x02garbage\r\n\r\n", "400"},
      {"words", "hello there\r\n\r\n", "400"},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", "400"},
      {"two Hosts", get("/", "Host: y\r\n"), "400"},
      {"space in a name", get("/", "A b: c\r\n"), "400"},
      {"two lengths", get("/", "Content-Length: 0\r\nContent-Length: 1\r\n"), "400"},
      {"long header", get("/", "X: " + std::string(2 * kMaxRequestOctets, 'x') + "\r\n"), "431"},
      {"endless header", "GET / HTTP/1.1\r\nX: " + std::string(2 * kMaxRequestOctets, 'x'), "431"},
  };
  start();
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string response = ask(c.request);
    EXPECT_TRUE(response.starts_with(std::string("HTTP/1.1 ").append(c.status))) << response;
    EXPECT_NE(response.find("Connection: close\r\n"), std::string::npos);
    EXPECT_EQ(response.find("Allow: GET, HEAD\r\n") != std::string::npos, c.status == "405");
  }
  EXPECT_TRUE(ask(get("/health")).starts_with("HTTP/1.1 200 ")) << "and lives on";
}

TEST_F(Listener, ClosesASlowRequest) {
  HttpLimits limits = kPatient;
  limits.request_ms = 20;
  start(limits);
  RawClient silent = connect();
  RawClient slow = connect();
  slow.send("GET / HTTP/1.1\r\nHost: x\r\n");
  EXPECT_EQ(slow.read_to_end(), "");
  EXPECT_EQ(silent.read_to_end(), "");
}

TEST_F(Listener, ClosesAnIdleConnection) {
  HttpLimits limits = kPatient;
  limits.idle_ms = 20;
  start(limits);
  RawClient client = connect();
  client.send(get("/health"));
  EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 200 "));
}

TEST_F(Listener, ClosesWhoDoesNotTakeTheResponse) {
  HttpLimits limits = kPatient;
  limits.connections = 1;
  limits.response_ms = 20;
  start(limits);
  RawClient lazy = connect();
  lazy.send(get("/large"));
  EXPECT_TRUE(ask(get("/health")).starts_with("HTTP/1.1 200 ")) << "its place is free again";
}

TEST_F(Listener, IdleConnectionsMakeRoomForNewOnes) {
  HttpLimits limits = kPatient;
  limits.connections = 4;
  start(limits);
  std::deque<RawClient> idle;
  for (int i = 0; i < 20; ++i) {
    idle.push_back(connect());
    idle.back().send(get("/health"));
    EXPECT_TRUE(idle.back().read_response().starts_with("HTTP/1.1 200 ")) << i;
  }
  EXPECT_EQ(idle.front().read_to_end(), "") << "the oldest one went";
}

TEST_F(Listener, SaysWhyItCannotListen) {
  start();
  const Endpoint taken = listener_->listening();
  const auto second = HttpListener::open(taken, {});
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().find("cannot listen on " + taken.text()), std::string::npos);
  EXPECT_NE(second.error().find("another program has this port"), std::string::npos);
}

TEST_F(Listener, StatusClientAndListenerUnderstandEachOther) {
  start();
  const auto answer = fetch_status(listener_->listening());
  ASSERT_TRUE(answer.has_value()) << answer.error();
  EXPECT_EQ(exit_status(read_status(answer, "x")), 0);
}

TEST_F(Listener, StatusClientTellsWhenNobodyAnswers) {
  start();
  const Endpoint gone = listener_->listening();
  listener_.reset();
  EXPECT_FALSE(fetch_status(gone).has_value());
  // Accepted by the kernel, never by a program: the client's own time-out ends it.
  const auto silent = HttpListener::open(loopback(), {}).value();
  const auto answer = fetch_status(silent->listening(), 50);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(read_status(answer, "x").health.state, verify::HealthState::not_running);
}

TEST(StatusClient, AsksTheAnyAddressOnLoopback) {
  const auto at = [](const char* text) {
    return reachable(Endpoint::parse(text, 0).value()).text();
  };
  EXPECT_EQ(at("0.0.0.0:9812"), "127.0.0.1:9812");
  EXPECT_EQ(at("[::]:9812"), "[::1]:9812");
  EXPECT_EQ(at("192.0.2.1:80"), "192.0.2.1:80");
}

}  // namespace
}  // namespace sallyport::admin
