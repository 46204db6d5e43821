// What is to become of a request: who asks, which route is it, is he let in.

#include <algorithm>
#include <fstream>

#include "engine/http/admission.h"
#include "engine/http/balancer.h"
#include "engine/http/door.h"
#include "engine/http/exchange.h"
#include "engine/http/forward_auth.h"
#include "engine/http/gate_url.h"
#include "engine/http/router_host.h"
#include "engine/http/router_target.h"
#include "protocol/ascii.h"
#include "protocol/http/client_kind.h"
#include "protocol/http/field_text.h"
#include "protocol/http/forwarded.h"

namespace sallyport::http_door {
namespace {

constexpr std::string_view kAcmePrefix = "/.well-known/acme-challenge/";

/// RFC 8555 §8.3: base64url, nothing else; so no path leads out of the folder.
bool is_acme_token(std::string_view token) noexcept {
  return !token.empty() && token.size() <= 128 && std::ranges::all_of(token, [](char c) {
    return is_letter_or_digit(c) || c == '-' || c == '_';
  });
}

bool is_below(std::string_view path, std::string_view folder) noexcept {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

}  // namespace

void Exchange::decide() {
  const Visitor visitor =
      find_visitor(peer_.address.address, peer_.tls, request_, settings_->trusted_proxies);
  visitor_ = visitor.address;
  visitor_https_ = visitor.https;
  const config::Http& config = settings_->config;
  if (const auto endpoint = find_auth_endpoint(request_.target, config.gate_path)) {
    return serve_auth(*endpoint);
  }
  const auto host = HostName::parse(visitor.host);
  if (!host) {
    door_.counts().bad_requests.add();
    return answer_page(400, "The request names no host that could be.");
  }
  host_ = *host;
  if (visitor.host.data() != request_.authority.data()) {
    // He has asked a trusted proxy, and knows this service, and the way back to it, by that name.
    request_.authority.assign(visitor.host);
    std::ranges::transform(request_.authority, request_.authority.begin(), http::to_lower);
  }
  target_.assign(request_.target);
  const auto target = normalise_target(target_);
  if (!target) {
    door_.counts().bad_requests.add();
    return answer_page(400, {});
  }
  if (serve_reserved(target->path)) return;
  if (config.listeners[peer_.listener].redirect_to_https && !visitor.https) {
    if (host->text().empty()) return answer_page(400, "The request names no host.");
    own_.reset();
    // "OPTIONS *" asks about the server as a whole, for which a URI has no path of its own.
    scratch_.assign("https://").append(host->text()).append(target_ == "*" ? "/" : target_);
    own_.head.fields.add("Location", scratch_);
    return answer(308, "text/plain; charset=utf-8", "This site is served over HTTPS.\n");
  }
  const auto found = settings_->router.find(*host, target->path, request_);
  if (!found) return answer_page(found.error() == RouteError::no_route ? 404 : 421, {});
  route_ = &settings_->routes[*found];
  const Admission admission = admission_to(route_->access, visitor);
  note_admission(admission);
  if (!admission.passes()) return not_admitted(admission.verdict);
  grant_ = admission.grant_id;
  by_whitelist_or_grant_ = admission.verdict != Verdict::open;
  user_.assign(admission.grant == nullptr ? std::string_view() : admission.grant->user);
  serve_route(*route_);
}

bool Exchange::serve_reserved(std::string_view path) {
  const config::Http& config = settings_->config;
  if (!config.acme_challenge_folder.empty() && path.starts_with(kAcmePrefix)) {
    const std::string_view token = path.substr(kAcmePrefix.size());
    std::string text;
    if (is_acme_token(token)) {
      // A file of a hundred octets, asked for a few times in three months.
      std::ifstream file(config.acme_challenge_folder + "/" + std::string(token));
      std::getline(file, text);
    }
    if (text.empty()) {
      answer_page(404, {});
    } else {
      own_.reset();
      answer(200, "text/plain", text);
    }
    return true;
  }
  if (!is_below(path, config.gate_path)) return false;
  if (settings_->gate == nullptr) {
    serve_without_gate();
    return true;
  }
  if (config.listeners[peer_.listener].redirect_to_https && !visitor_https_) return false;
  serve_gate(path);
  return true;
}

void Exchange::serve_without_gate() {
  const Visitor visitor{.address = visitor_, .https = visitor_https_, .host = host_.text()};
  const Admission admission =
      admit({}, visitor, 0, *settings_->whitelist, door_.grants().current(), door_.unix_ms());
  own_.reset();
  if (admission.passes()) {
    add_security_fields(own_.head.fields, {});
    return answer(200, "text/plain; charset=utf-8", "Your address is let in.\n");
  }
  write_not_admitted({.verdict = admission.verdict,
                      .kind = http::client_kind(request_),
                      .method = request_.method,
                      .visitor = visitor_,
                      .host = host_.text(),
                      .gate_url = {}},
                     own_);
  send_own();
}

void Exchange::serve_auth(const AuthEndpoint& endpoint) {
  const std::string asked(request_.target);  // `endpoint` views the target, which changes below
  AuthEndpoint own = endpoint;
  own.rest = std::string_view(asked).substr(asked.size() - endpoint.rest.size());
  if (endpoint.rest == "/" && !asked.ends_with('/')) own.rest = "/";
  const auto original =
      read_original(own, peer_.address.address, peer_.tls, request_, settings_->trusted_proxies);
  own_.reset();
  if (!original) {
    write_auth_problem(original.error(), own_);
    return send_own();
  }
  // The fields' views die when the head becomes the original request.
  const std::string method(original->method);
  const std::string authority(original->authority);
  const std::string original_target(original->target);
  const OriginalRequest kept{.method = method,
                             .https = original->https,
                             .authority = authority,
                             .target = original_target,
                             .visitor = {.address = original->visitor.address,
                                         .source = original->visitor.source,
                                         .https = original->https,
                                         .host = authority}};
  const http::ClientKind kind = http::client_kind(request_);
  const http::Method asked_by = request_.method;
  become_original(kept, request_);
  AuthDecision decision{.admission = {}, .kind = kind, .whitelist = {}, .gate_url = {}};
  target_.assign(original_target);
  const auto target = normalise_target(target_);
  const auto host = HostName::parse(authority);
  const auto route = target && host ? settings_->router.find(*host, target->path, request_)
                                    : std::unexpected(RouteError::no_route);
  if (host) host_ = *host;
  if (route) {
    route_ = &settings_->routes[*route];
    decision.admission = admission_to(route_->access, kept.visitor);
    if (decision.admission.verdict == Verdict::whitelisted) {
      decision.whitelist = settings_->config.whitelists[decision.admission.whitelist].name;
    }
  }
  // The answer is to the question: a GET about a HEAD has content, else its length is waited for.
  request_.method = asked_by;
  scratch_.clear();
  const config::Http& config = settings_->config;
  append_gate_url(scratch_, {.auth_url = config.auth_url, .gate_path = config.gate_path},
                  {.https = kept.https, .authority = authority, .target = original_target},
                  host && is_ours(authority, *host));
  decision.gate_url = scratch_;
  visitor_ = kept.visitor.address;
  note_admission(decision.admission);
  if (decision.admission.grant != nullptr) user_.assign(decision.admission.grant->user);
  write_auth_answer(own.proxy, kept, decision, own_);
  send_own();
}

Admission Exchange::admission_to(const Access& access, const Visitor& visitor) noexcept {
  const AccessBinding& binding = *settings_->binding;
  named_grant_ = binding.cookie.empty()
                     ? 0
                     : open_access(find_cookie(request_.fields, binding.cookie), binding.keys);
  return admit(access, visitor, named_grant_, *settings_->whitelist, door_.grants().current(),
               door_.unix_ms());
}

void Exchange::note_admission(const Admission& admission) noexcept {
  if (admission.grant != nullptr) door_.slides().used(*admission.grant, door_.unix_ms());
  admission_ = admission.verdict;
  whitelist_ = admission.whitelist;
  door_.counts().admissions[static_cast<std::size_t>(admission.verdict)].add();
}

void Exchange::not_admitted(Verdict verdict) {
  scratch_.clear();
  if (const config::Http& config = settings_->config;
      !config.auth_url.empty() || settings_->gate != nullptr) {
    append_gate_url(scratch_, {.auth_url = config.auth_url, .gate_path = config.gate_path},
                    {.https = visitor_https_, .authority = request_.authority, .target = target_},
                    is_ours(request_.authority, host_));
  }
  own_.reset();
  write_not_admitted({.verdict = verdict,
                      .kind = http::client_kind(request_),
                      .method = request_.method,
                      .visitor = visitor_,
                      .host = host_.text(),
                      .gate_url = scratch_},
                     own_);
  send_own();
}

void Exchange::serve_route(const RouteSettings& route) {
  if (route.pool != RouteSettings::kNoPool) return forward(route);
  const RewriteValues values = rewrite_values();
  own_.reset();
  if (route.rewrite.redirect) {
    scratch_.clear();
    route.rewrite.redirect->append(values, scratch_);
    own_.head.fields.add("Location", scratch_);
    route.rewrite.response_fields.apply(values, own_.head.fields, scratch_);
    return answer(308, "text/plain; charset=utf-8", {});
  }
  route.rewrite.response_fields.apply(values, own_.head.fields, scratch_);
  answer(static_cast<std::uint16_t>(route.config.respond), route.config.respond_type,
         route.config.respond_body);
}

RewriteValues Exchange::rewrite_values() {
  AddressBuffer buffer;
  visitor_text_ = http::visitor_text(visitor_, buffer);
  return {.visitor = visitor_text_, .host = host_.text(), .uri = target_, .user = user_};
}

}  // namespace sallyport::http_door
