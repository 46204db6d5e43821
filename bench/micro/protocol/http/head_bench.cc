// HTTP/1 heads: what each request and each answer costs to read and to write.

#include <array>
#include <string>

#include <benchmark/benchmark.h>

#include "bench/micro/hot_function.h"
#include "protocol/check.h"
#include "protocol/http/h1_body.h"
#include "protocol/http/h1_parser.h"
#include "protocol/http/head_writer.h"

namespace sallyport::micro {
namespace {

using http::Parse;

constexpr http::Limits kLimits{
    .max_head_octets = 16'384, .max_fields = 100, .max_target_octets = 8'000};

/// As a browser sends it: 390 octets.
constexpr std::string_view kBrowserGet =
    "GET /assets/app.js?v=17 HTTP/1.1\r\n"
    "Host: www.example.net\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Referer: https://www.example.net/index.html\r\n"
    "Cookie: session=0123456789abcdef\r\n"
    "Connection: keep-alive\r\n"
    "Sec-Fetch-Dest: script\r\n"
    "\r\n";

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\n"
    "Server: nginx\r\n"
    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "Content-Type: text/html; charset=utf-8\r\n"
    "Content-Length: 60\r\n"
    "Connection: keep-alive\r\n"
    "ETag: \"6720d1a3-3c\"\r\n"
    "Accept-Ranges: bytes\r\n"
    "\r\n";

Calls read_request() {
  return [head = http::RequestHead()](std::uint32_t calls) mutable {
    for (std::uint32_t i = 0; i < calls; ++i) {
      Octets octets = as_octets(kBrowserGet);
      benchmark::DoNotOptimize(octets);
      const auto parsed = http::parse_request_head(octets, kLimits, head);
      CHECK(parsed.state == Parse::done && head.fields.size() == 8);
    }
  };
}

Calls write_request() {
  http::RequestHead head;
  CHECK(http::parse_request_head(as_octets(kBrowserGet), kLimits, head).state == Parse::done);
  return [head = std::move(head)](std::uint32_t calls) mutable {
    std::array<std::uint8_t, 1024> out;
    for (std::uint32_t i = 0; i < calls; ++i) {
      benchmark::DoNotOptimize(head);
      CHECK(http::write_request_head(head, out) == kBrowserGet.size());
      benchmark::DoNotOptimize(out);
    }
  };
}

Calls read_answer() {
  return [head = http::ResponseHead()](std::uint32_t calls) mutable {
    for (std::uint32_t i = 0; i < calls; ++i) {
      Octets octets = as_octets(kAnswer);
      benchmark::DoNotOptimize(octets);
      const auto parsed = http::parse_response_head(octets, kLimits, http::Method::get, head);
      CHECK(parsed.state == Parse::done && head.content_length == 60);
    }
  };
}

/// Both ways of one request without a body, through a proxy.
Calls pass_on() {
  struct Heads {
    http::RequestHead request;
    http::ResponseHead answer;
  };
  return [heads = Heads()](std::uint32_t calls) mutable {
    std::array<std::uint8_t, 1024> out;
    for (std::uint32_t i = 0; i < calls; ++i) {
      auto& [request, answer] = heads;
      CHECK(http::parse_request_head(as_octets(kBrowserGet), kLimits, request).state ==
            Parse::done);
      http::remove_hop_by_hop(request.fields);
      CHECK(http::write_request_head(request, out) > 0);
      CHECK(http::parse_response_head(as_octets(kAnswer), kLimits, request.method, answer).state ==
            Parse::done);
      http::remove_hop_by_hop(answer.fields);
      CHECK(http::write_response_head(answer, out) > 0);
      benchmark::DoNotOptimize(out);
    }
  };
}

Calls read_chunks() {
  std::string text;
  for (int i = 0; i < 16; ++i) text += "400\r\n" + std::string(1024, 'x') + "\r\n";
  text += http::kLastChunk;
  return [text = std::move(text), reader = http::BodyReader()](std::uint32_t calls) mutable {
    for (std::uint32_t i = 0; i < calls; ++i) {
      reader.start(http::Framing::chunked, 0);
      Octets rest = as_octets(text);
      benchmark::DoNotOptimize(rest);
      for (;;) {
        const auto step = reader.next(rest);
        rest = rest.subspan(step.skip + step.length);
        if (step.kind != http::BodyReader::Kind::data) break;
      }
      CHECK(reader.ended() && rest.empty());
    }
  };
}

}  // namespace

void add_http_head(HotFunctions& all) {
  all.push_back({"http/read_request/browser", read_request});
  all.push_back({"http/write_request/browser", write_request});
  all.push_back({"http/read_answer", read_answer});
  all.push_back({"http/pass_on", pass_on});
  all.push_back({"http/read_chunks/16", read_chunks});
}

}  // namespace sallyport::micro
