#include "engine/radius/door.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <openssl/sha.h>

#include "engine/radius/door_core.h"
#include "protocol/check.h"
#include "protocol/radius/translate.h"

namespace sallyport::radius_door {
namespace {

/// After the system refused a source port, the next attempt waits: it would cost a system call for
/// every request.
constexpr std::uint64_t kPortRetryMs = 1'000;

constexpr std::size_t kAttributeHeader = 2;  // Type and Length

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
      packets(door_plan.exchanges + 1),  // the next packet is written before the last one goes
      timers(door_plan.exchanges, now.ms()),
      fingerprint(door_plan.instance),
      mark(mark_of(door_plan.instance)) {
  CHECK(plan.learned_clients != nullptr && plan.learned_downstreams != nullptr);
}

// Three passes over each batch, because what the second needs of the first, and the third of the
// second, are digests: they are computed for all at once in between.
void Door::Core::client_datagrams(Now now, std::span<const ClientDatagram> datagrams) noexcept {
  while (!datagrams.empty()) {
    const auto batch = datagrams.first(next_batch(datagrams.size()));
    datagrams = datagrams.subspan(batch.size());
    requests.clear();
    warmed = ExchangePool::kNone;
    read_requests(batch);
    digests.run();
    for (const ArrivedRequest& arrived : requests) admit(now, arrived);
    send_repeats();
    send_requests(now);
  }
}

// Each step is done for all before the next one begins, so that what it has asked of memory is
// there by then: among a million clients a secret is never in the cache.
void Door::Core::read_requests(std::span<const ClientDatagram> batch) noexcept {
  const DoorSettings& now_in_force = settings[settings.current()];
  std::array<const ClientEntry*, kBatch> clients;
  for (const ClientDatagram& datagram : batch)
    now_in_force.clients->prefetch(datagram.path.source.address);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    clients[i] = now_in_force.clients->find(batch[i].path.source.address);
    if (clients[i] != nullptr) clients[i]->prefetch();
  }
  for (std::size_t i = 0; i < batch.size(); ++i) read_request(batch[i], clients[i]);
}

void Door::Core::read_request(const ClientDatagram& datagram, const ClientEntry* client) noexcept {
  const auto request = radius::PacketView::parse(datagram.octets);
  if (!request)
    return metrics.malformed_from_client[static_cast<std::size_t>(request.error())].add();
  if (client == nullptr) return drop(Drop::unknown_client);
  if (!is_request_of_a_client(request->code())) return drop(Drop::unsupported_code);

  const RequestKey key = key_of(datagram.path, *request);
  ArrivedRequest& arrived = requests.add({.path = &datagram.path,
                                          .packet = *request,
                                          .client = client,
                                          .key = key,
                                          .hash = duplicates.hash(key),
                                          .proof = {},
                                          .downstream_authenticator = {},
                                          .password_pads = {},
                                          .has_password_pads = false});
  radius::add_request_proof(*request, client->key, digests, arrived.proof);
  random.fill(arrived.downstream_authenticator.octets);
  // A duplicate in all likelihood: it goes no farther, so nothing is made ready for that.
  if (const auto known = known_exchange(arrived);
      known && exchanges[*known].client_authenticator == request->authenticator())
    return;
  warm_next_exchange();
  if (!request->has(radius::Type::user_password)) return;
  arrived.has_password_pads = true;
  client->key.add_pad(digests, request->authenticator().octets, arrived.password_pads.from);
  settings[settings.current()].downstream_key->add_pad(
      digests, arrived.downstream_authenticator.octets, arrived.password_pads.to);
}

std::optional<std::uint32_t> Door::Core::known_exchange(
    const ArrivedRequest& arrived) const noexcept {
  return duplicates.find(arrived.hash,
                         [&](std::uint32_t slot) { return exchanges[slot].key == arrived.key; });
}

void Door::Core::warm_next_exchange() noexcept {
  if (warmed != ExchangePool::kNone) {
    const Exchange& exchange = exchanges[warmed];
    duplicates.prefetch(exchange.duplicate_hash);
    timers.prefetch(warmed);
  }
  warmed = exchanges.prefetch_next(warmed);
}

void Door::Core::admit(Now now, const ArrivedRequest& arrived) noexcept {
  if (const auto refusal = refuse(arrived)) return drop(*refusal);
  metrics.requests.add();
  if (arrived.packet.code() == radius::Code::status_server)
    return answer_status_server(*arrived.path, arrived.packet, *arrived.client);

  if (const auto known = known_exchange(arrived)) {
    if (exchanges[*known].client_authenticator == arrived.packet.authenticator())
      return repeat_answer(*known);
    // It may be among those that have not left yet.
    if (exchanges[*known].state == ExchangeState::forwarded) send_requests(now);
    send_repeats();
    abandon(now, *known);
  }
  if (draining) return drop(Drop::draining);
  forward(now, arrived);
}

std::optional<Drop> Door::Core::refuse(const ArrivedRequest& arrived) noexcept {
  const radius::PacketView& request = arrived.packet;
  const ClientEntry& client = *arrived.client;
  switch (radius::judge_request(request, arrived.proof)) {
    case radius::Authenticity::authentic: break;
    case radius::Authenticity::bad_message_authenticator: return Drop::bad_message_authenticator;
    case radius::Authenticity::bad_authenticator: return Drop::bad_authenticator;
  }
  if (request.code() == radius::Code::access_request) {
    const IpAddress& source = arrived.path->source.address;
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
  repeats.add(slot);
}

void Door::Core::send_repeats() noexcept {
  repeats.order_by([this](std::uint32_t slot) {
    const Exchange& exchange = exchanges[slot];
    return std::tuple<std::uint16_t, const Endpoint&, std::size_t>(
        exchange.key.socket, exchange.key.source,
        radius::kMaxPacketOctets - exchange.packet_octets);
  });
  for (const std::uint32_t slot : repeats) {
    const Exchange& exchange = exchanges[slot];
    outbox.send_to_client(
        {.source = exchange.key.source, .local = exchange.key.local, .socket = exchange.key.socket},
        stored_packet(exchange));
  }
  repeats.clear();
}

// Whatever can fail comes before anything is changed: a request that cannot be carried costs nobody
// his kept answer.
void Door::Core::forward(Now now, const ArrivedRequest& arrived) noexcept {
  std::optional<std::uint32_t> slot = exchanges.next_free();
  if (!slot) slot = exchanges.oldest_answered();
  if (!slot) return drop(Drop::no_free_exchange);
  open_port_if_wanted(now);
  const std::optional<Channel> channel = identifiers.take(*slot, now.ms());
  if (!channel) return drop(Drop::no_free_identifier);

  const PacketStore::Handle block = packets.take(
      arrived.packet.octets().size() + radius::kMaxGrowthOctets + kAttributeHeader + mark.size());
  const auto written = radius::write_request(
      arrived.packet,
      {.client = arrived.client->key,
       .downstream = *settings[settings.current()].downstream_key,
       .identifier = channel->identifier,
       .authenticator = arrived.downstream_authenticator,
       .proxy_state = mark,
       .password_pads = arrived.has_password_pads ? &arrived.password_pads : nullptr},
      packets.block(block));
  if (!written) {
    packets.give_back(block);
    identifiers.give_back_unused(*channel);
    return drop(Drop::untranslatable);
  }

  if (exchanges[*slot].state == ExchangeState::answered) {
    send_repeats();
    metrics.evicted.add();
    end(*slot);
  }
  begin(now, *slot, arrived);
  Exchange& exchange = exchanges[*slot];
  exchange.channel = *channel;
  keep(exchange, block, 0, written->size());
  departures.add({.slot = *slot, .packet = *written});
}

void Door::Core::begin(Now now, std::uint32_t slot, const ArrivedRequest& arrived) noexcept {
  const radius::PacketView& request = arrived.packet;
  exchanges.transition(slot, ExchangeState::forwarded);
  Exchange& exchange = exchanges[slot];
  exchange.key = arrived.key;
  exchange.code = request.code();
  exchange.settings = settings.current();
  settings.hold(exchange.settings);
  exchange.client = arrived.client;
  exchange.has_proxy_states = request.has(radius::Type::proxy_state);
  exchange.client_authenticator = request.authenticator();
  exchange.received_ns = now.monotonic_ns;
  exchange.duplicate_hash = arrived.hash;
  duplicates.insert(arrived.hash, slot);
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

void Door::Core::send_requests(Now now) noexcept {
  sign_departures();
  departures.order_by([this](const Departure& departure) {
    return std::pair(exchanges[departure.slot].channel.source_port, departure.shortness());
  });
  for (const Departure& departure : departures) {
    Exchange& exchange = exchanges[departure.slot];
    const Octets packet = stored_packet(exchange);
    // Accounting computes its own authenticator, so it is read from what is sent.
    copy_octets(packet.subspan(4, md5::kDigestOctets), exchange.downstream_authenticator.octets);
    metrics.forwarded.add();
    outbox.send_downstream(exchange.channel.source_port, packet);
    schedule_downstream_timer(now, departure.slot);
  }
  departures.clear();
}

void Door::Core::sign_departures() noexcept {
  for (const Departure& departure : departures) departure.packet.add_message_authenticator(digests);
  digests.run();
  for (const Departure& departure : departures) departure.packet.add_authenticator(digests);
  digests.run();
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

void Door::Core::keep(Exchange& exchange, PacketStore::Handle block, std::size_t packet_begin,
                      std::size_t packet_octets) noexcept {
  if (!exchange.stored.empty()) packets.give_back(exchange.stored);
  exchange.stored = block;
  exchange.packet_begin = static_cast<std::uint16_t>(packet_begin);
  exchange.packet_octets = static_cast<std::uint16_t>(packet_octets);
}

void Door::Core::show_gauges() noexcept {
  metrics.exchanges.set(exchanges.capacity() - exchanges.count(ExchangeState::free));
  metrics.awaiting_verdict.set(exchanges.count(ExchangeState::awaiting_verdict));
}

Door::Door(const DoorPlan& plan, std::shared_ptr<const DoorSettings> settings, Outbox& outbox,
           RandomSource& random, RadiusMetrics& metrics, Now now)
    : core_(std::make_unique<Core>(plan, std::move(settings), outbox, random, metrics, now)) {}
Door::~Door() = default;

void Door::client_datagrams(Now now, std::span<const ClientDatagram> datagrams) noexcept {
  core_->client_datagrams(now, datagrams);
}
void Door::downstream_datagrams(Now now, std::span<const DownstreamDatagram> datagrams) noexcept {
  core_->downstream_datagrams(now, datagrams);
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
