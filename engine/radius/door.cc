#include "engine/radius/door.h"

#include <algorithm>

#include <openssl/sha.h>

#include "engine/radius/door_core.h"
#include "protocol/check.h"
#include "protocol/radius/translate.h"

namespace sallyport::radius_door {
namespace {

/// After the system refused a source port, the next attempt waits: it would cost a system call for
/// every request.
constexpr std::uint64_t kPortRetryMs = 1'000;

/// Derived from the instance, which also keys the join keys: what we show to the downstream must
/// not tell anything of it.
std::array<std::uint8_t, 8> mark_of(const std::array<std::uint8_t, 16>& instance) noexcept {
  constexpr std::string_view kPurpose = "sallyport proxy-state";
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, kPurpose.data(), kPurpose.size());
  SHA256_Update(&context, instance.data(), instance.size());
  std::uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256_Final(digest, &context);
  std::array<std::uint8_t, 8> mark;
  std::copy_n(digest, mark.size(), mark.begin());
  return mark;
}

RequestKey key_of(const ClientPath& path, const radius::PacketView& request) noexcept {
  return {.source = path.source,
          .local = path.local,
          .socket = path.socket,
          .identifier = request.identifier(),
          .request_class = request.code() == radius::Code::accounting_request
                               ? RequestClass::accounting
                               : RequestClass::access};
}

bool is_request_of_a_client(radius::Code code) noexcept {
  return code == radius::Code::access_request || code == radius::Code::accounting_request ||
         code == radius::Code::status_server;
}

}  // namespace

Door::Core::Core(const DoorPlan& door_plan, std::shared_ptr<const DoorSettings> initial,
                 Outbox& out, RandomSource& randomness, RadiusMetrics& counters, Now now)
    : plan(door_plan),
      outbox(out),
      random(randomness),
      metrics(counters),
      settings(std::move(initial)),
      exchanges(door_plan.shard, door_plan.exchanges),
      duplicates(door_plan.exchanges, randomness),
      identifiers(door_plan.max_source_ports),
      packets(door_plan.exchanges),
      timers(door_plan.exchanges, now.ms()),
      fingerprint(door_plan.instance),
      mark(mark_of(door_plan.instance)) {
  CHECK(plan.learned_clients != nullptr && plan.learned_downstreams != nullptr);
}

void Door::Core::client_datagram(Now now, const ClientPath& path, Octets datagram) noexcept {
  const auto request = radius::PacketView::parse(datagram);
  if (!request)
    return metrics.malformed_from_client[static_cast<std::size_t>(request.error())].add();
  const ClientEntry* client = settings[settings.current()].clients->find(path.source.address);
  if (client == nullptr) return drop(Drop::unknown_client);
  if (const auto refusal = refuse(*request, *client, path.source.address)) return drop(*refusal);

  metrics.requests.add();
  if (request->code() == radius::Code::status_server)
    return answer_status_server(path, *request, *client);

  const RequestKey key = key_of(path, *request);
  const std::uint32_t hash = duplicates.hash(key);
  const auto known =
      duplicates.find(hash, [&](std::uint32_t slot) { return exchanges[slot].key == key; });
  if (known) {
    if (exchanges[*known].client_authenticator == request->authenticator())
      return repeat_answer(*known);
    abandon(now, *known);
  }
  if (draining) return drop(Drop::draining);
  forward(now, key, hash, *request, *client);
}

std::optional<Drop> Door::Core::refuse(const radius::PacketView& request, const ClientEntry& client,
                                       const IpAddress& source) noexcept {
  if (!is_request_of_a_client(request.code())) return Drop::unsupported_code;
  switch (radius::verify_request(request, client.key)) {
    case radius::Authenticity::authentic: break;
    case radius::Authenticity::bad_message_authenticator: return Drop::bad_message_authenticator;
    case radius::Authenticity::bad_authenticator: return Drop::bad_authenticator;
  }
  if (request.code() == radius::Code::access_request) {
    const bool automatic =
        client.require_message_authenticator == config::RequireMessageAuthenticator::automatic;
    if (request.has(radius::Type::message_authenticator)) {
      // EAP carries one by RFC 3579 whatever the client does otherwise: it teaches nothing.
      if (automatic && !request.has(radius::Type::eap_message)) plan.learned_clients->learn(source);
    } else {
      if (client.require_message_authenticator == config::RequireMessageAuthenticator::yes ||
          (automatic && plan.learned_clients->knows(source)))
        return Drop::message_authenticator_required;
      if (client.limit_proxy_state && request.has(radius::Type::proxy_state))
        return Drop::proxy_state_without_message_authenticator;
    }
  }
  if (carries_our_mark(request)) return Drop::loop;
  return std::nullopt;
}

