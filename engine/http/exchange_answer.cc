// Answers to the visitor: the upstream's, prepared, and our own.

#include <algorithm>
#include <charconv>

#include "engine/http/door.h"
#include "engine/http/exchange.h"
#include "protocol/http/head_writer.h"
#include "protocol/http/status.h"

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

void Exchange::answer_page(std::uint16_t status, std::string_view reason) {
  own_.reset();
  std::string text(http::reason_phrase(status));
  text += ": ";
  text += reason;
  text += '\n';
  answer(status, "text/plain; charset=utf-8", text);
}

void Exchange::answer(std::uint16_t status, std::string_view content_type, std::string_view body) {
  own_.status = status;
  own_.framing = body.empty() ? http::Framing::none : http::Framing::length;
  own_.content_length = body.size();
  own_.fields.add("Date", door_.date());
  if (!body.empty()) own_.fields.add("Content-Type", content_type);
  if (!settings_->config.server_header.empty()) {
    own_.fields.add("Server", settings_->config.server_header);
  }
  door_.counts().answers[std::min<std::size_t>(status / 100, 5)].add();
  step(ExchangeState::answering);
  if (request_.method == http::Method::head) {
    own_.framing = http::Framing::none;
    body = {};
  }
  if (status == 204 || status == 304) {
    own_.framing = http::Framing::none;
    own_.content_length.reset();
    body = {};
  }
  if (!request_done_) client_->discard_request();
  client_->respond(own_, !body.empty());
  while (!body.empty() && client_ != nullptr) {
    ring::Slice slice = door_.buffers().allocate();
    if (slice.buffer == ring::Slice::kNone) return cut_off();
    slice.length = static_cast<std::uint32_t>(std::min<std::size_t>(body.size(), slice.length));
    copy_octets(as_octets(body.substr(0, slice.length)), door_.buffers().writable(slice));
    body.remove_prefix(slice.length);
    client_->respond_body(slice);
  }
  ClientSide* const client = std::exchange(client_, nullptr);
  client->respond_end(nullptr);
  finish();
}

}  // namespace sallyport::http_door
