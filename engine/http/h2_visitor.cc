#include "engine/http/h2_visitor.h"

#include <algorithm>
#include <utility>

#include "engine/http/door.h"
#include "engine/http/exchange.h"

namespace sallyport::http_door {
namespace {

/// How long a visitor has to answer the PING of a graceful end.
constexpr std::uint64_t kShutdownMs = 5'000;

H2ServerPlan plan(const DoorSettings& settings) {
  return {.head = settings.limits,
          .max_streams = settings.config.max_streams,
          .max_requests = settings.config.max_requests_per_connection};
}

}  // namespace

H2Visitor::H2Visitor(Door& door, ring::StreamId stream, const Peer& peer)
    : door_(door),
      stream_(stream),
      peer_(peer),
      server_(door.buffers(), *this, plan(door.settings())),
      wire_(door.streams(), stream),
      idle_since_ms_(door.now_ms()),
      head_since_ms_(door.now_ms()),
      moved_ms_(door.now_ms()) {}

void H2Visitor::begin() {
  needs_turn();  // SETTINGS go first
  read();
  schedule();
}

// --- Connection ------------------------------------------------------------------------------

void H2Visitor::stream_event(const ring::StreamEvent& event) {
  if (closed_) return;
  switch (event.kind) {
    case ring::StreamEventKind::accepted:
    case ring::StreamEventKind::connected: break;
    case ring::StreamEventKind::received: read(); break;
    case ring::StreamEventKind::drained: needs_turn(); break;
    // Without his half nothing he is sent could be acknowledged, and no window opens.
    case ring::StreamEventKind::ended:
    case ring::StreamEventKind::failed: close(); break;
  }
}

void H2Visitor::read() {
  ring::Streams& streams = door_.streams();
  const bool mid_head = server_.mid_head();
  for (Octets octets; !(octets = streams.received(stream_)).empty();) {
    server_.receive(streams.take(stream_, octets.size()), door_.now_ms());
  }
  if (!mid_head && server_.mid_head()) head_since_ms_ = door_.now_ms();
  needs_turn();
}

void H2Visitor::turn() {
  turning_ = false;
  if (closed_) return;
  server_.deliver();
  server_.flush(wire_);  // what it tells of is delivered in the next round of this turn
  if (server_.flooded()) {
    server_.flush(wire_);  // the GOAWAY, if it was the last flush that found it out
    door_.counts().floods.add();
    return close();
  }
  if (server_.finished()) return close();
  if (server_.octets_sent() != octets_moved_) {
    octets_moved_ = server_.octets_sent();
    moved_ms_ = door_.now_ms();
  }
  if (server_.open_requests() != 0) idle_since_ms_ = door_.now_ms();
  schedule();
}

void H2Visitor::drain() {
  if (!closed_) server_.shut_down();
}

void H2Visitor::needs_turn() noexcept {
  if (closed_ || std::exchange(turning_, true)) return;
  door_.wants_turn(*this);
}

// --- Requests --------------------------------------------------------------------------------

ExchangeEvents* H2Visitor::begin_request(ClientSide& side, http::RequestHead& head, bool body) {
  if (server_.octets_waiting() == 0) moved_ms_ = door_.now_ms();
  Exchange* const exchange = door_.try_new_exchange();
  if (exchange == nullptr) return nullptr;
  std::swap(exchange->request(), head);
  exchange->begin(side, peer_, body);
  return exchange;
}

ExchangeEvents* H2Visitor::refuse_request(ClientSide& side, http::RequestHead&,
                                          std::uint16_t status, std::string_view) {
  Exchange* const exchange = door_.try_new_exchange();
  if (exchange == nullptr) return nullptr;
  door_.counts().bad_requests.add();
  exchange->refuse(side, peer_, status);
  return exchange;
}

// --- Time ------------------------------------------------------------------------------------

void H2Visitor::timer(std::uint64_t) {
  armed_ms_ = 0;
  if (closed_) return;
  check_time();
  if (!closed_) schedule();
}

void H2Visitor::check_time() {
  const config::Http& config = door_.settings().config;
  const std::uint64_t now_ms = door_.now_ms();
  ring::Streams& streams = door_.streams();
  if (server_.shutting_down() && server_.open_requests() == 0) {
    if (shutting_since_ms_ == 0) shutting_since_ms_ = now_ms;
    if (now_ms >= shutting_since_ms_ + kShutdownMs) return close();
  }
  if (server_.mid_head() && now_ms >= head_since_ms_ + config.header_timeout_ms) {
    door_.counts().timeouts.add();
    return close();
  }
  const bool unsent =
      streams.unsent(stream_) > 0 &&
      now_ms >= streams.progress_ms(stream_) + std::uint64_t{config.send_timeout_ms};
  if (server_.octets_waiting() == 0) moved_ms_ = now_ms;  // nothing is there for him to take
  const bool window_shut =
      server_.octets_waiting() > 0 && now_ms >= moved_ms_ + config.send_timeout_ms;
  if (unsent || window_shut) {
    door_.counts().timeouts.add();
    return abort();
  }
  if (const auto count = server_.time_out_bodies(now_ms, config.body_timeout_ms); count != 0) {
    door_.counts().timeouts.add(count);
  }
  if (server_.open_requests() == 0 && now_ms >= idle_since_ms_ + config.keep_alive_timeout_ms) {
    server_.shut_down();
  }
}

/// A timer that comes too early is set again when it comes: that costs less than setting it in each
/// turn.
void H2Visitor::schedule() {
  const config::Http& config = door_.settings().config;
  const std::uint64_t now_ms = door_.now_ms();
  std::uint64_t at_ms = now_ms + std::min(config.send_timeout_ms, config.body_timeout_ms) / 4;
  if (server_.shutting_down()) {
    at_ms = std::min(at_ms, now_ms + kShutdownMs);
  } else if (server_.open_requests() == 0) {
    at_ms = idle_since_ms_ + config.keep_alive_timeout_ms;
  }
  if (server_.mid_head()) at_ms = std::min(at_ms, head_since_ms_ + config.header_timeout_ms);
  at_ms = std::max(at_ms, now_ms + 1);
  if (armed_ms_ != 0 && armed_ms_ <= at_ms) return;
  armed_ms_ = at_ms;
  door_.set_timer(stream_, at_ms);
}

// --- Ends ------------------------------------------------------------------------------------

void H2Visitor::close() {
  if (std::exchange(closed_, true)) return;
  door_.streams().close(stream_);
  server_.lost();
  server_.deliver();
  door_.visitor_gone();
  door_.detach(stream_);
  door_.bury(std::unique_ptr<Connection>(this));
}

/// He takes nothing: what is queued for him is of no use.
void H2Visitor::abort() {
  if (closed_) return;
  door_.streams().abort(stream_);
  close();
}

}  // namespace sallyport::http_door
