#include "engine/http/forward_auth.h"

#include <algorithm>
#include <string>
#include <utility>

#include "protocol/http/field_text.h"
#include "protocol/http/return_url.h"
#include "protocol/http/target.h"

namespace sallyport::http_door {
namespace {

using http::FieldName;

struct Endpoint {
  std::string_view name;
  AuthProxy proxy;
};
constexpr Endpoint kEndpoints[] = {{"nginx", AuthProxy::nginx},
                                   {"caddy", AuthProxy::caddy},
                                   {"traefik", AuthProxy::traefik},
                                   {"haproxy", AuthProxy::haproxy}};

/// A field that is there once, and so is the proxy's.
std::optional<std::string_view> only(const http::Fields& fields, FieldName name) noexcept {
  if (fields.count(name) != 1) return std::nullopt;
  return fields.find(name);
}

bool is_method(std::string_view text) noexcept {
  constexpr std::size_t kMaxMethodOctets = 32;
  return text.size() <= kMaxMethodOctets && http::is_token(text);
}

bool is_target(std::string_view text) noexcept {
  return text.starts_with('/') &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

std::optional<bool> read_https(std::string_view scheme) noexcept {
  if (http::equal_ignoring_case(scheme, "https")) return true;
  if (http::equal_ignoring_case(scheme, "http")) return false;
  // Traefik names a WebSocket's scheme so.
  if (http::equal_ignoring_case(scheme, "wss")) return true;
  if (http::equal_ignoring_case(scheme, "ws")) return false;
  return std::nullopt;
}

bool read_url(const AuthEndpoint& endpoint, const http::RequestHead& head,
              OriginalRequest& original) noexcept {
  if (endpoint.proxy == AuthProxy::nginx) {
    const auto text = only(head.fields, FieldName::x_original_url);
    const auto url = text ? http::read_whole_url(*text) : std::nullopt;
    if (!url) return false;
    original.https = url->https;
    original.authority = url->authority;
    original.target = url->target;
    return true;
  }

  const auto scheme = only(head.fields, FieldName::x_forwarded_proto);
  const auto https = scheme ? read_https(*scheme) : std::nullopt;
  if (endpoint.proxy == AuthProxy::envoy) {
    // Envoy sends it only where its configuration says so. Without it the visitor is taken to have
    // come as Envoy has.
    if (scheme && !https) return false;
    original.https = https.value_or(original.visitor.https);
    original.authority = head.authority;
    original.target = endpoint.rest;
  } else {
    const auto host = only(head.fields, FieldName::x_forwarded_host);
    const auto uri = only(head.fields, FieldName::x_forwarded_uri);
    if (!https || !host || !uri) return false;
    original.https = *https;
    original.authority = *host;
    original.target = *uri;
  }
  return http::split_authority(original.authority) && is_target(original.target);
}

}  // namespace

std::optional<AuthEndpoint> find_auth_endpoint(std::string_view target,
                                               std::string_view gate_path) noexcept {
  constexpr std::string_view kFolder = "/auth/";
  constexpr std::string_view kEnvoy = "envoy";
  if (!target.starts_with(gate_path)) return std::nullopt;
  target.remove_prefix(gate_path.size());
  if (!target.starts_with(kFolder)) return std::nullopt;
  target.remove_prefix(kFolder.size());
  if (target.starts_with(kEnvoy)) {
    const std::string_view rest = target.substr(kEnvoy.size());
    if (rest.empty()) return AuthEndpoint{AuthProxy::envoy, "/"};
    if (rest.front() != '/') return std::nullopt;
    return AuthEndpoint{AuthProxy::envoy, rest};
  }
  const std::string_view name = target.substr(0, target.find('?'));
  for (const Endpoint& endpoint : kEndpoints) {
    if (endpoint.name == name) return AuthEndpoint{endpoint.proxy, {}};
  }
  return std::nullopt;
}

const char* to_text(AuthProblem problem) noexcept {
  switch (problem) {
    case AuthProblem::untrusted: return "The proxy that asks is not in trusted_proxies.";
    case AuthProblem::no_visitor:
      return "The proxy does not say whom it asks for: it has to send X-Forwarded-For.";
    case AuthProblem::no_method: return "The proxy does not send the original method, just once.";
    case AuthProblem::no_url:
      return "The proxy does not send the original scheme, host and path, each just once.";
  }
  return "";
}

std::expected<OriginalRequest, AuthProblem> read_original(const AuthEndpoint& endpoint,
                                                          const IpAddress& peer, bool tls,
                                                          const http::RequestHead& head,
                                                          const AddressSet& trusted) noexcept {
  if (!trusted.contains(peer)) return std::unexpected(AuthProblem::untrusted);
  OriginalRequest original;
  original.visitor = find_visitor(peer, tls, head, trusted);
  if (original.visitor.source == VisitorSource::peer) {
    return std::unexpected(AuthProblem::no_visitor);
  }

  std::optional<std::string_view> method;
  switch (endpoint.proxy) {
    case AuthProxy::nginx: method = only(head.fields, FieldName::x_original_method); break;
    case AuthProxy::caddy:
    case AuthProxy::traefik:
    case AuthProxy::haproxy: method = only(head.fields, FieldName::x_forwarded_method); break;
    case AuthProxy::envoy: method = head.method_text; break;
  }
  if (!method || !is_method(*method)) return std::unexpected(AuthProblem::no_method);
  original.method = *method;
  if (!read_url(endpoint, head, original)) return std::unexpected(AuthProblem::no_url);
  original.visitor.https = original.https;
  original.visitor.host = original.authority;
  return original;
}

void become_original(const OriginalRequest& original, http::RequestHead& head) {
  // They may be views of what is written over.
  std::string target(original.target);
  std::string authority(original.authority);
  std::string method(original.method);
  std::ranges::transform(authority, authority.begin(), http::to_lower);
  head.method = http::method_of(method);
  head.method_text = std::move(method);
  head.target = std::move(target);
  head.authority = std::move(authority);
  head.scheme = original.https ? "https" : "http";
}

namespace {

void write_pass(const AuthDecision& decision, OwnAnswer& answer) {
  answer.reset();
  answer.head.status = 200;
  http::Fields& fields = answer.head.fields;
  const Admission& admission = decision.admission;
  fields.add("Cache-Control", "no-store");
  fields.add("X-Sallyport-Admitted", to_text(admission.verdict));
  if (admission.verdict == Verdict::whitelisted) {
    fields.add("X-Sallyport-Whitelist", decision.whitelist);
  }
  const bool named = admission.verdict == Verdict::granted && admission.grant != nullptr;
  fields.add("Remote-User", named ? std::string_view(admission.grant->user) : std::string_view());
  if (admission.verdict == Verdict::granted) {
    fields.add("X-Sallyport-Grant-Until", std::to_string(admission.until_ms / 1000));
  }
  answer.head.framing = http::Framing::none;
  answer.head.content_length = 0;
}

}  // namespace

void write_auth_answer(AuthProxy proxy, const OriginalRequest& original,
                       const AuthDecision& decision, OwnAnswer& answer) {
  if (decision.admission.passes()) {
    write_pass(decision, answer);
    return;
  }
  const bool page = decision.kind == http::ClientKind::page;
  write_not_admitted({.verdict = decision.admission.verdict,
                      .kind = page ? http::ClientKind::page : http::ClientKind::api,
                      .method = http::method_of(original.method),
                      .visitor = original.visitor.address,
                      .host = original.authority,
                      .gate_url = decision.gate_url},
                     answer);
  const std::uint16_t status = answer.head.status;
  if (proxy == AuthProxy::nginx && (status == 302 || status == 303)) {
    answer.head.status = 401;
    std::string challenge;
    append_challenge(challenge, original.authority, decision.gate_url);
    answer.head.fields.add("WWW-Authenticate", challenge);
  }
}

void write_auth_problem(AuthProblem problem, OwnAnswer& answer) {
  write_error(403, http::ClientKind::api, to_text(problem), answer);
}

}  // namespace sallyport::http_door
