#include <algorithm>
#include <tuple>

#include "engine/radius/door_core.h"
#include "protocol/check.h"
#include "protocol/radius/translate.h"

namespace sallyport::radius_door {
namespace {

/// Past this the door no longer believes that verify will answer at all.
constexpr std::uint64_t kVerdictGraceMs = 5'000;

/// Whether a code answers a request of this code. Protocol-Error ends any request and grants
/// nothing (RFC 7930 §4): the downstream sends it to clients that announced it, so it is theirs.
bool answers(radius::Code reply, radius::Code request) noexcept {
  if (reply == radius::Code::protocol_error) return true;
  if (request == radius::Code::accounting_request)
    return reply == radius::Code::accounting_response;
  return reply == radius::Code::access_accept || reply == radius::Code::access_reject ||
         reply == radius::Code::access_challenge;
}

DownstreamSaid said(radius::Code reply) noexcept {
  if (reply == radius::Code::access_accept) return DownstreamSaid::accept;
  if (reply == radius::Code::access_reject) return DownstreamSaid::reject;
  if (reply == radius::Code::access_challenge) return DownstreamSaid::challenge;
  if (reply == radius::Code::accounting_response) return DownstreamSaid::accounting_response;
  return DownstreamSaid::other;
}

/// Whose approval is asked; nobody's when empty. With EAP the request names the outer identity,
/// which nobody has proved: only the Access-Accept says who was let in.
std::string_view user_to_ask(config::UserNameFrom from, const radius::PacketView& request,
                             const radius::PacketView& accept) noexcept {
  const std::string_view accepted = text_of(accept, radius::Type::user_name);
  const std::string_view requested = text_of(request, radius::Type::user_name);
  switch (from) {
    case config::UserNameFrom::automatic:
      return request.has(radius::Type::eap_message) ? accepted : requested;
    case config::UserNameFrom::request: return requested;
    case config::UserNameFrom::accept: return accepted.empty() ? requested : accepted;
  }
  return {};
}

}  // namespace

void Door::Core::downstream_datagrams(Now now,
                                      std::span<const DownstreamDatagram> datagrams) noexcept {
  while (!datagrams.empty()) {
    const auto batch = datagrams.first(next_batch(datagrams.size()));
    datagrams = datagrams.subspan(batch.size());
    replies.clear();
    for (const DownstreamDatagram& datagram : batch) read_reply(datagram);
    digests.run();
    for (const ArrivedReply& arrived : replies) take_reply(now, arrived);
    send_answers(now);
  }
}

void Door::Core::read_reply(const DownstreamDatagram& datagram) noexcept {
  const auto reply = radius::PacketView::parse(datagram.octets);
  if (!reply)
    return metrics.malformed_from_downstream[static_cast<std::size_t>(reply.error())].add();
  const DownstreamLink& link = *links[datagram.link];
  const Channel channel{.source_port = datagram.source_port, .identifier = reply->identifier()};
  const std::optional<std::uint32_t> slot = link.identifiers.owner(channel);
  if (!slot) return drop(Drop::reply_unmatched);
  const bool to_probe = *slot == probe_slot(datagram.link);
  const ServerEntry* const server =
      to_probe ? server_of(datagram.link) : &server_of(exchanges[*slot]);
  if (server == nullptr) return drop(Drop::reply_unmatched);
  ArrivedReply& arrived = replies.add(
      {.packet = *reply, .link = datagram.link, .channel = channel, .slot = *slot, .proof = {}});
  radius::add_response_proof(
      *reply, *server->key,
      to_probe ? link.probe_authenticator : exchanges[*slot].downstream_authenticator, digests,
      arrived.proof);
}

void Door::Core::take_reply(Now now, const ArrivedReply& arrived) noexcept {
  // The batch may hold the reply twice: after the first one nobody waits for it.
  DownstreamLink& link = *links[arrived.link];
  if (link.identifiers.owner(arrived.channel) != arrived.slot) return drop(Drop::reply_unmatched);
  if (arrived.slot == probe_slot(arrived.link)) return take_probe_answer(now, arrived);
  const Exchange& exchange = exchanges[arrived.slot];
  CHECK(exchange.state == ExchangeState::forwarded);
  if (const auto refusal = refuse_reply(arrived, exchange)) return drop(*refusal);

  metrics.replies.add();
  link.metrics->replies.add();
  const ServerState before = link.health.state();
  link.health.replied(now.ms());
  if (before != ServerState::up ||
      (timers.scheduled(probe_slot(arrived.link)) && link.streams == nullptr))
    health_changed(now, arrived.link, false);
  if (arrived.packet.code() == radius::Code::access_accept)
    return park_and_ask(now, arrived.slot, arrived.packet);
  pass_through(now, arrived.slot, arrived.packet);
}

std::optional<Drop> Door::Core::forged(const ArrivedReply& arrived) noexcept {
  switch (radius::judge_response(arrived.packet, arrived.proof)) {
    case radius::Authenticity::authentic: break;
    case radius::Authenticity::bad_authenticator: return Drop::reply_bad_authenticator;
    case radius::Authenticity::bad_message_authenticator:
      return Drop::reply_bad_message_authenticator;
  }
  return std::nullopt;
}

std::optional<Drop> Door::Core::refuse_reply(const ArrivedReply& arrived,
                                             const Exchange& exchange) noexcept {
  const radius::PacketView& reply = arrived.packet;
  if (const auto forgery = forged(arrived)) return forgery;
  if (exchange.code == radius::Code::access_request) {
    const ServerEntry& server = server_of(exchange);
    const auto policy = server.require_message_authenticator;
    const bool automatic = policy == config::RequireMessageAuthenticator::automatic;
    if (reply.has(radius::Type::message_authenticator)) {
      if (automatic && !reply.has(radius::Type::eap_message))
        plan.learned_downstreams->learn(server.mark);
    } else if (policy == config::RequireMessageAuthenticator::yes ||
               (automatic && plan.learned_downstreams->knows(server.mark))) {
      return Drop::reply_message_authenticator_required;
    }
  }
  if (!answers(reply.code(), exchange.code)) return Drop::reply_wrong_code;
  return std::nullopt;
}

std::optional<Door::Core::Translated> Door::Core::translate_for_client(
    const radius::PacketView& reply, const Exchange& exchange, std::size_t room) noexcept {
  std::size_t states = 0;
  if (exchange.has_proxy_states) {
    states = radius::copy_proxy_states(sent_request(exchange), true, proxy_states);
  }
  const radius::HopKey& from = downstream_key(exchange);
  const PacketStore::Handle block =
      packets.take(room + radius::room_for(reply, from, client_key(exchange), states));
  const auto written =
      radius::write_reply(reply,
                          {.downstream = from,
                           .downstream_authenticator = exchange.downstream_authenticator,
                           .client = client_key(exchange),
                           .client_identifier = exchange.key.identifier,
                           .client_authenticator = exchange.client_authenticator,
                           .client_proxy_states = Octets(proxy_states).first(states),
                           .random = random},
                          packets.block(block).subspan(room));
  if (written) return Translated{.block = block, .packet = *written};
  packets.give_back(block);
  return std::nullopt;
}

void Door::Core::pass_through(Now now, std::uint32_t slot,
                              const radius::PacketView& reply) noexcept {
  Exchange& exchange = exchanges[slot];
  const auto answer = translate_for_client(reply, exchange, 0);
  if (!answer) return drop(Drop::reply_untranslatable);
  reply_arrived(now, slot);
  static_cast<void>(record(now, slot, Outcome::passed_through, said(reply.code())));
  keep(exchange, answer->block, 0, answer->packet.size());
  departures.add({.slot = slot, .packet = answer->packet});
}

void Door::Core::send_answers(Now now) noexcept {
  sign_departures();
  departures.order_by([this](const Departure& departure) {
    const RequestKey& key = exchanges[departure.slot].key;
    return std::tuple<std::uint16_t, const Endpoint&, std::size_t>(key.socket, key.source,
                                                                   departure.shortness());
  });
  for (const Departure& departure : departures) answer_stored(now, departure.slot);
  departures.clear();
}

void Door::Core::park_and_ask(Now now, std::uint32_t slot,
                              const radius::PacketView& accept) noexcept {
  Exchange& exchange = exchanges[slot];
  const radius::PacketView request = sent_request(exchange);
  const std::string_view user =
      user_to_ask(settings[exchange.settings].second_factor.user_name_from, request, accept);
  // RFC 3748 §4.2: an EAP-Failure in the place of this EAP-Success carries its Identifier.
  if (const auto eap = accept.find(radius::Type::eap_message); eap && eap->size() >= 2)
    exchange.eap_identifier = (*eap)[1];
  const SenderNote note = SenderNote::of(request, user);
  exchange.policy = choose_policy(now, exchange, nas_port_type(request), accept, user, nullptr);
  if (exchange.policy == PolicyTable::kAskDirectory)
    return look_up_groups(now, slot, request, accept, note);
  if (const config::Policy* const chosen = policy_of(exchange)) {
    switch (chosen->action) {
      case config::PolicyAction::push:
      case config::PolicyAction::otp:
      case config::PolicyAction::ask:
      case config::PolicyAction::token:
      case config::PolicyAction::link: break;
      case config::PolicyAction::exempt: return exempt(now, slot, accept, note);
      case config::PolicyAction::deny:
        reply_arrived(now, slot);
        return reject(now, slot, Outcome::policy_denied,
                      messages_of(exchange).policy_denied_message, nullptr, &note);
    }
  }
  if (user.empty()) {
    reply_arrived(now, slot);
    return reject(now, slot, Outcome::unknown_user, messages_of(exchange).unknown_user_message,
                  nullptr);
  }

  const bool has_password = request.has(radius::Type::user_password);
  const verify::LoginFactors factors = factors_to_offer(exchange, has_password);
  if (has_to_hold(exchange, has_password, factors))
    return hold_and_ask(now, slot, request, accept, note, factors);
  exchange.factor = factors.first();

  const std::size_t note_octets = note.write(scratch);
  const auto answer = translate_for_client(accept, exchange, note_octets);
  if (!answer) return drop(Drop::reply_untranslatable);
  // Signed at once: beside asking the user that costs nothing, and it can be answered from here on.
  const std::size_t octets = answer->packet.sign();
  copy_octets(Octets(scratch).first(note_octets), packets.block(answer->block));

  reply_arrived(now, slot);
  const verify::Question question = question_about(now, slot, request, note);
  keep(exchange, answer->block, note_octets, octets);
  exchanges.transition(slot, ExchangeState::awaiting_verdict);
  put_question(now, slot, question);
}

void Door::Core::put_question(Now now, std::uint32_t slot,
                              const verify::Question& question) noexcept {
  Exchange& exchange = exchanges[slot];
  exchange.join_key = question.join_key;
  exchange.user_hash = question.user_hash;
  exchange.asked_ns = now.monotonic_ns;
  const bool is_link = exchange.factor == verify::LoginFactor::link;
  const DoorSettings& its = settings[exchange.settings];
  const std::uint32_t ttl_ms = is_link ? its.link_ttl_ms : its.verification_ttl_ms;
  timers.schedule(slot, now.ms() + ttl_ms + kVerdictGraceMs + 1);
  verify::Verifier* const asker = is_link ? outbox.links() : nullptr;
  exchange.asked = is_link ? asker != nullptr && asker->ask(question) : outbox.ask(question);
  if (!exchange.asked) {
    verify::Answer answer = detail_of("too many verifications are waiting");
    answer.ticket = question.ticket;
    return decide(now, slot, answer);
  }
  metrics.questions.add();
  show_gauges();
}

void Door::Core::release(std::uint32_t slot) noexcept {
  const Exchange& exchange = exchanges[slot];
  const verify::Ticket ticket = exchanges.ticket(slot);
  if (exchange.factor != verify::LoginFactor::link)
    return outbox.release(ticket, exchange.join_key, exchange.user_hash);
  if (verify::Verifier* const asker = outbox.links())
    asker->release(ticket, exchange.join_key, exchange.user_hash);
}

verify::Question Door::Core::question_about(Now now, std::uint32_t slot,
                                            const radius::PacketView& request,
                                            const SenderNote& note) const noexcept {
  const Exchange& exchange = exchanges[slot];
  verify::Question question;
  question.ticket = exchanges.ticket(slot);
  question.join_key = fingerprint.join_key({.user = note.user.view(),
                                            .client = *exchange.client,
                                            .client_address = exchange.key.source.address,
                                            .request = request,
                                            .downstream_key = downstream_key(exchange),
                                            .client_authenticator = exchange.client_authenticator});
  question.user_hash = fingerprint.user_hash(note.user.view());
  question.asked_ns = now.monotonic_ns;
  question.remember_ms = remember_ms(exchange);
  question.address = exchange.key.source.address;
  question.user = note.user;
  question.client.assign(exchange.client->name());
  question.calling_station = note.calling_station;
  if (const auto station = request.find(radius::Type::called_station_id))
    question.called_station.assign(*station);
  question.nas = note.nas;
  return question;
}

/// The first authentic reply: its Identifier is free again, nothing more will be accepted on it.
void Door::Core::reply_arrived(Now now, std::uint32_t slot) noexcept {
  Exchange& exchange = exchanges[slot];
  const std::uint64_t waited_ns = now.monotonic_ns - exchange.received_ns;
  exchange.downstream_us = static_cast<std::uint32_t>(waited_ns / 1'000);
  metrics.downstream_latency.record(waited_ns);
  DownstreamLink& link = link_of(exchange);
  link.give_back(exchange.channel);
  link.show_outstanding();
}

}  // namespace sallyport::radius_door
