#include "engine/http/h2_upstream.h"

#include <algorithm>
#include <utility>

#include "engine/http/door.h"
#include "engine/http/upstream_pool.h"

namespace sallyport::http_door {
namespace {

H2ClientPlan plan_of(const Door& door, const UpstreamPool& pool) {
  return {.head = door.settings().limits,
          .max_streams = door.settings().config.max_streams,
          .scheme = pool.settings().tls != nullptr ? "https" : "http"};
}

}  // namespace

H2Upstream::H2Upstream(Door& door, std::shared_ptr<UpstreamPool> pool, std::uint32_t server,
                       ring::StreamId stream)
    : door_(door),
      pool_(std::move(pool)),
      server_(server),
      stream_(stream),
      client_(door.buffers(), *this, plan_of(door, *pool_)),
      wire_(door.streams(), stream),
      used_ms_(door.now_ms()) {
  door_.set_timer(stream_, used_ms_ + pool_->settings().config.idle_timeout_ms);
}

UpstreamSide& H2Upstream::open(ExchangeEvents& exchange) {
  used_ms_ = door_.now_ms();
  return client_.open(exchange);
}

void H2Upstream::stream_event(const ring::StreamEvent& event) {
  switch (event.kind) {
    case ring::StreamEventKind::accepted: break;
    case ring::StreamEventKind::connected:
      connected_ = true;
      client_.connected();
      needs_turn();
      break;
    case ring::StreamEventKind::received: {
      ring::Streams& streams = door_.streams();
      for (std::size_t octets = 0; (octets = streams.received(stream_).size()) > 0;) {
        client_.receive(streams.take(stream_, octets), door_.now_ms());
      }
      needs_turn();
      break;
    }
    case ring::StreamEventKind::drained: needs_turn(); break;
    case ring::StreamEventKind::ended: lose(Broken::reset); break;
    case ring::StreamEventKind::failed:
      lose(connected_ ? Broken::reset : why_not_connected(event.error));
      break;
  }
}

void H2Upstream::needs_turn() noexcept {
  if (closed_ || std::exchange(turning_, true)) return;
  door_.wants_turn(*this);
}

void H2Upstream::turn() {
  turning_ = false;
  if (closed_) return;
  if (client_.wants_deliver()) client_.deliver();
  if (closed_) return;
  client_.flush(wire_);
  if (client_.open_requests() > 0) used_ms_ = door_.now_ms();
  if (client_.finished()) lose(Broken::reset);
}

void H2Upstream::timer(std::uint64_t now_ms) {
  const std::uint64_t idle_ms = pool_->settings().config.idle_timeout_ms;
  if (client_.open_requests() == 0 && now_ms - used_ms_ >= idle_ms) {
    client_.shut_down();
    return lose(Broken::reset);
  }
  door_.set_timer(stream_, std::max(now_ms + 1000, used_ms_ + idle_ms));
}

void H2Upstream::drain() {
  client_.shut_down();
  needs_turn();
}

void H2Upstream::lose(Broken why) {
  if (closed_) return;
  // Off the pool's list first: an exchange that breaks off tries again at once.
  close();
  client_.lost(why);
  if (client_.wants_deliver()) client_.deliver();
}

void H2Upstream::close() {
  if (std::exchange(closed_, true)) return;
  pool_->forget(*this);
  door_.streams().close(stream_);
  door_.detach(stream_);
  door_.bury(std::unique_ptr<Connection>(this));
}

}  // namespace sallyport::http_door
