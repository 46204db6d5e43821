#include "engine/radius/door_core.h"
#include "protocol/check.h"
#include "protocol/radius/translate.h"

namespace sallyport::radius_door {

void Door::Core::verdict(Now now, const verify::Answer& answer) noexcept {
  const std::optional<std::uint32_t> slot = exchanges.find(answer.ticket);
  if (!slot || exchanges[*slot].state != ExchangeState::awaiting_verdict)
    return metrics.late_verdicts.add();
  metrics.verdicts[static_cast<std::size_t>(answer.verdict)].add();
  metrics.verdict_latency.record(now.monotonic_ns - exchanges[*slot].asked_ns);
  decide(now, *slot, answer);
}

void Door::Core::decide(Now now, std::uint32_t slot, const verify::Answer& answer) noexcept {
  const Exchange& exchange = exchanges[slot];
  const config::SecondFactor& policy = settings[exchange.settings].second_factor;
  switch (answer.verdict) {
    case verify::Verdict::approved:
      static_cast<void>(record(now, slot, Outcome::approved, DownstreamSaid::accept, &answer));
      return answer_stored(now, slot);
    case verify::Verdict::denied:
      return reject(now, slot, Outcome::denied, policy.denied_message, &answer);
    case verify::Verdict::expired:
      return reject(now, slot, Outcome::expired, policy.expired_message, &answer);
    case verify::Verdict::unknown_user:
      return reject(now, slot, Outcome::unknown_user, policy.unknown_user_message, &answer);
    case verify::Verdict::unavailable: return decide_unavailable(now, slot, answer);
  }
}

void Door::Core::decide_unavailable(Now now, std::uint32_t slot,
                                    const verify::Answer& answer) noexcept {
  const config::SecondFactor& policy = settings[exchanges[slot].settings].second_factor;
  // Once a phone may show the question, only its answer opens: otherwise whoever can cut the
  // connection to the service could turn a "no" into an Accept.
  const auto rule = answer.push_out ? config::OnUnavailable::deny : policy.on_unavailable;
  switch (rule) {
    case config::OnUnavailable::deny: break;
    case config::OnUnavailable::allow:
      // Let through by policy alone, so only with a witness: no audit record, no Accept.
      if (!record(now, slot, Outcome::unavailable_allowed, DownstreamSaid::accept, &answer)) break;
      metrics.allowed_by_policy.add();
      return answer_stored(now, slot);
    case config::OnUnavailable::silent:
      static_cast<void>(
          record(now, slot, Outcome::unavailable_silent, DownstreamSaid::accept, &answer));
      metrics.silent.add();
      return end(slot);  // a retry is tried anew
  }
  reject(now, slot, Outcome::unavailable_denied, policy.unavailable_message, &answer);
}

void Door::Core::reject(Now now, std::uint32_t slot, Outcome outcome, std::string_view message,
                        const verify::Answer* answer) noexcept {
  Exchange& exchange = exchanges[slot];
  const auto stored = radius::PacketView::parse(stored_packet(exchange));
  CHECK(stored.has_value());
  // What we sent downstream ends with a Proxy-State of ours; the parked Accept has none.
  const bool ours_is_last = exchange.state == ExchangeState::forwarded;
  const std::size_t states = radius::copy_proxy_states(*stored, ours_is_last, proxy_states);
  const std::size_t octets = radius::write_local_reply(
      {.code = radius::Code::access_reject,
       .client = exchange.client->key,
       .client_identifier = exchange.key.identifier,
       .client_authenticator = exchange.client_authenticator,
       .client_proxy_states = Octets(proxy_states).first(states),
       .reply_message = message,
       .eap_failure_identifier =
           exchange.is_eap ? std::optional(exchange.eap_identifier) : std::nullopt},
      MutableOctets(scratch).first(radius::kMaxPacketOctets));
  static_cast<void>(record(now, slot, outcome, DownstreamSaid::accept, answer));
  const PacketStore::Handle block = packets.take(octets);
  copy_octets(Octets(scratch).first(octets), packets.block(block));
  keep(exchange, block, 0, octets);
  answer_stored(now, slot);
}

void Door::Core::answer_stored(Now now, std::uint32_t slot) noexcept {
  const Exchange& exchange = exchanges[slot];
  const Octets packet = stored_packet(exchange);
  const auto code = static_cast<radius::Code>(packet[0]);
  if (code == radius::Code::access_accept)
    metrics.accepts.add();
  else if (code == radius::Code::access_reject)
    metrics.rejects.add();
  else if (code == radius::Code::access_challenge)
    metrics.challenges.add();
  else
    metrics.other_answers.add();
  metrics.total_latency.record(now.monotonic_ns - exchange.received_ns);

  exchanges.transition(slot, ExchangeState::answered);
  timers.schedule(slot, now.ms() + settings[exchange.settings].duplicate_window_ms + 1);
  outbox.send_to_client(
      {.source = exchange.key.source, .local = exchange.key.local, .socket = exchange.key.socket},
      packet);
  show_gauges();
}

bool Door::Core::record(Now now, std::uint32_t slot, Outcome outcome, DownstreamSaid said,
                        const verify::Answer* answer) noexcept {
  const Exchange& exchange = exchanges[slot];
  if (!settings[exchange.settings].audit && outcome != Outcome::unavailable_allowed) return true;
  const SenderNote note = note_of(exchange);
  AuditRecord line;
  line.outcome = outcome;
  line.downstream = said;
  line.second_factor_asked = exchange.asked;
  line.code = static_cast<std::uint8_t>(exchange.code);
  line.identifier = exchange.key.identifier.value;
  line.shard = plan.shard;
  line.source = exchange.key.source;
  line.downstream_us = exchange.downstream_us;
  if (exchange.asked)
    line.verdict_us = static_cast<std::uint32_t>((now.monotonic_ns - exchange.asked_ns) / 1'000);
  line.total_us = static_cast<std::uint32_t>((now.monotonic_ns - exchange.received_ns) / 1'000);
  line.user = note.user;
  line.client.assign(std::string_view(exchange.client->name));
  line.calling_station = note.calling_station;
  line.nas = note.nas;
  if (answer != nullptr) {
    line.joined = answer->joined;
    line.detail = answer->detail;
  }
  if (outbox.audit(line)) return true;
  metrics.audit_lost.add();
  return false;
}

SenderNote Door::Core::note_of(const Exchange& exchange) const noexcept {
  if (exchange.state == ExchangeState::awaiting_verdict)
    return SenderNote::read(packets.block(exchange.stored).first(exchange.packet_begin));
  const auto request = radius::PacketView::parse(stored_packet(exchange));
  CHECK(exchange.state == ExchangeState::forwarded && request.has_value());
  const auto user = request->find(radius::Type::user_name);
  return SenderNote::of(*request, user ? as_text(*user) : std::string_view());
}

}  // namespace sallyport::radius_door