bool Door::Core::carries_our_mark(const radius::PacketView& request) const noexcept {
  if (!request.has(radius::Type::proxy_state)) return false;
  for (const radius::Attribute attribute : request)
    if (attribute.type == radius::Type::proxy_state && std::ranges::equal(attribute.value, mark))
      return true;
  return false;
}

// RFC 5997 §4.2: answered by us at once, never forwarded, never remembered.
void Door::Core::answer_status_server(const ClientPath& path, const radius::PacketView& request,
                                      const ClientEntry& client) noexcept {
  if (draining) return drop(Drop::draining);  // the client is to try another server
  metrics.status_server.add();
  const std::size_t states = radius::copy_proxy_states(request, false, proxy_states);
  const std::size_t octets =
      radius::write_local_reply({.code = radius::Code::access_accept,
                                 .client = client.key,
                                 .client_identifier = request.identifier(),
                                 .client_authenticator = request.authenticator(),
                                 .client_proxy_states = Octets(proxy_states).first(states),
                                 .reply_message = {},
                                 .eap_failure_identifier = std::nullopt},
                                MutableOctets(scratch).first(radius::kMaxPacketOctets));
  outbox.send_to_client(path, Octets(scratch).first(octets));
}

// RFC 5080 §2.2.2: the same octets again, or silence while there are none yet.
void Door::Core::repeat_answer(std::uint32_t slot) noexcept {
  const Exchange& exchange = exchanges[slot];
  if (exchange.state != ExchangeState::answered) return drop(Drop::duplicate_pending);
  metrics.duplicates_answered.add();
  outbox.send_to_client(
      {.source = exchange.key.source, .local = exchange.key.local, .socket = exchange.key.socket},
      stored_packet(exchange));
}

// Whatever can fail comes before anything is changed: a request that cannot be carried costs nobody
// his kept answer.
void Door::Core::forward(Now now, const RequestKey& key, std::uint32_t hash,
                         const radius::PacketView& request, const ClientEntry& client) noexcept {
  std::optional<std::uint32_t> slot = exchanges.next_free();
  if (!slot) slot = exchanges.oldest_answered();
  if (!slot) return drop(Drop::no_free_exchange);
  open_port_if_wanted(now);
  const std::optional<Channel> channel = identifiers.take(*slot, now.ms());
  if (!channel) return drop(Drop::no_free_identifier);

  radius::Authenticator authenticator;
  random.fill(authenticator.octets);
  const auto written =
      radius::translate_request(request,
                                {.client = client.key,
                                 .downstream = *settings[settings.current()].downstream_key,
                                 .identifier = channel->identifier,
                                 .authenticator = authenticator,
                                 .proxy_state = mark},
                                MutableOctets(scratch).first(radius::kMaxPacketOctets));
  if (!written) {
    identifiers.give_back_unused(*channel);
    return drop(Drop::untranslatable);
  }

  if (exchanges[*slot].state == ExchangeState::answered) {
    metrics.evicted.add();
    end(*slot);
  }
  begin(now, *slot, key, hash, request, client);
  Exchange& exchange = exchanges[*slot];
  exchange.channel = *channel;
  keep(exchange, Octets(scratch).first(*written), 0);
  // Accounting computes its own authenticator, so it is read from what will be sent.
  std::copy_n(scratch.begin() + 4, exchange.downstream_authenticator.octets.size(),
              exchange.downstream_authenticator.octets.begin());
  metrics.forwarded.add();
  outbox.send_downstream(channel->source_port, stored_packet(exchange));
  schedule_downstream_timer(now, *slot);
}

