#include "engine/http/exchange.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/http/admission.h"
#include "engine/http/door.h"
#include "engine/http/impostor.h"
#include "protocol/check.h"
#include "protocol/http/head_writer.h"

namespace sallyport::http_door {
namespace {

/// Interim answers to one request. They go out at once, whether the visitor reads or not.
constexpr std::uint32_t kMaxInterim = 16;

/// What may follow what. Row: from; a bit for each state to go to.
constexpr std::uint8_t bit(ExchangeState state) noexcept {
  return static_cast<std::uint8_t>(1u << static_cast<unsigned>(state));
}
constexpr std::array<std::uint8_t, 8> kAllowed = {
    /* free       */ bit(ExchangeState::reading),
    /* reading    */ bit(ExchangeState::gathering) | bit(ExchangeState::asking) |
        bit(ExchangeState::forwarding) | bit(ExchangeState::answering) | bit(ExchangeState::over) |
        bit(ExchangeState::free),
    /* gathering  */ bit(ExchangeState::asking) | bit(ExchangeState::answering) |
        bit(ExchangeState::over),
    /* asking     */ bit(ExchangeState::answering) | bit(ExchangeState::over),
    /* forwarding */ bit(ExchangeState::answering) | bit(ExchangeState::tunnel) |
        bit(ExchangeState::over),
    /* answering  */ bit(ExchangeState::over),
    /* tunnel     */ bit(ExchangeState::over),
    /* over       */ bit(ExchangeState::free),
};

}  // namespace

void Exchange::step(ExchangeState to) noexcept {
  CHECK((kAllowed[static_cast<std::size_t>(state_)] & bit(to)) != 0);
  state_ = to;
}

void Exchange::reuse() noexcept {
  if (state_ == ExchangeState::free) {
    step(ExchangeState::reading);
    return;
  }
  step(ExchangeState::free);
  ++generation_;
  errand_.reset();
  if (epoch_ != 0) door_.let_go_settings(std::exchange(epoch_, 0));
  settings_ = nullptr;
  route_ = nullptr;
  pool_.reset();
  tried_ = 0;
  grant_ = 0;
  by_whitelist_or_grant_ = false;
  has_body_ = request_done_ = body_begun_ = client_paused_ = upstream_paused_ = false;
  fresh_tried_ = websocket_over_h2_ = answer_begun_ = set_cookie_owed_ = false;
  interim_ = 0;
  request_octets_ = response_octets_ = 0;
  admission_.reset();
  whitelist_ = AddressSet::kNone;
  status_ = 0;
  end_ = AccessEnd::answered;
  failure_ = {};
  half_closed_ = false;
  visitor_ = {};
  target_.clear();
  host_ = {};
  user_.clear();
}

void Exchange::begin(ClientSide& client, const Peer& peer, bool body) {
  client_ = &client;
  peer_ = peer;
  has_body_ = body;
  request_done_ = !body;
  epoch_ = door_.hold_settings();
  settings_ = &door_.settings();
  begun_ms_ = door_.now_ms();
  door_.counts().requests.add();
  decide();
}

void Exchange::refuse(ClientSide& client, const Peer& peer, std::uint16_t status) {
  client_ = &client;
  peer_ = peer;
  request_.reset();
  visitor_ = peer_.address.address;
  begun_ms_ = door_.now_ms();
  request_done_ = true;
  epoch_ = door_.hold_settings();
  settings_ = &door_.settings();
  client_->discard_request();
  answer_page(status, {});
}

// --- From the visitor ------------------------------------------------------------------------

void Exchange::request_body(ring::Slice slice) {
  request_octets_ += slice.length;
  if (state_ == ExchangeState::gathering) return gather(slice);
  if (upstream_ == nullptr) return door_.buffers().release(slice);
  const std::uint64_t most = route_->config.max_request_body;
  if (most > 0 && request_octets_ > most && state_ != ExchangeState::tunnel) {
    door_.buffers().release(slice);
    release_upstream();
    if (state_ != ExchangeState::forwarding) return cut_off();
    client_->discard_request();
    return answer_page(413, "The request is larger than this service takes.");
  }
  body_begun_ = true;
  last_octet_ms_ = door_.now_ms();
  upstream_->request_body(slice);
  if (!upstream_->writable() && !std::exchange(client_paused_, true)) client_->pause_request();
}

void Exchange::request_end(const http::Fields* trailers) {
  request_done_ = true;
  last_octet_ms_ = door_.now_ms();
  if (state_ == ExchangeState::gathering) return ask_gate();
  if (upstream_ == nullptr) return;
  if (trailers != nullptr && has_impostor(*trailers, route_->rewrite.request_fields)) {
    trailers = nullptr;
  }
  if (trailers != nullptr) body_begun_ = true;
  upstream_->request_end(trailers);
  if (state_ != ExchangeState::tunnel) return;
  // What is on its way to him may still come; but nobody would notice that he is gone.
  half_closed_ = true;
  door_.set_timer(*this, last_octet_ms_ + pool_->settings().config.response_timeout_ms);
}

void Exchange::client_writable() {
  last_octet_ms_ = door_.now_ms();
  if (upstream_ != nullptr && std::exchange(upstream_paused_, false)) upstream_->resume_response();
}

void Exchange::client_broken(Broken) {
  client_ = nullptr;
  end_ = AccessEnd::visitor_left;
  door_.counts().answers[0].add();
  let_gate_go();
  release_upstream();
  finish();
}

// --- From the upstream -----------------------------------------------------------------------

void Exchange::response_head(http::ResponseHead& head) {
  answer_begun_ = true;
  if (head.interim()) {
    if (++interim_ > kMaxInterim) {
      std::exchange(upstream_, nullptr)->release();
      return give_up(Broken::bad_message);
    }
    // A 100 is between us and the upstream: the visitor's is sent by his side (RFC 9110 §15.2.1).
    if (head.status == 100 || head.status == 102) return;
    http::remove_hop_by_hop(head.fields);
    return client_->respond(head, true);
  }
  if (lease_) pool_->servers().succeeded(*lease_, door_.now_ms());
  const bool tunnel = head.framing == http::Framing::tunnel;
  const bool body = head.framing != http::Framing::none;
  const std::uint64_t most = route_->config.max_response_body;
  // What a HEAD or a 304 says is the length of another answer (RFC 9110 §8.6).
  if (most > 0 && body && !tunnel && head.content_length.value_or(0) > most) {
    return refuse_answer();
  }
  // To him a 2xx says that his tunnel is open (RFC 8441 §5), and here it is not.
  if (websocket_over_h2_ && !tunnel && head.status / 100 == 2) return refuse_answer();
  prepare_response(head);
  if (http::response_head_octets(head) > Door::kMostHeadOctets) return refuse_answer();
  door_.counts().answers[std::min<std::size_t>(head.status / 100, 5)].add();
  status_ = head.status;
  step(tunnel ? ExchangeState::tunnel : ExchangeState::answering);
  if (tunnel || request_done_) {
    door_.cancel_timer(*this);  // who streams events may be silent for hours
  } else {
    door_.set_timer(*this, door_.now_ms() + pool_->settings().config.response_timeout_ms);
  }
  client_->respond(head, body || tunnel);
  if (!tunnel) return;
  if (std::exchange(client_paused_, false)) client_->resume_request();
  if (websocket_over_h2_ && request_done_) request_end(nullptr);  // he ended it before it began
}

void Exchange::response_body(ring::Slice slice) {
  response_octets_ += slice.length;
  const std::uint64_t most = route_->config.max_response_body;
  if (most > 0 && response_octets_ > most && state_ != ExchangeState::tunnel) {
    door_.buffers().release(slice);
    return cut_off();
  }
  last_octet_ms_ = door_.now_ms();
  client_->respond_body(slice);
  if (!client_->writable() && !std::exchange(upstream_paused_, true)) upstream_->pause_response();
}

void Exchange::response_end(const http::Fields* trailers) {
  release_upstream();
  ClientSide* const client = std::exchange(client_, nullptr);
  if (!request_done_) client->discard_request();
  if (trailers != nullptr && route_->rewrite.response_fields.writes_any(*trailers)) {
    trailers = nullptr;  // nor do they say behind the content what the head may not
  }
  client->respond_end(trailers);
  finish();
}

void Exchange::upstream_writable() {
  last_octet_ms_ = door_.now_ms();
  if (std::exchange(connecting_, false)) {
    door_.set_timer(*this, door_.now_ms() + pool_->settings().config.response_timeout_ms);
  }
  if (websocket_over_h2_ && state_ == ExchangeState::forwarding) return;
  if (client_ != nullptr && std::exchange(client_paused_, false)) client_->resume_request();
}

void Exchange::upstream_broken(Broken why) {
  upstream_ = nullptr;
  give_up(why);
}

// --- Time, and admission that ends -----------------------------------------------------------

void Exchange::timer() {
  if (state_ == ExchangeState::asking) {
    let_gate_go();
    return gate_message(503, verify::GateError::unavailable);
  }
  if (state_ == ExchangeState::tunnel && half_closed_) {
    const std::uint64_t until_ms = last_octet_ms_ + pool_->settings().config.response_timeout_ms;
    if (door_.now_ms() < until_ms) return door_.set_timer(*this, until_ms);
    door_.counts().timeouts.add();
    return cut_off();
  }
  if (state_ != ExchangeState::forwarding && state_ != ExchangeState::answering) return;
  if (state_ == ExchangeState::answering && request_done_) return;
  if (!connecting_) {
    // As long as something moves, or the visitor is who does not: his own timers see to him.
    const std::uint32_t patience_ms = pool_->settings().config.response_timeout_ms;
    const std::uint64_t until_ms = last_octet_ms_ + patience_ms;
    if (door_.now_ms() < until_ms) return door_.set_timer(*this, until_ms);
    if (upstream_paused_ || (!request_done_ && !client_paused_)) {
      return door_.set_timer(*this, door_.now_ms() + patience_ms);
    }
  }
  if (upstream_ == nullptr) return;
  std::exchange(upstream_, nullptr)->release();  // the lease goes when its failure is told
  give_up(connecting_ ? Broken::connect_timeout : Broken::timed_out);
}

void Exchange::recheck() {
  if (!by_whitelist_or_grant_ || client_ == nullptr || route_ == nullptr) return;
  const Visitor visitor{.address = visitor_, .https = visitor_https_, .host = {}};
  const Admission admission =
      admit(route_->access, visitor, named_grant_, *door_.settings().whitelist,
            door_.grants().current(), door_.unix_ms());
  if (admission.passes()) {
    grant_ = admission.grant_id;
    return;
  }
  door_.counts().cut_off.add();
  end_ = AccessEnd::access_ended;
  cut_off();
}

void Exchange::cut_off() {
  release_upstream();
  ClientSide* const client = std::exchange(client_, nullptr);
  if (end_ == AccessEnd::answered) end_ = AccessEnd::cut_off;
  door_.counts().answers[0].add();
  client->abort();
  finish();
}

void Exchange::leave() noexcept {
  if (state_ == ExchangeState::free || state_ == ExchangeState::reading ||
      state_ == ExchangeState::over || !settings_->config.access_log) {
    return;
  }
  end_ = AccessEnd::cut_off;
  log_access();
}

void Exchange::end_lease() noexcept {
  if (!lease_) return;
  pool_->servers().release(*lease_);
  lease_.reset();
  door_.leaves_upstream();
}

void Exchange::release_upstream() {
  end_lease();
  if (UpstreamSide* const upstream = std::exchange(upstream_, nullptr)) upstream->release();
}

void Exchange::log_access() noexcept {
  AccessRecord record;
  record.at_unix_ms = door_.unix_ms();
  record.visitor = visitor_;
  record.peer = peer_.address;
  record.status = status_;
  record.end = end_;
  record.admission = admission_;
  record.http2 = !request_.scheme.empty();
  record.grant = grant_;
  record.request_octets = request_octets_;
  record.response_octets = response_octets_;
  record.total_ms = door_.now_ms() - begun_ms_;
  record.shard = door_.shard();
  record.method.assign(request_.method_text);
  record.host.assign(host_.text());
  // Not the query: people put passwords and tokens there.
  record.path.assign(std::string_view(target_).substr(0, target_.find('?')));
  if (route_ != nullptr) record.route.assign(route_->config.name);
  if (tried_ != 0) {
    record.pool.assign(pool_->settings().config.name);
    record.server.assign(pool_->servers().label(server_));
  }
  record.failure = failure_;
  if (whitelist_ != AddressSet::kNone) {
    record.whitelist.assign(settings_->config.whitelists[whitelist_].name);
  }
  record.user.assign(user_);
  if (!door_.log_access(record)) door_.counts().access_lost.add();
}

void Exchange::finish() {
  if (settings_ != nullptr && settings_->config.access_log) log_access();
  door_.cancel_timer(*this);
  step(ExchangeState::over);
  door_.recycle(*this);
}

}  // namespace sallyport::http_door
