// To the upstream: the request as it goes out, the choice of a server, and the next try.

#include <array>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "engine/http/door.h"
#include "engine/http/exchange.h"
#include "engine/http/gate/front.h"
#include "engine/http/impostor.h"
#include "engine/http/retry.h"
#include "protocol/http/field_text.h"
#include "protocol/http/forwarded.h"
#include "protocol/http/head_writer.h"

namespace sallyport::http_door {

void Exchange::forward(const RouteSettings& route) {
  if (route.config.max_request_body > 0 &&
      request_.content_length.value_or(0) > route.config.max_request_body) {
    return answer_page(413, "The request is larger than this service takes.");
  }
  if (request_.method == http::Method::connect && request_.protocol.empty()) {
    return answer_page(405, "This is no proxy for CONNECT.");
  }
  pool_ = door_.upstreams().pool(route.pool);
  retries_left_ = pool_->settings().config.retries;
  cookie_.clear();
  if (pool_->settings().config.balance == config::Balance::cookie) {
    cookie_.assign(find_cookie(request_.fields, pool_->settings().config.cookie_name));
  }
  prepare_request();
  if (http::request_head_octets(request_) > Door::kMostHeadOctets) {
    const bool target = request_.target.size() > door_.settings().limits.max_target_octets;
    return answer_page(target ? 414 : 431, {});
  }
  step(ExchangeState::forwarding);
  attempt(false);
}

void Exchange::prepare_request() {
  http::Fields& fields = request_.fields;
  if (settings_->gate != nullptr) remove_own_cookies(fields, scratch_);
  tunnel_to_http1();
  // Whoever speaks h2c behind us would be out of our sight.
  if (request_.protocol.starts_with("h2c")) request_.protocol.clear();
  // With a body under way nobody could tell where the tunnel's octets begin; a server may always
  // answer in HTTP/1.1 (RFC 9110 §7.8).
  if (has_body_ && !websocket_over_h2_) request_.protocol.clear();
  http::remove_hop_by_hop(fields);
  // What we say of the visitor, nobody else says.
  using enum http::FieldName;
  fields.remove({x_forwarded_for, x_forwarded_host, x_forwarded_proto, x_forwarded_uri,
                 x_forwarded_method, x_original_url, x_original_method, x_real_ip, forwarded, via,
                 expect});
  // There are more of them than anybody knows (-Port, -Prefix, -User); servers believe them all.
  fields.remove_others([this](std::string_view name) {
    return is_impostor(name, route_->rewrite.request_fields) ||
           (http::starts_ignoring_case(name, "x-forwarded-") &&
            !settings_->trusted_proxies.contains(peer_.address.address));
  });
  AddressBuffer buffer;
  const std::string_view visitor = http::visitor_text(visitor_, buffer);
  fields.add(x_forwarded_for, "X-Forwarded-For", visitor);
  fields.add(x_forwarded_proto, "X-Forwarded-Proto", visitor_https_ ? "https" : "http");
  fields.add(x_forwarded_host, "X-Forwarded-Host", request_.authority);
  scratch_.clear();
  http::append_forwarded(scratch_, visitor, visitor_https_, request_.authority);
  fields.add(forwarded, "Forwarded", scratch_);
  fields.add(via, "Via", request_.scheme.empty() ? "1.1 sallyport" : "2.0 sallyport");
  const Rewrite& rewrite = route_->rewrite;
  own_host_ = !route_->config.preserve_host;
  if (!rewrite.request_fields.empty()) {
    asked_host_ = request_.authority;
    rewrite.request_fields.apply(rewrite_values(), request_, scratch_);
    own_host_ = own_host_ && request_.authority == asked_host_;  // a rule that sets Host wins
  }
  if (rewrite.changes_target()) {
    const std::size_t query = target_.find('?');
    const TargetParts parts{.path = std::string_view(target_).substr(0, query),
                            .query = query == std::string::npos
                                         ? std::string_view()
                                         : std::string_view(target_).substr(query)};
    request_.target.clear();
    rewrite.append_target(parts, request_.target);
  } else {
    request_.target.assign(target_);
  }
  request_.keep_alive = true;
  request_.expect_continue = false;
}

void Exchange::tunnel_to_http1() {
  if (request_.method != http::Method::connect) return;
  // RFC 8441: an extended CONNECT of HTTP/2 is a GET with Upgrade in HTTP/1.1.
  websocket_over_h2_ = true;
  request_.method = http::Method::get;
  request_.method_text = "GET";
  // 16 octets in base64, as RFC 6455 §4.1 wants them; nobody checks our answer to it but ourselves.
  std::array<std::uint8_t, 21> key;
  door_.random().fill(key);
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  scratch_.clear();
  for (const std::uint8_t octet : key) scratch_ += kAlphabet[octet & 63];
  scratch_ += "A==";
  request_.fields.set("Sec-WebSocket-Key", scratch_);
}

void Exchange::attempt(bool same_server) {
  UpstreamSet& servers = pool_->servers();
  if (!same_server) {
    const auto choice = pool_->balancer().pick(servers, {.visitor = visitor_,
                                                         .cookie = cookie_,
                                                         .random = draw_random(),
                                                         .now_ms = door_.now_ms(),
                                                         .tried = tried_});
    if (!choice) {
      if (!request_done_) client_->discard_request();
      return answer_page(503, {});
    }
    server_ = choice->server;
    set_cookie_owed_ = choice->set_cookie;
    tried_ |= server_bit(server_);
  }
  lease_ = servers.acquire(server_);
  door_.asks_upstream();
  upstream_ = pool_->open(server_, *this, same_server);
  if (upstream_ == nullptr) {
    end_lease();
    if (!request_done_) client_->discard_request();
    return answer_page(503, {});
  }
  const bool body = has_body_ && !websocket_over_h2_;
  if (own_host_) {
    const config::HttpServer& server = servers.config(server_);
    asked_host_ = std::exchange(request_.authority,
                                server.unix_path.empty() ? servers.label(server_) : "localhost");
    upstream_->request(request_, body);
    request_.authority = asked_host_;
  } else {
    upstream_->request(request_, body);
  }
  // Another server had it before, and no content has come: here, too, it has to be ended.
  if (body && request_done_) upstream_->request_end(nullptr);
  last_octet_ms_ = door_.now_ms();
  connecting_ = !upstream_->writable();
  const config::HttpPool& config = pool_->settings().config;
  door_.set_timer(*this, door_.now_ms() + (connecting_ ? config.connect_timeout_ms
                                                       : config.response_timeout_ms));
  // Octets of a tunnel have no place before its 101.
  const bool hold = websocket_over_h2_ || (has_body_ && connecting_);
  if (hold) {
    if (!std::exchange(client_paused_, true)) client_->pause_request();
  } else if (std::exchange(client_paused_, false)) {
    client_->resume_request();  // the server before this one had held him up
  }
}

std::uint64_t Exchange::draw_random() {
  std::uint64_t random = 0;
  if (pool_->settings().config.balance == config::Balance::random_two) {
    door_.random().fill({reinterpret_cast<std::uint8_t*>(&random), sizeof(random)});
  }
  return random;
}

/// Rarely, however often it happens; and the log takes it without waiting.
void Exchange::tell_failure(std::string_view reason) {
  UpstreamSet& servers = pool_->servers();
  const std::uint64_t failures = servers.take_untold(server_, door_.now_ms());
  if (failures == 0) return;
  const std::string& detail = servers.detail(server_);
  const std::string times = failures > 1 ? fmt::format(" ({} times)", failures) : std::string();
  spdlog::warn("http: {} of the pool {}: {}{}{}{}", servers.label(server_),
               pool_->settings().config.name, reason, detail.empty() ? "" : ": ", detail, times);
}

void Exchange::give_up(Broken why) {
  door_.counts().upstream_failures.add();
  UpstreamSet& servers = pool_->servers();
  const RetryDecision decision =
      decide_retry({.why = why,
                    .method = request_.method,
                    .method_text = request_.method_text,
                    .request_written = why != Broken::refused && why != Broken::tls &&
                                       why != Broken::connect_timeout,
                    .body_gone = body_begun_,
                    .answer_begun = answer_begun_,
                    .fresh_tried = fresh_tried_,
                    .others_left = servers.candidates(tried_, door_.now_ms()) != 0,
                    .retries_left = retries_left_});
  if (lease_) {
    // An answer that has begun was told as a success, whatever becomes of the rest.
    if (decision.server_failed && !lease_->reported) {
      servers.failed(*lease_, why, door_.now_ms());
      tell_failure(decision.reason);
    }
    end_lease();
  }
  failure_ = decision.reason;
  if (state_ == ExchangeState::answering || state_ == ExchangeState::tunnel) return cut_off();
  switch (decision.next) {
    case Next::same_server: fresh_tried_ = true; return attempt(true);
    case Next::other_server:
      --retries_left_;
      door_.counts().retries.add();
      return attempt(false);
    case Next::give_up: break;
  }
  if (!request_done_) client_->discard_request();
  answer_page(decision.status == 0 ? 502 : decision.status, {});
}

}  // namespace sallyport::http_door
