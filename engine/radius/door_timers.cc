#include <algorithm>

#include "engine/radius/door_core.h"
#include "protocol/check.h"

namespace sallyport::radius_door {
namespace {

constexpr std::uint32_t kMaxRetransmitMs = 16'000;  ///< MRT, RFC 5080 §2.2.1

}  // namespace

void Door::Core::advance(Now now) noexcept {
  timers.advance(now.ms(), [&](std::uint32_t slot) {
    if (slot < exchanges.capacity())
      timer_fired(now, slot);
    else
      probe(now, static_cast<std::uint16_t>(slot - exchanges.capacity()));
  });
  if (settings.unsettled()) settings.settle();
  if (in_use != settings.number()) take_settings_into_use(now);
}

void Door::Core::timer_fired(Now now, std::uint32_t slot) noexcept {
  switch (exchanges[slot].state) {
    case ExchangeState::free: CHECK(false); break;  // end() cancels
    case ExchangeState::forwarded:
      if (now.ms() >= reply_deadline_ms(exchanges[slot]))
        give_up_on_downstream(now, slot);
      else
        overdue(now, slot);
      break;
    case ExchangeState::awaiting_verdict: give_up_on_verdict(now, slot); break;
    case ExchangeState::awaiting_storage: give_up_on_storage(now, slot); break;
    case ExchangeState::answered: end(slot); break;
  }
}

// RFC 5080 §2.2.1: the same octets, so that the downstream sees a duplicate.
void Door::Core::retransmit(Now now, std::uint32_t slot) noexcept {
  Exchange& exchange = exchanges[slot];
  metrics.retransmitted.add();
  outbox.send_downstream(server_of(exchange).link, exchange.channel.source_port,
                         stored_packet(exchange));
  next_interval(exchange);
  schedule_downstream_timer(now, slot);
}

void Door::Core::next_interval(Exchange& exchange) noexcept {
  const std::uint32_t previous_ms = exchange.retransmit_ms;
  exchange.retransmit_ms = jittered_ms(2 * previous_ms, previous_ms / 10);
  if (exchange.retransmit_ms > kMaxRetransmitMs)
    exchange.retransmit_ms = jittered_ms(kMaxRetransmitMs, kMaxRetransmitMs / 10);
}

/// The next retransmission if it falls within the time for sending, else the end of waiting.
void Door::Core::schedule_downstream_timer(Now now, std::uint32_t slot) noexcept {
  const Exchange& exchange = exchanges[slot];
  const std::uint64_t deadline_ms = reply_deadline_ms(exchange);
  const std::uint64_t sending_ends_ms =
      exchange.received_ns / 1'000'000 + settings[exchange.settings].downstream.send_timeout_ms;
  const std::uint64_t next_ms = now.ms() + exchange.retransmit_ms;
  const bool once_more = exchange.retransmit_ms > 0 && next_ms < sending_ends_ms;
  timers.schedule(slot, once_more ? std::min(next_ms, deadline_ms) : deadline_ms);
}

void Door::Core::give_up_on_downstream(Now now, std::uint32_t slot) noexcept {
  metrics.downstream_timeouts.add();
  static_cast<void>(record(now, slot, Outcome::downstream_timeout, DownstreamSaid::nothing));
  const Exchange& exchange = exchanges[slot];
  const std::uint16_t link = server_of(exchange).link;
  DownstreamLink& way = *links[link];
  const bool was_sent = !exchange.channel.waits();
  way.give_back(exchange.channel);
  way.metrics->timeouts.add();
  way.show_outstanding();
  const std::uint64_t sent_ms = exchange.received_ns / 1'000'000 + exchange.sent_after_ms;
  end(slot);
  if (was_sent) health_changed(now, link, way.health.unanswered(sent_ms, now.ms()));
}

// Verify has its own deadline and answers at it; this one holds when verify does not.
void Door::Core::give_up_on_verdict(Now now, std::uint32_t slot) noexcept {
  const Exchange& exchange = exchanges[slot];
  if (exchange.by_code) return decide_code(now, slot, {});
  release(slot);
  reject(now, slot, Outcome::expired, expired_message(exchange), nullptr);
}

void Door::Core::connection_ended(Now now, std::uint16_t socket) noexcept {
  CHECK(departures.empty() && repeats.empty());  // nothing of it waits to be sent
  const std::uint32_t connection = socket - ClientPath::kFirstConnection;
  while (const auto slot = of_connections.first(connection)) {
    abandon(now, *slot, metrics.connection_ended);
  }
}

Owed Door::Core::owed(std::uint16_t socket) const noexcept {
  Owed owed = Owed::nothing;
  for (auto slot = of_connections.first(socket - ClientPath::kFirstConnection); slot;
       slot = of_connections.after(*slot)) {
    switch (exchanges[*slot].state) {
      case ExchangeState::free:
      case ExchangeState::answered: break;
      case ExchangeState::awaiting_verdict: return Owed::verdict;
      case ExchangeState::forwarded:
      case ExchangeState::awaiting_storage: owed = Owed::reply; break;
    }
  }
  return owed;
}

void Door::Core::abandon(Now now, std::uint32_t slot, verify::Counter& counter) noexcept {
  const Exchange& exchange = exchanges[slot];
  switch (exchange.state) {
    case ExchangeState::free: CHECK(false); break;
    case ExchangeState::forwarded:
      counter.add();
      static_cast<void>(record(now, slot, Outcome::abandoned, DownstreamSaid::nothing));
      // The downstream may still answer: its reply must not meet another request.
      link_of(exchange).reserve(exchange.channel, reply_deadline_ms(exchange));
      break;
    case ExchangeState::awaiting_verdict:
      counter.add();
      static_cast<void>(record(now, slot, Outcome::abandoned, DownstreamSaid::accept));
      if (!exchange.by_code) release(slot);
      break;
    case ExchangeState::awaiting_storage:  // it is stored all the same: the client sends it anew
      metrics.replaced.add();
      static_cast<void>(record(now, slot, Outcome::abandoned, DownstreamSaid::nothing));
      break;
    case ExchangeState::answered: break;  // the client goes round its Identifiers: all is well
  }
  end(slot);
}

void Door::Core::end(std::uint32_t slot) noexcept {
  Exchange& exchange = exchanges[slot];
  timers.cancel(slot);
  duplicates.erase(exchange.duplicate_hash, slot);
  if (is_connection(exchange.key.socket))
    of_connections.remove(exchange.key.socket - ClientPath::kFirstConnection, slot);
  packets.give_back(exchange.stored);
  exchange.stored = {};
  exchange.appended = {};  // a code is a secret
  settings.drop(exchange.settings);
  exchanges.transition(slot, ExchangeState::free);
  show_gauges();
}

/// One millisecond late rather than early: `received_ns` stands within its millisecond.
std::uint64_t Door::Core::reply_deadline_ms(const Exchange& exchange) const noexcept {
  return exchange.received_ns / 1'000'000 +
         settings[exchange.settings].downstream.receive_timeout_ms + 1;
}

/// RFC 5080 §2.2.1: even between interval - spread and interval + spread.
std::uint32_t Door::Core::jittered_ms(std::uint32_t interval_ms, std::uint32_t spread_ms) noexcept {
  std::uint16_t dice;
  random.fill({reinterpret_cast<std::uint8_t*>(&dice), sizeof(dice)});
  const std::uint64_t above_least = std::uint64_t{2} * spread_ms * dice / 0xffff;
  return static_cast<std::uint32_t>(interval_ms - spread_ms + above_least);
}

}  // namespace sallyport::radius_door
