// What is to become of a request: who asks, which route is it, is he let in.

#include "engine/http/admission.h"
#include "engine/http/door.h"
#include "engine/http/exchange.h"
#include "engine/http/router_host.h"
#include "engine/http/router_target.h"

namespace sallyport::http_door {

void Exchange::decide() {
  const Visitor visitor =
      find_visitor(peer_.address.address, peer_.tls, request_, settings_->trusted_proxies);
  visitor_ = visitor.address;
  visitor_https_ = visitor.https;
  const auto host = HostName::parse(visitor.host);
  if (!host) {
    door_.counts().bad_requests.add();
    return answer_page(400, "the request names no host that could be");
  }
  target_.assign(request_.target);
  const auto target = normalise_target(target_);
  if (!target) {
    door_.counts().bad_requests.add();
    return answer_page(400, to_text(target.error()));
  }
  if (serve_reserved(target->path)) return;
  if (settings_->config.listeners[peer_.listener].redirect_to_https && !visitor.https) {
    own_.reset();
    own_.fields.add("Location", "https://" + std::string(host->text()) + target_);
    return answer(308, "text/plain; charset=utf-8", "This site is served over HTTPS.\n");
  }
  const auto found = settings_->router.find(*host, target->path, request_);
  if (!found) {
    const bool known = found.error() == RouteError::no_route;
    return answer_page(known ? 404 : 421,
                       known ? "there is nothing here" : "this host is not served here");
  }
  route_ = &settings_->routes[*found];
  const Admission admission = admit(route_->config.policy, visitor, *settings_->whitelist,
                                    door_.grants().current(), door_.unix_ms());
  if (!admission.passes()) return not_admitted(admission.verdict == Verdict::denied);
  grant_ = admission.grant_id;
  by_whitelist_or_grant_ = admission.verdict != Verdict::open;
  user_.assign(admission.grant == nullptr ? std::string_view() : admission.grant->user);
  host_ = *host;
  serve_route(*route_);
}

bool Exchange::serve_reserved(std::string_view) { return false; }

void Exchange::not_admitted(bool denied) {
  if (denied) {
    door_.counts().denied.add();
    return answer_page(403, "this address is not let in");
  }
  door_.counts().gated.add();
  answer_page(401, "this address has to be confirmed first");
}

void Exchange::serve_route(const RouteSettings& route) {
  if (route.pool != RouteSettings::kNoPool) return forward(route);
  const RewriteValues values = rewrite_values();
  own_.reset();
  if (route.rewrite.redirect) {
    scratch_.clear();
    route.rewrite.redirect->append(values, scratch_);
    own_.fields.add("Location", scratch_);
    route.rewrite.response_fields.apply(values, own_.fields, scratch_);
    return answer(308, "text/plain; charset=utf-8", "");
  }
  route.rewrite.response_fields.apply(values, own_.fields, scratch_);
  answer(static_cast<std::uint16_t>(route.config.respond), route.config.respond_type,
         route.config.respond_body);
}

RewriteValues Exchange::rewrite_values() {
  visitor_text_ = visitor_.text();
  return {.visitor = visitor_text_, .host = host_.text(), .uri = target_, .user = user_};
}

}  // namespace sallyport::http_door
