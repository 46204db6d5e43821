// Answers to the visitor: the upstream's, prepared, and our own.

#include <algorithm>
#include <utility>

#include "engine/http/door.h"
#include "engine/http/exchange.h"
#include "protocol/http/client_kind.h"
#include "protocol/http/head_writer.h"

namespace sallyport::http_door {

void Exchange::prepare_response(http::ResponseHead& head) {
  const bool tunnel = head.framing == http::Framing::tunnel;
  http::remove_hop_by_hop(head.fields, tunnel ? http::KeepUpgrade::yes : http::KeepUpgrade::no);
  if (websocket_over_h2_ && tunnel) {
    head.status = 200;  // RFC 8441 §5: what is a 101 in HTTP/1.1
    head.fields.remove(http::FieldName::upgrade);
    head.fields.remove("sec-websocket-accept");
  }
  if (set_cookie_owed_) {
    scratch_.clear();
    pool_->balancer().append_set_cookie(server_, visitor_https_, scratch_);
    head.fields.add("Set-Cookie", scratch_);
  }
  if (!route_->rewrite.response_fields.empty()) {
    route_->rewrite.response_fields.apply(rewrite_values(), head.fields, scratch_);
  }
}

/// The upstream's, which cannot be passed on.
void Exchange::refuse_answer() {
  release_upstream();
  failure_ = "upstream's answer cannot be passed on";
  if (!request_done_) client_->discard_request();
  answer_page(502, {});
}

void Exchange::answer_page(std::uint16_t status, std::string_view detail) {
  own_.reset();
  write_error(status, http::client_kind(request_), detail, own_);
  if (status == 405) own_.head.fields.add("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  if (status == 503) own_.head.fields.add("Retry-After", "1");
  send_own();
}

void Exchange::answer(std::uint16_t status, std::string_view content_type, std::string_view body) {
  own_.head.status = status;
  if (!body.empty()) own_.head.fields.add("Content-Type", content_type);
  own_.body.assign(body);
  send_own();
}

void Exchange::send_own() {
  http::ResponseHead& head = own_.head;
  // A rule may put his target into it, more than once.
  if (http::response_head_octets(head) > Door::kMostHeadOctets) return answer_page(414, {});
  std::string_view body = own_.body;
  head.framing = body.empty() ? http::Framing::none : http::Framing::length;
  head.content_length = body.size();
  head.fields.add("Date", door_.date());
  if (!settings_->config.server_header.empty()) {
    head.fields.add("Server", settings_->config.server_header);
  }
  door_.counts().answers[std::min<std::size_t>(head.status / 100, 5)].add();
  status_ = head.status;
  if (state_ == ExchangeState::reading) door_.cancel_timer(*this);
  step(ExchangeState::answering);
  if (head.status == 204 || head.status == 304) head.content_length.reset();
  if (request_.method == http::Method::head || !head.content_length) {
    head.framing = http::Framing::none;
    body = {};
  }
  if (!request_done_) client_->discard_request();
  client_->respond(head, !body.empty());
  while (!body.empty()) {
    ring::Slice slice = door_.buffers().allocate();
    if (slice.buffer == ring::Slice::kNone) return cut_off();
    slice.length = static_cast<std::uint32_t>(std::min<std::size_t>(body.size(), slice.length));
    response_octets_ += slice.length;
    copy_octets(as_octets(body.substr(0, slice.length)), door_.buffers().writable(slice));
    body.remove_prefix(slice.length);
    client_->respond_body(slice);
  }
  ClientSide* const client = std::exchange(client_, nullptr);
  client->respond_end(nullptr);
  finish();
}

}  // namespace sallyport::http_door
