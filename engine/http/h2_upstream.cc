#include "engine/http/h2_upstream.h"

#include <algorithm>
#include <utility>

#include "engine/http/door.h"
#include "engine/http/upstream_pool.h"

namespace sallyport::http_door {
namespace {

/// A server that owes answers and says nothing for so long is asked for a sign of life, and given
/// up after as long again: a dead connection must not collect requests.
constexpr std::uint64_t kSilenceMs = 10'000;
/// How often silence is looked for.
constexpr std::uint64_t kCheckMs = 1'000;

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
      used_ms_(door.now_ms()),
      received_ms_(door.now_ms()) {
  door_.set_timer(stream_, used_ms_ + kCheckMs);
}

UpstreamSide& H2Upstream::open(ExchangeEvents& exchange) {
  used_ms_ = door_.now_ms();
  if (client_.open_requests() == 0 && connected_) {
    received_ms_ = used_ms_;
    door_.set_timer(stream_, used_ms_ + kCheckMs);
  }
  return client_.open(exchange);
}

// --- Connection ------------------------------------------------------------------------------

void H2Upstream::stream_event(const ring::StreamEvent& event) {
  if (lost_) return;
  switch (event.kind) {
    case ring::StreamEventKind::accepted: break;
    case ring::StreamEventKind::connected: connected(); break;
    case ring::StreamEventKind::received: read(); break;
    case ring::StreamEventKind::drained: needs_turn(); break;
    case ring::StreamEventKind::ended: lose(Broken::reset); break;
    case ring::StreamEventKind::failed:
      if (!connected_) explain_tls(door_, *pool_, server_, stream_);
      lose(connected_ ? Broken::reset : why_not_connected(event.error));
      break;
  }
}

void H2Upstream::connected() {
  // Without TLS it is HTTP/2 by prior knowledge; with it, the server must have agreed (RFC 9113
  // §3.2).
  if (pool_->settings().tls != nullptr && door_.streams().alpn(stream_) != "h2") {
    pool_->servers().explain(server_, "it does not agree to HTTP/2 (ALPN)");
    return lose(Broken::tls);
  }
  connected_ = true;
  received_ms_ = door_.now_ms();
  client_.connected();
  needs_turn();
}

void H2Upstream::read() {
  ring::Streams& streams = door_.streams();
  received_ms_ = door_.now_ms();
  for (std::size_t octets = 0; (octets = streams.received(stream_).size()) > 0;) {
    client_.receive(streams.take(stream_, octets), door_.now_ms());
  }
  needs_turn();
}

void H2Upstream::needs_turn() noexcept {
  if (closed_ || std::exchange(turning_, true)) return;
  door_.wants_turn(*this);
}

void H2Upstream::turn() {
  turning_ = false;
  if (closed_) return;
  client_.deliver();
  if (!lost_) client_.flush(wire_);  // what it tells of is delivered in the next round
  if (client_.open_requests() > 0) used_ms_ = door_.now_ms();
  if (!lost_ && client_.finished()) lose(Broken::reset);
  if (lost_ && client_.open_requests() == 0) close();
}

void H2Upstream::timer(std::uint64_t now_ms) {
  if (closed_) return;
  const std::uint64_t idle_ms = pool_->settings().config.idle_timeout_ms;
  if (!connected_ && now_ms >= received_ms_ + pool_->settings().config.connect_timeout_ms) {
    return lose(Broken::connect_timeout);
  }
  if (client_.open_requests() == 0) {
    if (now_ms < used_ms_ + idle_ms) return door_.set_timer(stream_, used_ms_ + idle_ms);
    client_.shut_down();
    // The GOAWAY goes out in this turn; if the server takes nothing, the connection ends without.
    if (now_ms >= used_ms_ + idle_ms + kCheckMs) return lose(Broken::reset);
  } else if (connected_ && !lost_ && now_ms >= received_ms_ + kSilenceMs) {
    if (client_.answered()) {
      client_.probe();
    } else if (now_ms >= received_ms_ + 2 * kSilenceMs) {
      return lose(Broken::reset);
    }
  }
  door_.set_timer(stream_, now_ms + kCheckMs);
}

void H2Upstream::drain() { client_.shut_down(); }

// --- Ends ------------------------------------------------------------------------------------

void H2Upstream::lose(Broken why) {
  if (std::exchange(lost_, true)) return;
  // Off the pool's list first: an exchange that breaks off tries again at once.
  pool_->forget(*this);
  client_.lost(why);
  needs_turn();
}

void H2Upstream::close() {
  if (std::exchange(closed_, true)) return;
  door_.streams().close(stream_);
  door_.detach(stream_);
  door_.bury(std::unique_ptr<Connection>(this));
}

}  // namespace sallyport::http_door