void Door::Core::begin(Now now, std::uint32_t slot, const RequestKey& key, std::uint32_t hash,
                       const radius::PacketView& request, const ClientEntry& client) noexcept {
  exchanges.transition(slot, ExchangeState::forwarded);
  Exchange& exchange = exchanges[slot];
  exchange.key = key;
  exchange.code = request.code();
  exchange.settings = settings.current();
  settings.hold(exchange.settings);
  exchange.client = &client;
  exchange.client_authenticator = request.authenticator();
  exchange.received_ns = now.monotonic_ns;
  exchange.duplicate_hash = hash;
  duplicates.insert(hash, slot);
  if (const auto eap = request.find(radius::Type::eap_message)) {
    exchange.is_eap = true;
    if (eap->size() >= 2) exchange.eap_identifier = (*eap)[1];
  }
  // Accounting is retransmitted by the client alone (RFC 5080 §2.2.1: MRC = 0).
  if (request.code() == radius::Code::access_request) {
    const std::uint32_t first_ms = settings[exchange.settings].downstream.retransmit_ms;
    exchange.retransmit_ms = jittered_ms(first_ms, first_ms / 10);
  }
  show_gauges();
}

void Door::Core::open_port_if_wanted(Now now) noexcept {
  if (!identifiers.wants_port() || now.ms() < next_port_attempt_ms) return;
  if (outbox.open_source_port()) {
    identifiers.add_port();
    metrics.source_ports.set(identifiers.ports());
  } else {
    next_port_attempt_ms = now.ms() + kPortRetryMs;
  }
}

Octets Door::Core::stored_packet(const Exchange& exchange) const noexcept {
  return packets.block(exchange.stored).subspan(exchange.packet_begin, exchange.packet_octets);
}

void Door::Core::keep(Exchange& exchange, Octets block, std::size_t packet_begin) noexcept {
  if (!exchange.stored.empty()) packets.give_back(exchange.stored);
  exchange.stored = packets.take(block.size());
  std::ranges::copy(block, packets.block(exchange.stored).begin());
  exchange.packet_begin = static_cast<std::uint16_t>(packet_begin);
  exchange.packet_octets = static_cast<std::uint16_t>(block.size() - packet_begin);
}

void Door::Core::show_gauges() noexcept {
  metrics.exchanges.set(exchanges.capacity() - exchanges.count(ExchangeState::free));
  metrics.awaiting_verdict.set(exchanges.count(ExchangeState::awaiting_verdict));
}

Door::Door(const DoorPlan& plan, std::shared_ptr<const DoorSettings> settings, Outbox& outbox,
           RandomSource& random, RadiusMetrics& metrics, Now now)
    : core_(std::make_unique<Core>(plan, std::move(settings), outbox, random, metrics, now)) {}
Door::~Door() = default;

void Door::client_datagram(Now now, const ClientPath& path, Octets datagram) noexcept {
  core_->client_datagram(now, path, datagram);
}
void Door::downstream_datagram(Now now, std::uint16_t source_port, Octets datagram) noexcept {
  core_->downstream_datagram(now, source_port, datagram);
}
void Door::verdict(Now now, const verify::Answer& answer) noexcept { core_->verdict(now, answer); }
void Door::advance(Now now) noexcept { core_->advance(now); }
std::optional<std::uint64_t> Door::next_deadline_ms() const noexcept {
  if (core_->settings.unsettled()) return 0;  // at once
  return core_->timers.next_deadline_ms();
}
void Door::reload(std::shared_ptr<const DoorSettings> settings) noexcept {
  core_->settings.offer(std::move(settings));
}
void Door::drain() noexcept { core_->draining = true; }
std::uint32_t Door::unanswered() const noexcept {
  return core_->exchanges.count(ExchangeState::forwarded) +
         core_->exchanges.count(ExchangeState::awaiting_verdict);
}

}  // namespace sallyport::radius_door
