#include "engine/http/h2_visitor.h"

#include <utility>

#include "engine/http/door.h"
#include "engine/http/exchange.h"

namespace sallyport::http_door {
namespace {

H2ServerPlan plan_of(const DoorSettings& settings) {
  return {.head = settings.limits,
          .max_streams = settings.config.max_streams,
          .max_requests = settings.config.max_requests_per_connection};
}

}  // namespace

H2Visitor::H2Visitor(Door& door, ring::StreamId stream, const Peer& peer)
    : door_(door),
      stream_(stream),
      peer_(peer),
      server_(door.buffers(), *this, plan_of(door.settings())),
      wire_(door.streams(), stream),
      since_ms_(door.now_ms()) {}

void H2Visitor::begin() {
  needs_turn();  // SETTINGS go first
  read();
  schedule();
}

void H2Visitor::stream_event(const ring::StreamEvent& event) {
  switch (event.kind) {
    case ring::StreamEventKind::accepted:
    case ring::StreamEventKind::connected: break;
    case ring::StreamEventKind::received: read(); break;
    case ring::StreamEventKind::drained: needs_turn(); break;
    case ring::StreamEventKind::ended:
    case ring::StreamEventKind::failed: lose(); break;
  }
}

void H2Visitor::read() {
  ring::Streams& streams = door_.streams();
  bool any = false;
  while (!closed_) {
    const std::size_t octets = streams.received(stream_).size();
    if (octets == 0) break;
    any = true;
    server_.receive(streams.take(stream_, octets), door_.now_ms());
  }
  if (!any) return;
  since_ms_ = door_.now_ms();
  needs_turn();
}

void H2Visitor::needs_turn() noexcept {
  if (closed_ || std::exchange(turning_, true)) return;
  door_.wants_turn(*this);
}

void H2Visitor::turn() {
  turning_ = false;
  if (closed_) return;
  if (server_.wants_deliver()) server_.deliver();
  if (closed_) return;
  server_.flush(wire_);
  if (server_.finished()) return close();
  schedule();
}

ExchangeEvents* H2Visitor::begin_request(ClientSide& side, http::RequestHead& head, bool body) {
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

void H2Visitor::lose() {
  if (closed_) return;
  server_.lost();
  if (server_.wants_deliver()) server_.deliver();
  close();
}

void H2Visitor::close() {
  if (std::exchange(closed_, true)) return;
  door_.visitor_gone();
  door_.streams().close(stream_);
  door_.detach(stream_);
  door_.bury(std::unique_ptr<Connection>(this));
}

void H2Visitor::drain() {
  server_.shut_down();
  needs_turn();
}

void H2Visitor::schedule() {
  const config::Http& config = door_.settings().config;
  std::uint64_t after_ms = config.send_timeout_ms;
  if (server_.mid_head()) {
    after_ms = config.header_timeout_ms;
  } else if (server_.open_requests() == 0) {
    after_ms = config.keep_alive_timeout_ms;
  }
  const std::uint64_t at_ms = door_.now_ms() + after_ms;
  if (armed_ms_ != 0 && armed_ms_ <= at_ms) return;
  armed_ms_ = at_ms;
  door_.set_timer(stream_, at_ms);
}

void H2Visitor::timer(std::uint64_t now_ms) {
  armed_ms_ = 0;
  const config::Http& config = door_.settings().config;
  const std::uint64_t waited_ms = now_ms - since_ms_;
  ring::Streams& streams = door_.streams();
  const bool stuck = streams.unsent(stream_) > 0 &&
                     now_ms - streams.progress_ms(stream_) >= config.send_timeout_ms;
  const bool late = server_.mid_head() && waited_ms >= config.header_timeout_ms;
  const bool idle = server_.open_requests() == 0 && waited_ms >= config.keep_alive_timeout_ms;
  if (stuck || late) {
    door_.counts().timeouts.add();
    return lose();
  }
  if (idle) {
    server_.shut_down();
    needs_turn();
    if (waited_ms >= config.keep_alive_timeout_ms + config.send_timeout_ms) return lose();
    armed_ms_ = now_ms + config.send_timeout_ms;
    return door_.set_timer(stream_, armed_ms_);
  }
  schedule();
}

}  // namespace sallyport::http_door
