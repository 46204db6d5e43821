#include "engine/http/forward_auth.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/http/router_target.h"

namespace sallyport::http_door {
namespace {

using http::ClientKind;
using testing::HasSubstr;

constexpr std::string_view kGatePath = "/.sallyport";
constexpr const char* kGateUrl = "https://app.example.net/.sallyport/?rd=https%3A%2F%2Fapp";
using Lines = std::vector<std::pair<std::string, std::string>>;

std::optional<AuthEndpoint> endpoint(std::string_view target) {
  return find_auth_endpoint(target, kGatePath);
}

/// A question from the trusted proxy 10.0.0.1, as the fields have it.
struct Question {
  explicit Question(std::string target, const Lines& fields, std::string method = "GET") {
    head.target = std::move(target);
    head.method = http::method_of(method);
    head.method_text = std::move(method);
    head.authority = "auth.internal:9091";
    for (const auto& [name, value] : fields) head.fields.add(name, value);
  }
  [[nodiscard]] std::expected<OriginalRequest, AuthProblem> read(
      const char* peer = "10.0.0.1") const {
    const AddressSet trusted({*Prefix::parse("10.0.0.0/8")});
    return read_original(*endpoint(head.target), *IpAddress::parse(peer), false, head, trusted);
  }
  http::RequestHead head;
};

/// As "method scheme://host target for visitor", or the problem.
std::string text(const std::expected<OriginalRequest, AuthProblem>& original) {
  if (!original) return to_text(original.error());
  EXPECT_EQ(original->visitor.https, original->https);
  return std::string(original->method) + (original->https ? " https://" : " http://") +
         std::string(original->authority) + " " + std::string(original->target) + " for " +
         original->visitor.address.text();
}

const Lines kForwarded = {{"X-Forwarded-Method", "POST"},
                          {"X-Forwarded-Proto", "https"},
                          {"X-Forwarded-Host", "app.example.net:8443"},
                          {"X-Forwarded-Uri", "/a/b?c=d&e=f"},
                          {"X-Forwarded-For", "192.0.2.1"}};
const Lines kNginx = {{"X-Original-Method", "POST"},
                      {"X-Original-URL", "https://app.example.net:8443/a/b?c=d&e=f"},
                      {"X-Forwarded-For", "192.0.2.1"}};
const std::string kWhole = "POST https://app.example.net:8443 /a/b?c=d&e=f for 192.0.2.1";

Lines with(Lines lines, const std::string& name, const std::string& value) {
  std::erase_if(lines, [&](const auto& line) { return line.first == name; });
  if (!value.empty()) lines.emplace_back(name, value);
  return lines;
}

TEST(ForwardAuth, Endpoints) {
  EXPECT_EQ(endpoint("/.sallyport/auth/nginx")->proxy, AuthProxy::nginx);
  EXPECT_EQ(endpoint("/.sallyport/auth/caddy?x=y")->proxy, AuthProxy::caddy);
  EXPECT_EQ(endpoint("/.sallyport/auth/traefik")->proxy, AuthProxy::traefik);
  EXPECT_EQ(endpoint("/.sallyport/auth/haproxy")->proxy, AuthProxy::haproxy);
  EXPECT_EQ(endpoint("/.sallyport/auth/envoy")->rest, "/");
  EXPECT_EQ(endpoint("/.sallyport/auth/envoy/")->rest, "/");
  EXPECT_EQ(endpoint("/.sallyport/auth/envoy/a?b=c")->rest, "/a?b=c");
  for (const char* target :
       {"/", "/auth/nginx", "/.sallyport", "/.sallyport/auth", "/.sallyport/auth/",
        "/.sallyport/auth/nginx/", "/.sallyport/auth/apache", "/.sallyport/auth/envoyx",
        "/.sallyportx/auth/nginx", "/x/.sallyport/auth/nginx"}) {
    EXPECT_FALSE(endpoint(target)) << target;
  }
}

TEST(ForwardAuth, EachProxysWayToTell) {
  EXPECT_EQ(text(Question("/.sallyport/auth/nginx", kNginx).read()), kWhole);
  for (const char* proxy : {"caddy", "traefik", "haproxy"}) {
    const std::string target = std::string("/.sallyport/auth/") + proxy;
    EXPECT_EQ(text(Question(target, kForwarded).read()), kWhole) << proxy;
  }
  Question envoy("/.sallyport/auth/envoy/a/b?c=d&e=f",
                 {{"X-Forwarded-Proto", "https"}, {"X-Forwarded-For", "192.0.2.1"}}, "POST");
  envoy.head.authority = "app.example.net:8443";
  EXPECT_EQ(text(envoy.read()), kWhole);
  Question plain("/.sallyport/auth/envoy", {{"X-Forwarded-For", "192.0.2.1"}});
  EXPECT_EQ(text(plain.read()), "GET http://auth.internal:9091 / for 192.0.2.1");
}

TEST(ForwardAuth, AUrlIsLookedAtHoweverLong) {
  const std::string target = "/" + std::string(8'000, 'x');
  EXPECT_TRUE(Question("/.sallyport/auth/nginx",
                       with(kNginx, "X-Original-URL", "https://app.example.net" + target))
                  .read());
  EXPECT_TRUE(
      Question("/.sallyport/auth/caddy", with(kForwarded, "X-Forwarded-Uri", target)).read());
}

TEST(ForwardAuth, OnlyTrustedProxiesAsk) {
  for (const char* peer : {"192.0.2.7", "127.0.0.1", "::1"}) {
    const auto original = Question("/.sallyport/auth/caddy", kForwarded).read(peer);
    ASSERT_FALSE(original);
    EXPECT_EQ(original.error(), AuthProblem::untrusted);
  }
}

TEST(ForwardAuth, TheProxyIsNeverTakenForItsVisitor) {
  const auto problem = [](const Lines& lines) {
    return Question("/.sallyport/auth/caddy", lines).read().error();
  };
  EXPECT_EQ(problem(with(kForwarded, "X-Forwarded-For", "")), AuthProblem::no_visitor);
  EXPECT_EQ(problem(with(kForwarded, "X-Forwarded-For", " , ")), AuthProblem::no_visitor);
  const auto hidden =
      Question("/.sallyport/auth/caddy", with(kForwarded, "X-Forwarded-For", "unknown")).read();
  ASSERT_TRUE(hidden);
  EXPECT_FALSE(hidden->visitor.known());
  EXPECT_EQ(text(Question("/.sallyport/auth/caddy",
                          with(kForwarded, "X-Forwarded-For", "203.0.113.9, 192.0.2.1, 10.0.0.2"))
                     .read()),
            kWhole);
}

TEST(ForwardAuth, WhatIsMissingOrDoubleIsRefused) {
  for (const char* name : {"X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri"}) {
    EXPECT_EQ(Question("/.sallyport/auth/caddy", with(kForwarded, name, "")).read().error(),
              AuthProblem::no_url)
        << name;
    // One is the proxy's, the other its visitor's.
    Lines twice = kForwarded;
    twice.insert(twice.begin(), {name, "https"});
    EXPECT_EQ(Question("/.sallyport/auth/caddy", twice).read().error(), AuthProblem::no_url)
        << name;
  }
  EXPECT_EQ(Question("/.sallyport/auth/traefik", with(kForwarded, "X-Forwarded-Method", ""))
                .read()
                .error(),
            AuthProblem::no_method);
  EXPECT_EQ(Question("/.sallyport/auth/nginx", with(kNginx, "X-Original-URL", "")).read().error(),
            AuthProblem::no_url);
  EXPECT_EQ(
      Question("/.sallyport/auth/nginx", with(kNginx, "X-Original-Method", "")).read().error(),
      AuthProblem::no_method);
}

TEST(ForwardAuth, FieldsOfOtherProxiesAreTheVisitorsOwn) {
  Lines lines = kForwarded;
  lines.emplace_back("X-Original-URL", "https://open.example.net/");
  lines.emplace_back("X-Original-Method", "OPTIONS");
  EXPECT_EQ(text(Question("/.sallyport/auth/haproxy", lines).read()), kWhole);
  EXPECT_EQ(Question("/.sallyport/auth/nginx", kForwarded).read().error(), AuthProblem::no_method);
  lines = kNginx;
  lines.emplace_back("X-Forwarded-Uri", "/public");
  lines.emplace_back("X-Forwarded-Host", "open.example.net");
  EXPECT_EQ(text(Question("/.sallyport/auth/nginx", lines).read()), kWhole);
}

TEST(ForwardAuth, WhatIsNoUrlOrMethodIsRefused) {
  for (const char* uri : {"a", "", "https://evil.example/", "/a b", "/a, /b", "/\xc3\xa4"}) {
    Lines lines = with(kForwarded, "X-Forwarded-Uri", "");
    lines.emplace_back("X-Forwarded-Uri", uri);
    EXPECT_EQ(Question("/.sallyport/auth/caddy", lines).read().error(), AuthProblem::no_url) << uri;
  }
  for (const char* host : {"a/b", "a@b", "a, b", "a b", "a:99999"}) {
    EXPECT_EQ(Question("/.sallyport/auth/caddy", with(kForwarded, "X-Forwarded-Host", host))
                  .read()
                  .error(),
              AuthProblem::no_url)
        << host;
  }
  for (const char* proto : {"ftp", "https, http"}) {
    EXPECT_EQ(Question("/.sallyport/auth/envoy/a",
                       {{"X-Forwarded-For", "192.0.2.1"}, {"X-Forwarded-Proto", proto}})
                  .read()
                  .error(),
              AuthProblem::no_url);
  }
  EXPECT_EQ(Question("/.sallyport/auth/nginx", with(kNginx, "X-Original-URL", "/a")).read().error(),
            AuthProblem::no_url);
  EXPECT_EQ(Question("/.sallyport/auth/caddy", with(kForwarded, "X-Forwarded-Method", "G T"))
                .read()
                .error(),
            AuthProblem::no_method);
}

TEST(ForwardAuth, TheQuestionBecomesTheOriginal) {
  Question envoy("/.sallyport/auth/envoy/public/../../../../admin?x=y",
                 {{"X-Forwarded-For", "192.0.2.1"}, {"Cookie", "a=b"}}, "PUT");
  envoy.head.authority = "APP.example.net";
  const auto original = envoy.read();
  ASSERT_TRUE(original);
  become_original(*original, envoy.head);
  EXPECT_EQ(envoy.head.method, http::Method::put);
  EXPECT_EQ(envoy.head.authority, "app.example.net");
  EXPECT_EQ(envoy.head.scheme, "http");
  EXPECT_EQ(envoy.head.fields.find("cookie"), "a=b");
  // The route is found by what the upstream behind the proxy will see, not by our own prefix.
  EXPECT_EQ(normalise_target(envoy.head.target)->path, "/admin");

  Question caddy("/.sallyport/auth/caddy", kForwarded);
  become_original(*caddy.read(), caddy.head);
  EXPECT_EQ(caddy.head.method_text, "POST");
  EXPECT_EQ(caddy.head.target, "/a/b?c=d&e=f");
  EXPECT_EQ(caddy.head.authority, "app.example.net:8443");
}

std::string field(const OwnAnswer& answer, std::string_view name) {
  return std::string(answer.head.fields.find(name).value_or("(none)"));
}

OwnAnswer answer_of(AuthProxy proxy, Verdict verdict, ClientKind kind,
                    std::string_view method = "GET") {
  static const Grant kGrant{.id = 7,
                            .address = {},
                            .user = "alice",
                            .since_ms = 1,
                            .until_ms = 1'700'000'000'999,
                            .by = "",
                            .reason = "",
                            .session = ""};
  const bool granted = verdict == Verdict::granted;
  OriginalRequest original;
  original.method = method;
  original.authority = "app.example.net";
  original.visitor.address = *IpAddress::parse("192.0.2.1");
  OwnAnswer answer;
  write_auth_answer(proxy, original,
                    {.admission = {.verdict = verdict,
                                   .whitelist = 0,
                                   .grant = granted ? &kGrant : nullptr,
                                   .grant_id = granted ? 7u : 0u,
                                   .until_ms = granted ? kGrant.until_ms : 0},
                     .kind = kind,
                     .whitelist = "office",
                     .gate_url = kGateUrl},
                    answer);
  return answer;
}

constexpr AuthProxy kAll[] = {AuthProxy::nginx, AuthProxy::caddy, AuthProxy::traefik,
                              AuthProxy::haproxy, AuthProxy::envoy};

TEST(ForwardAuth, WhoPassesIsNamed) {
  for (const AuthProxy proxy : kAll) {
    OwnAnswer answer = answer_of(proxy, Verdict::granted, ClientKind::page);
    EXPECT_EQ(answer.head.status, 200);
    EXPECT_EQ(answer.body, "");
    EXPECT_EQ(answer.head.content_length, 0u);
    EXPECT_EQ(field(answer, "Remote-User"), "alice");
    EXPECT_EQ(field(answer, "X-Sallyport-Admitted"), "granted");
    EXPECT_EQ(field(answer, "X-Sallyport-Grant-Until"), "1700000000");
    EXPECT_EQ(field(answer, "X-Sallyport-Whitelist"), "(none)");
    EXPECT_EQ(field(answer, "Cache-Control"), "no-store");

    answer = answer_of(proxy, Verdict::whitelisted, ClientKind::api);
    EXPECT_EQ(answer.head.status, 200);
    EXPECT_EQ(field(answer, "X-Sallyport-Whitelist"), "office");
    EXPECT_EQ(field(answer, "Remote-User"), "");
    EXPECT_EQ(answer_of(proxy, Verdict::open, ClientKind::grpc).head.status, 200);
  }
}

TEST(ForwardAuth, ABrowserGoesToTheGateAsItsProxyCanSendIt) {
  for (const AuthProxy proxy : kAll) {
    const bool nginx = proxy == AuthProxy::nginx;
    OwnAnswer answer = answer_of(proxy, Verdict::gate, ClientKind::page);
    EXPECT_EQ(answer.head.status, nginx ? 401 : 302);
    EXPECT_EQ(field(answer, "Location"), kGateUrl);
    EXPECT_EQ(field(answer, "WWW-Authenticate") != "(none)", nginx);
    answer = answer_of(proxy, Verdict::gate, ClientKind::page, "POST");
    EXPECT_EQ(answer.head.status, nginx ? 401 : 303);
  }
}

TEST(ForwardAuth, NobodyElseIsLetThroughByMistake) {
  for (const AuthProxy proxy : kAll) {
    for (const ClientKind kind : {ClientKind::api, ClientKind::grpc}) {
      const OwnAnswer answer = answer_of(proxy, Verdict::gate, kind);
      EXPECT_EQ(answer.head.status, 401);
      EXPECT_EQ(field(answer, "Content-Type"), "application/json");
      EXPECT_THAT(field(answer, "WWW-Authenticate"), HasSubstr("gate="));
      EXPECT_EQ(field(answer, "Location"), "(none)");
    }
    for (const ClientKind kind : {ClientKind::page, ClientKind::api, ClientKind::grpc}) {
      EXPECT_EQ(answer_of(proxy, Verdict::denied, kind).head.status, 403);
    }
  }
  OwnAnswer answer;
  for (const AuthProblem problem : {AuthProblem::untrusted, AuthProblem::no_visitor,
                                    AuthProblem::no_method, AuthProblem::no_url}) {
    write_auth_problem(problem, answer);
    EXPECT_EQ(answer.head.status, 403);
    EXPECT_THAT(answer.body, HasSubstr(to_text(problem)));
  }
}

}  // namespace
}  // namespace sallyport::http_door
