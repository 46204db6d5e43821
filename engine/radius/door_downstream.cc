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

std::string_view user_name(const radius::PacketView& packet) noexcept {
  const auto name = packet.find(radius::Type::user_name);
  return name ? as_text(*name) : std::string_view();
}

/// Whose approval is asked; nobody's when empty. With EAP the request names the outer identity,
/// which nobody has proved: only the Access-Accept says who was let in.
std::string_view user_to_ask(config::UserNameFrom from, const radius::PacketView& request,
                             const radius::PacketView& accept) noexcept {
  const std::string_view accepted = user_name(accept);
  const std::string_view requested = user_name(request);
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
  const std::optional<std::uint32_t> slot =
      identifiers.owner({.source_port = datagram.source_port, .identifier = reply->identifier()});
  if (!slot) return drop(Drop::reply_unmatched);
  const Exchange& exchange = exchanges[*slot];
  ArrivedReply& arrived = replies.add(
      {.packet = *reply, .source_port = datagram.source_port, .slot = *slot, .proof = {}});
  radius::add_response_proof(*reply, *settings[exchange.settings].downstream_key,
                             exchange.downstream_authenticator, digests, arrived.proof);
}

void Door::Core::take_reply(Now now, const ArrivedReply& arrived) noexcept {
  // The batch may hold the reply twice: after the first one nobody waits for it.
  if (identifiers.owner({.source_port = arrived.source_port,
                         .identifier = arrived.packet.identifier()}) != arrived.slot)
    return drop(Drop::reply_unmatched);
  const Exchange& exchange = exchanges[arrived.slot];
  CHECK(exchange.state == ExchangeState::forwarded);
  if (const auto refusal = refuse_reply(arrived, exchange)) return drop(*refusal);

  metrics.replies.add();
  if (arrived.packet.code() == radius::Code::access_accept)
    return park_and_ask(now, arrived.slot, arrived.packet);
  pass_through(now, arrived.slot, arrived.packet);
}

std::optional<Drop> Door::Core::refuse_reply(const ArrivedReply& arrived,
                                             const Exchange& exchange) noexcept {
  const radius::PacketView& reply = arrived.packet;
  switch (radius::judge_response(reply, arrived.proof)) {
    case radius::Authenticity::authentic: break;
    case radius::Authenticity::bad_authenticator: return Drop::reply_bad_authenticator;
    case radius::Authenticity::bad_message_authenticator:
      return Drop::reply_bad_message_authenticator;
  }
  if (exchange.code == radius::Code::access_request) {
    const auto policy = settings[exchange.settings].downstream.require_message_authenticator;
    const bool automatic = policy == config::RequireMessageAuthenticator::automatic;
    const IpAddress& downstream = settings.downstream_mark(exchange.settings);
    if (reply.has(radius::Type::message_authenticator)) {
      if (automatic && !reply.has(radius::Type::eap_message))
        plan.learned_downstreams->learn(downstream);
    } else if (policy == config::RequireMessageAuthenticator::yes ||
               (automatic && plan.learned_downstreams->knows(downstream))) {
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
    const auto request = radius::PacketView::parse(stored_packet(exchange));
    CHECK(request.has_value());
    states = radius::copy_proxy_states(*request, true, proxy_states);
  }
  const std::size_t octets =
      std::min(reply.octets().size() + radius::kMaxGrowthOctets + states, radius::kMaxPacketOctets);
  const PacketStore::Handle block = packets.take(room + octets);
  const auto written =
      radius::write_reply(reply,
                          {.downstream = *settings[exchange.settings].downstream_key,
                           .downstream_authenticator = exchange.downstream_authenticator,
                           .client = exchange.client->key,
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
  const auto request = radius::PacketView::parse(stored_packet(exchange));
  CHECK(request.has_value());
  const config::SecondFactor& policy = settings[exchange.settings].second_factor;
  const std::string_view user = user_to_ask(policy.user_name_from, *request, accept);
  // RFC 3748 §4.2: an EAP-Failure in the place of this EAP-Success carries its Identifier.
  if (const auto eap = accept.find(radius::Type::eap_message); eap && eap->size() >= 2)
    exchange.eap_identifier = (*eap)[1];
  if (user.empty()) {
    reply_arrived(now, slot);
    return reject(now, slot, Outcome::unknown_user, policy.unknown_user_message, nullptr);
  }

  const SenderNote note = SenderNote::of(*request, user);
  const std::size_t note_octets = note.write(scratch);
  const auto answer = translate_for_client(accept, exchange, note_octets);
  if (!answer) return drop(Drop::reply_untranslatable);
  // Signed at once: beside asking the user that costs nothing, and it can be answered from here on.
  const std::size_t octets = answer->packet.sign();
  copy_octets(Octets(scratch).first(note_octets), packets.block(answer->block));

  reply_arrived(now, slot);
  const verify::Question question = question_about(now, slot, *request, note);
  exchange.join_key = question.join_key;
  exchange.user_hash = question.user_hash;
  exchange.asked_ns = now.monotonic_ns;
  keep(exchange, answer->block, note_octets, octets);
  exchanges.transition(slot, ExchangeState::awaiting_verdict);
  timers.schedule(slot,
                  now.ms() + settings[exchange.settings].verification_ttl_ms + kVerdictGraceMs + 1);
  exchange.asked = outbox.ask(question);
  if (!exchange.asked) {
    return decide(now, slot,
                  {.ticket = question.ticket,
                   .verdict = verify::Verdict::unavailable,
                   .detail = verify::ShortText<63>("too many verifications are waiting")});
  }
  metrics.questions.add();
  show_gauges();
}

verify::Question Door::Core::question_about(Now now, std::uint32_t slot,
                                            const radius::PacketView& request,
                                            const SenderNote& note) const noexcept {
  const Exchange& exchange = exchanges[slot];
  verify::Question question;
  question.ticket = exchanges.ticket(slot);
  question.join_key =
      fingerprint.join_key({.user = note.user.view(),
                            .client = *exchange.client,
                            .client_address = exchange.key.source.address,
                            .request = request,
                            .downstream_key = *settings[exchange.settings].downstream_key,
                            .client_authenticator = exchange.client_authenticator});
  question.user_hash = fingerprint.user_hash(note.user.view());
  question.asked_ns = now.monotonic_ns;
  question.address = exchange.key.source.address;
  question.user = note.user;
  question.client.assign(std::string_view(exchange.client->name));
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
  identifiers.give_back(exchange.channel);
}

}  // namespace sallyport::radius_door
