#include "engine/radius/door_core.h"
#include "protocol/check.h"
#include "protocol/radius/append.h"
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
  const config::Messages& messages = messages_of(exchange);
  const bool is_link = exchange.factor == verify::LoginFactor::link;
  switch (answer.verdict) {
    case verify::Verdict::approved: return approve(now, slot, answer);
    case verify::Verdict::denied:
      return reject(now, slot, Outcome::denied,
                    is_link ? messages.link_denied_message : messages.denied_message, &answer);
    case verify::Verdict::expired:
      return reject(now, slot, Outcome::expired, expired_message(exchange), &answer);
    case verify::Verdict::unknown_user:
      return reject(now, slot, Outcome::unknown_user, messages.unknown_user_message, &answer);
    case verify::Verdict::limited:
      return reject(now, slot, Outcome::limited, messages.limited_message, &answer);
    case verify::Verdict::unavailable: return decide_unavailable(now, slot, answer);
  }
}

std::string_view Door::Core::expired_message(const Exchange& exchange) const noexcept {
  const config::Messages& messages = messages_of(exchange);
  return exchange.factor == verify::LoginFactor::link ? messages.link_expired_message
                                                      : messages.expired_message;
}

void Door::Core::approve(Now now, std::uint32_t slot, const verify::Answer& answer) noexcept {
  Exchange& exchange = exchanges[slot];
  if (!settings[exchange.settings].policies.allows(exchange.policy, answer.groups.view())) {
    verify::Answer refused = answer;
    refused.detail.assign(std::string_view("in none of the required groups"));
    return reject(now, slot, Outcome::policy_denied, messages_of(exchange).policy_denied_message,
                  &refused);
  }
  const Outcome outcome = answer.remembered ? Outcome::remembered : Outcome::approved;
  static_cast<void>(record(now, slot, outcome, DownstreamSaid::accept, &answer));
  add_accept_attributes(exchange, answer.groups.view());
  answer_stored(now, slot);
}

void Door::Core::add_accept_attributes(Exchange& exchange,
                                       std::string_view groups_of_user) noexcept {
  const PolicyTable& policies = settings[exchange.settings].policies;
  const Octets fixed = policies.accept_attributes(exchange.policy, exchange.factor);
  std::array<std::uint8_t, radius::kMaxPacketOctets> room;
  if (fixed.size() > room.size()) return metrics.attributes_left_out.add();
  copy_octets(fixed, room);
  const auto of_groups = policies.write_group_attributes(exchange.policy, groups_of_user,
                                                         MutableOctets(room).subspan(fixed.size()));
  if (!of_groups) return metrics.attributes_left_out.add();
  const Octets attributes = Octets(room).first(fixed.size() + *of_groups);
  if (attributes.empty()) return;
  const Octets parked = stored_packet(exchange);
  copy_octets(parked, scratch);
  const std::size_t octets = radius::append_attributes(
      scratch, parked.size(), attributes, client_key(exchange), exchange.client_authenticator);
  if (octets == 0) return metrics.attributes_left_out.add();
  const PacketStore::Handle block = packets.take(octets);
  copy_octets(Octets(scratch).first(octets), packets.block(block));
  keep(exchange, block, 0, octets);
}

void Door::Core::decide_unavailable(Now now, std::uint32_t slot,
                                    const verify::Answer& answer) noexcept {
  // Once a phone may show the question, only its answer opens: otherwise whoever can cut the
  // connection to the service could turn a "no" into an Accept.
  // And whoever can cut off a channel of messages must not open a login by it.
  const bool denies = answer.push_out || exchanges[slot].factor == verify::LoginFactor::link;
  const auto rule = denies ? config::OnUnavailable::deny : on_unavailable(exchanges[slot]);
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
  reject(now, slot, Outcome::unavailable_denied, messages_of(exchanges[slot]).unavailable_message,
         &answer);
}

