#include "engine/http/own_pages.h"

#include <regex>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/base64.h>
#include <openssl/sha.h>

namespace sallyport::http_door {
namespace {

using http::ClientKind;
using testing::HasSubstr;
using testing::Not;

std::string field(const OwnAnswer& answer, std::string_view name) {
  return std::string(answer.head.fields.find(name).value_or("(none)"));
}

/// What every answer of ours must be, whatever it says.
void expect_framed(const OwnAnswer& answer) {
  EXPECT_EQ(answer.head.content_length, answer.body.size());
  EXPECT_EQ(answer.head.framing, answer.body.empty() ? http::Framing::none : http::Framing::length);
  EXPECT_EQ(field(answer, "Cache-Control"), "no-store");
  for (std::size_t i = 0; i < answer.head.fields.size(); ++i) {
    for (const char c : answer.head.fields[i].value) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
  }
}

void expect_safe_page(const OwnAnswer& answer) {
  expect_framed(answer);
  EXPECT_EQ(field(answer, "Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(field(answer, "X-Frame-Options"), "DENY");
  EXPECT_EQ(field(answer, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(field(answer, "Referrer-Policy"), "no-referrer");
  EXPECT_THAT(field(answer, "Content-Security-Policy"), HasSubstr("default-src 'none'"));
  EXPECT_THAT(field(answer, "Content-Security-Policy"), Not(HasSubstr("unsafe")));
  EXPECT_THAT(answer.body, Not(HasSubstr("<script")));
  EXPECT_THAT(answer.body, Not(HasSubstr("style=")));
  EXPECT_THAT(answer.body, HasSubstr("prefers-color-scheme:dark"));
}

TEST(OwnPages, ErrorPages) {
  OwnAnswer answer;
  for (std::uint16_t status = 400; status < 600; ++status) {
    write_error(status, ClientKind::page, {}, answer);
    EXPECT_EQ(answer.head.status, status);
    expect_safe_page(answer);
    EXPECT_THAT(answer.body, HasSubstr(">" + std::to_string(status) + "<"));
  }
  write_error(404, ClientKind::page, {}, answer);
  EXPECT_THAT(answer.body, HasSubstr("<h1>Not Found</h1>"));
  EXPECT_THAT(answer.body, HasSubstr("There is nothing at this address."));
  write_error(503, ClientKind::page, "All servers of \"shop\" are down.", answer);
  EXPECT_THAT(answer.body, HasSubstr("All servers of &quot;shop&quot; are down."));
}

TEST(OwnPages, ThePolicyAllowsThePagesOwnStyleAndNoOther) {
  OwnAnswer answer;
  write_error(404, ClientKind::page, {}, answer);
  std::smatch style;
  ASSERT_TRUE(std::regex_search(answer.body, style, std::regex("<style>([^<]*)</style>")));
  const std::string text = style[1];
  std::uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), digest);
  std::uint8_t base64[45];
  EVP_EncodeBlock(base64, digest, sizeof digest);
  EXPECT_THAT(
      field(answer, "Content-Security-Policy"),
      HasSubstr("style-src 'sha256-" + std::string(reinterpret_cast<char*>(base64)) + "';"));
}

TEST(OwnPages, ErrorsForPrograms) {
  OwnAnswer answer;
  write_error(502, ClientKind::api, {}, answer);
  expect_framed(answer);
  EXPECT_EQ(answer.head.status, 502);
  EXPECT_EQ(field(answer, "Content-Type"), "application/json");
  EXPECT_EQ(
      answer.body,
      "{\"status\":502,\"error\":\"Bad Gateway\",\"message\":\"The service behind this server "
      "gave no valid answer.\"}\n");
  write_error(403, ClientKind::grpc, {}, answer);
  expect_framed(answer);
  EXPECT_EQ(answer.head.status, 200);
  EXPECT_EQ(field(answer, "grpc-status"), "7");
  EXPECT_EQ(answer.body, "");
}

NotAdmitted visitor(ClientKind kind, std::string_view gate_url) {
  return {.verdict = Verdict::gate,
          .kind = kind,
          .method = http::Method::get,
          .visitor = *IpAddress::parse("2001:db8::1"),
          .host = "app.example.net",
          .gate_url = gate_url};
}

constexpr const char* kGate = "https://app.example.net/.sallyport/?rd=https%3A%2F%2Fapp";

TEST(OwnPages, ABrowserIsSentToTheGate) {
  OwnAnswer answer;
  NotAdmitted browser = visitor(ClientKind::page, kGate);
  write_not_admitted(browser, answer);
  EXPECT_EQ(answer.head.status, 302);
  EXPECT_EQ(field(answer, "Location"), kGate);
  EXPECT_THAT(answer.body, HasSubstr(kGate));
  expect_framed(answer);
  browser.method = http::Method::head;
  write_not_admitted(browser, answer);
  EXPECT_EQ(answer.head.status, 302);
  browser.method = http::Method::post;
  write_not_admitted(browser, answer);
  EXPECT_EQ(answer.head.status, 303);
}

TEST(OwnPages, WithoutAGateThePageSaysHowThingsStand) {
  OwnAnswer answer;
  NotAdmitted browser = visitor(ClientKind::page, "");
  write_not_admitted(browser, answer);
  EXPECT_EQ(answer.head.status, 401);
  expect_safe_page(answer);
  EXPECT_EQ(field(answer, "WWW-Authenticate"), "Sallyport realm=\"app.example.net\"");
  EXPECT_THAT(answer.body, HasSubstr("<dd>2001:db8::1</dd>"));
  EXPECT_THAT(answer.body, HasSubstr("<dd>app.example.net</dd>"));
  browser.host = "<script>alert('&\"')</script>";  // no valid host: whatever happens, no script
  write_not_admitted(browser, answer);
  EXPECT_THAT(answer.body, Not(HasSubstr("<script")));
  EXPECT_THAT(answer.body, HasSubstr("&lt;script&gt;alert(&#39;&amp;&quot;&#39;)&lt;/script&gt;"));
}

TEST(OwnPages, AProgramGets401) {
  OwnAnswer answer;
  write_not_admitted(visitor(ClientKind::api, kGate), answer);
  expect_framed(answer);
  EXPECT_EQ(answer.head.status, 401);
  EXPECT_EQ(field(answer, "WWW-Authenticate"),
            std::string("Sallyport realm=\"app.example.net\", gate=\"") + kGate + "\"");
  EXPECT_EQ(
      answer.body,
      "{\"status\":401,\"error\":\"second_factor_required\",\"message\":\"This address is not "
      "let in yet.\",\"address\":\"2001:db8::1\",\"gate\":\"" +
          std::string(kGate) + "\"}\n");
  EXPECT_EQ(field(answer, "Location"), "(none)");

  write_not_admitted(visitor(ClientKind::grpc, kGate), answer);
  expect_framed(answer);
  EXPECT_EQ(answer.head.status, 200);
  EXPECT_EQ(field(answer, "grpc-status"), "16");
}

TEST(OwnPages, WhomNothingHelpsGets403) {
  OwnAnswer answer;
  for (const ClientKind kind : {ClientKind::page, ClientKind::api}) {
    NotAdmitted denied = visitor(kind, kGate);
    denied.verdict = Verdict::denied;
    write_not_admitted(denied, answer);
    EXPECT_EQ(answer.head.status, 403);
    EXPECT_EQ(field(answer, "Location"), "(none)");
    EXPECT_EQ(field(answer, "WWW-Authenticate"), "(none)");
  }
}

TEST(OwnPages, JsonText) {
  const auto json = [](std::string_view text) {
    std::string out;
    append_json(out, text);
    return out;
  };
  EXPECT_EQ(json("a\"b\\c\n<\x7f"), R"("a\"b\\c\u000a\u003c\u007f")");
  EXPECT_EQ(json("j\xc4\x81nis \xe2\x82\xac \xf0\x9f\x9a\xaa"),
            "\"j\xc4\x81nis \xe2\x82\xac \xf0\x9f\x9a\xaa\"");
  EXPECT_EQ(json("\xc4"), "\"?\"");
  EXPECT_EQ(json("\xc0\xaf\xed\xa0\x80\xf5\x80"), "\"???????\"");
  EXPECT_EQ(json(std::string_view("\0", 1)), "\"\\u0000\"");
}

}  // namespace
}  // namespace sallyport::http_door