void Door::Core::reject(Now now, std::uint32_t slot, Outcome outcome, std::string_view message,
                        const verify::Answer* answer, const SenderNote* given) noexcept {
  Exchange& exchange = exchanges[slot];
  const SenderNote note = given == nullptr ? note_of(exchange) : *given;
  const std::size_t octets = radius::write_local_reply(
      {.code = radius::Code::access_reject,
       .client = client_key(exchange),
       .client_identifier = exchange.key.identifier,
       .client_authenticator = exchange.client_authenticator,
       .client_proxy_states = states_for_client(exchange),
       .reply_message = message_for(exchange, note, message),
       .eap_failure_identifier =
           exchange.is_eap ? std::optional(exchange.eap_identifier) : std::nullopt},
      MutableOctets(scratch).first(radius::kMaxPacketOctets));
  static_cast<void>(record(now, slot, outcome, DownstreamSaid::accept, answer, &note));
  if (octets == 0) {  // RADIUS/1.1 had room for Proxy-States that an answer by 1.0 has not
    drop(Drop::untranslatable);
    return end(slot);
  }
  const PacketStore::Handle block = packets.take(octets);
  copy_octets(Octets(scratch).first(octets), packets.block(block));
  keep(exchange, block, 0, octets);
  answer_stored(now, slot);
}

void Door::Core::answer_stored(Now now, std::uint32_t slot) noexcept {
  Exchange& exchange = exchanges[slot];
  exchange.appended = {};  // a code is a secret
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

// What we sent downstream ends with a Proxy-State of ours; what is kept while a user is asked has
// none, and is the client's packet already.
Octets Door::Core::states_for_client(const Exchange& exchange) noexcept {
  const bool ours_is_last = exchange.state == ExchangeState::forwarded;
  const auto stored = radius::PacketView::parse(
      stored_packet(exchange), ours_is_last ? exchange.downstream_version : exchange.version);
  CHECK(stored.has_value());
  return Octets(proxy_states).first(radius::copy_proxy_states(*stored, ours_is_last, proxy_states));
}

bool Door::Core::record(Now now, std::uint32_t slot, Outcome outcome, DownstreamSaid said,
                        const verify::Answer* answer, const SenderNote* given,
                        std::string_view policy_name) noexcept {
  const Exchange& exchange = exchanges[slot];
  const bool is_witness = outcome == Outcome::unavailable_allowed || outcome == Outcome::exempted;
  if (!settings[exchange.settings].audit && !is_witness) return true;
  const SenderNote note = given == nullptr ? note_of(exchange) : *given;
  AuditRecord line = line_about(note, *exchange.client, exchange.key, exchange.code, outcome);
  line.downstream = said;
  line.second_factor_asked = exchange.asked;
  line.factor = exchange.factor;
  line.downstream_us = exchange.downstream_us;
  if (exchange.asked)
    line.verdict_us = static_cast<std::uint32_t>((now.monotonic_ns - exchange.asked_ns) / 1'000);
  line.total_us = static_cast<std::uint32_t>((now.monotonic_ns - exchange.received_ns) / 1'000);
  line.policy.assign(policy_name);
  if (const config::Policy* const policy = policy_of(exchange))
    line.policy.assign(std::string_view(policy->name));
  if (answer != nullptr) {
    line.joined = answer->joined;
    line.detail = answer->detail;
  }
  return tell(line);
}

AuditRecord Door::Core::line_about(const SenderNote& note, const ClientEntry& client,
                                   const RequestKey& key, radius::Code code,
                                   Outcome outcome) const noexcept {
  AuditRecord line;
  line.outcome = outcome;
  line.code = static_cast<std::uint8_t>(code);
  line.identifier = key.identifier.value;
  line.shard = plan.shard;
  line.source = key.source;
  line.user = note.user;
  line.client.assign(client.name());
  line.calling_station = note.calling_station;
  line.nas = note.nas;
  return line;
}

bool Door::Core::tell(const AuditRecord& line) noexcept {
  if (outbox.audit(line)) return true;
  metrics.audit_lost.add();
  return false;
}

SenderNote Door::Core::note_of(const Exchange& exchange) const noexcept {
  if (exchange.state == ExchangeState::awaiting_verdict)
    return SenderNote::read(packets.block(exchange.stored).first(exchange.packet_begin));
  const auto request =
      radius::PacketView::parse(stored_packet(exchange), exchange.downstream_version);
  CHECK(request.has_value() && (exchange.state == ExchangeState::forwarded ||
                                exchange.state == ExchangeState::awaiting_storage));
  return SenderNote::of(*request, text_of(*request, radius::Type::user_name));
}

}  // namespace sallyport::radius_door
