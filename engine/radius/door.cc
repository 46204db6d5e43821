#include "engine/radius/door.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <openssl/sha.h>

#include "engine/radius/door_core.h"
#include "engine/radius/remembered.h"
#include "protocol/check.h"
#include "protocol/radius/stream_frame.h"
#include "protocol/radius/translate.h"

namespace sallyport::radius_door {
namespace {

constexpr std::size_t kAttributeHeader = 2;  // Type and Length

RequestKey key_of(const ClientPath& path, const radius::PacketView& request) noexcept {
  RequestKey key{.source = path.source,
                 .local = path.local,
                 .socket = path.socket,
                 .identifier = request.identifier(),
                 .request_class = request.code() == radius::Code::accounting_request
                                      ? RequestClass::accounting
                                      : RequestClass::access};
  if (request.version() == radius::Version::v1_1) {
    const radius::Authenticator token = request.authenticator();
    copy_octets(Octets(token.octets).first(radius::kTokenOctets), key.token);
  }
  return key;
}

bool is_request_of_a_client(radius::Code code) noexcept {
  return code == radius::Code::access_request || code == radius::Code::accounting_request ||
         code == radius::Code::status_server;
}

/// Whether it is the exchange's own request once more. A Request Authenticator is drawn for its
/// request or computed over it; a Token says nothing about it, and on its connection nothing is
/// sent twice (RFC 6613 §2.6.1): once answered, the same Token is another request's. Before that no
/// answer could be told from the other's, so the second request gets none.
bool is_repeated(const Exchange& exchange, const radius::PacketView& request) noexcept {
  if (exchange.client_authenticator != request.authenticator()) return false;
  return request.version() != radius::Version::v1_1 || exchange.state != ExchangeState::answered;
}

}  // namespace

// The instance also keys the join keys.
std::array<std::uint8_t, 8> proxy_state_of(const std::array<std::uint8_t, 16>& instance) noexcept {
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

Door::Core::Core(const DoorPlan& door_plan, std::shared_ptr<const DoorSettings> initial,
                 DownstreamLinks ways, Outbox& out, RandomSource& randomness,
                 RadiusMetrics& counters, Now now)
    : plan(door_plan),
      outbox(out),
      random(randomness),
      metrics(counters),
      settings(std::move(initial)),
      exchanges(door_plan.shard, door_plan.exchanges),
      of_connections(door_plan.max_connections, door_plan.exchanges),
      duplicates(door_plan.exchanges, randomness),
      links(std::move(ways)),
      packets(door_plan.exchanges + 1),  // the next packet is written before the last one goes
      timers(door_plan.exchanges + static_cast<std::uint32_t>(limits::kMaxDownstreamLinks),
             now.ms()),
      fingerprint(door_plan.instance),
      mark(proxy_state_of(door_plan.instance)) {
  CHECK(plan.learned_clients != nullptr && plan.learned_downstreams != nullptr);
  take_settings_into_use(now);
}

// Three passes over each batch, because what the second needs of the first, and the third of the
// second, are digests: they are computed for all at once in between.
void Door::Core::client_datagrams(Now now, std::span<const ClientDatagram> datagrams) noexcept {
  while (!datagrams.empty()) {
    const auto batch = datagrams.first(next_batch(datagrams.size()));
    datagrams = datagrams.subspan(batch.size());
    requests.clear();
    warmed = ExchangePool::kNone;
    read_requests(now, batch);
    digests.run();
    for (const ArrivedRequest& arrived : requests) admit(now, arrived);
    send_repeats();
    send_requests(now);
  }
}

// Each step is done for all before the next one begins, so that what it has asked of memory is
// there by then: among a million clients a secret is never in the cache.
void Door::Core::read_requests(Now now, std::span<const ClientDatagram> batch) noexcept {
  const DoorSettings& now_in_force = settings[settings.current()];
  std::array<const ClientEntry*, kBatch> clients;
  for (const ClientDatagram& datagram : batch)
    if (datagram.client == nullptr) now_in_force.clients->prefetch(datagram.path.source.address);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    clients[i] = batch[i].client != nullptr
                     ? batch[i].client
                     : now_in_force.clients->find(batch[i].path.source.address);
    if (clients[i] != nullptr) clients[i]->prefetch();
  }
  for (std::size_t i = 0; i < batch.size(); ++i) read_request(now, batch[i], clients[i]);
}

void Door::Core::read_request(Now now, const ClientDatagram& datagram,
                              const ClientEntry* client) noexcept {
  const auto request = radius::PacketView::parse(datagram.octets, datagram.version);
  if (!request) {
    if (radius::ends_stream(request.error()))
      refuse_connection(datagram.path.socket, RadsecEnd::malformed);
    return metrics.malformed_from_client[static_cast<std::size_t>(request.error())].add();
  }
  if (client == nullptr) {
    metrics.refusals.note(Refusal::unknown_address, datagram.path.source, {});
    return drop(Drop::unknown_client);
  }
  if (!is_request_of_a_client(request->code())) return drop(Drop::unsupported_code);

  const RequestKey key = key_of(datagram.path, *request);
  const radius::HopKey& hop =
      datagram.version == radius::Version::v1_1 ? radius::HopKey::none() : client->key;
  ArrivedRequest& arrived = requests.add({.path = &datagram.path,
                                          .packet = *request,
                                          .key_of_hop = &hop,
                                          .client = client,
                                          .key = key,
                                          .hash = duplicates.hash(key),
                                          .route = kNoRoute,
                                          .server = 0,
                                          .proof = {},
                                          .downstream_authenticator = {},
                                          .password_pads = {},
                                          .has_password_pads = false});
  radius::add_request_proof(*request, hop, digests, arrived.proof);
  random.fill(arrived.downstream_authenticator.octets);
  pick_server(now, arrived);
  // A duplicate in all likelihood: it goes no farther, so no more is made ready for that.
  if (const auto known = known_exchange(arrived);
      known && exchanges[*known].client_authenticator == request->authenticator())
    return;
  warm_next_exchange();
  if (arrived.route == kUnserved || !request->has(radius::Type::user_password) || !hop.hides())
    return;
  arrived.has_password_pads = true;
  hop.add_pad(digests, request->authenticator().octets, arrived.password_pads.from);
  settings[settings.current()].plan.servers[arrived.server].key->add_pad(
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
  if (const auto refusal = refuse(arrived)) {
    if (const auto kind = refusal_of(*refusal))
      metrics.refusals.note(*kind, arrived.path->source, arrived.client->name());
    return drop(*refusal);
  }
  metrics.requests.add();
  if (arrived.packet.code() == radius::Code::status_server) return answer_status_server(arrived);

  if (const auto known = known_exchange(arrived)) {
    if (is_repeated(exchanges[*known], arrived.packet)) return repeat_answer(*known);
    // It may be among those that have not left yet.
    if (exchanges[*known].state == ExchangeState::forwarded) send_requests(now);
    send_repeats();
    abandon(now, *known, metrics.replaced);
  }
  if (draining) return drop(Drop::draining);
  // What came by TLS was hidden by no secret that the spool could know later.
  if (arrived.packet.code() == radius::Code::accounting_request &&
      settings[settings.current()].spools_accounting && !is_connection(arrived.path->socket))
    return store(now, arrived);
  if (brings_code(arrived)) return take_code(now, arrived);
  forward(now, arrived);
}

std::optional<Drop> Door::Core::refuse(const ArrivedRequest& arrived) noexcept {
  const radius::PacketView& request = arrived.packet;
  const ClientEntry& client = *arrived.client;
  switch (radius::judge_request(request, arrived.proof)) {
    case radius::Authenticity::authentic: break;
    case radius::Authenticity::bad_message_authenticator:
      refuse_connection(arrived.path->socket, RadsecEnd::bad_authenticator);
      return Drop::bad_message_authenticator;
    case radius::Authenticity::bad_authenticator:
      refuse_connection(arrived.path->socket, RadsecEnd::bad_authenticator);
      return Drop::bad_authenticator;
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
void Door::Core::answer_status_server(const ArrivedRequest& arrived) noexcept {
  const radius::PacketView& request = arrived.packet;
  if (draining) return drop(Drop::draining);  // the client is to try another server
  metrics.status_server.add();
  const std::size_t states = radius::copy_proxy_states(request, false, proxy_states);
  const std::size_t octets =
      radius::write_local_reply({.code = radius::Code::access_accept,
                                 .client = *arrived.key_of_hop,
                                 .client_identifier = request.identifier(),
                                 .client_authenticator = request.authenticator(),
                                 .client_proxy_states = Octets(proxy_states).first(states),
                                 .reply_message = {},
                                 .eap_failure_identifier = std::nullopt},
                                MutableOctets(scratch).first(radius::kMaxPacketOctets));
  outbox.send_to_client(*arrived.path, Octets(scratch).first(octets));
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
  const DownstreamPlan& ways = settings[settings.current()].plan;
  const RouteTarget* const target =
      arrived.route < ways.targets.size() ? &ways.targets[arrived.route] : nullptr;
  if (arrived.route == kUnserved || (target != nullptr && !target->pool))
    return answer_unserved(arrived);
  std::optional<std::uint32_t> slot = exchanges.next_free();
  if (!slot) slot = exchanges.oldest_answered();
  if (!slot) return drop(Drop::no_free_exchange);
  std::uint16_t index = arrived.server;
  bool has_pads = arrived.has_password_pads;
  if (links[ways.servers[index].link]->health.state() != ServerState::up) {
    // Another of this batch may have been the one that tries it.
    index = pick_again(now, arrived);
    has_pads = has_pads && index == arrived.server;
  }
  const ServerEntry& server = ways.servers[index];
  DownstreamLink& link = *links[server.link];
  std::optional<Channel> channel = take_channel(now, server.link, *slot);
  if (!channel) channel = place_to_wait(server.link);
  if (!channel) return drop(Drop::no_free_identifier);
  const NextHop hop = next_hop(now, server, *channel, arrived.downstream_authenticator);

  const std::optional<std::string_view> user_name = name_for_downstream(arrived);
  CutPassword cut;
  if (const auto& common = settings[settings.current()].second_factor; common.appended)
    cut.cut(arrived.packet, *arrived.key_of_hop, common.separator[0]);
  const PacketStore::Handle block = packets.take(radius::room_for(
      arrived.packet, *arrived.key_of_hop, *hop.key, kAttributeHeader + mark.size()));
  const auto written =
      radius::write_request(arrived.packet,
                            {.client = *arrived.key_of_hop,
                             .downstream = *hop.key,
                             .identifier = hop.identifier,
                             .authenticator = hop.authenticator,
                             .proxy_state = mark,
                             .user_name = user_name,
                             .password = cut.password(),
                             .password_pads = has_pads ? &arrived.password_pads : nullptr},
                            packets.block(block));
  if (!written) {
    packets.give_back(block);
    link.give_back_unused(*channel);
    return drop(Drop::untranslatable);
  }

  make_free(*slot);
  begin(now, *slot, arrived, ExchangeState::forwarded);
  Exchange& exchange = exchanges[*slot];
  exchange.channel = *channel;
  exchange.server = index;
  exchange.downstream_version = hop.version;
  exchange.appended = cut.appended();
  ++turns[server.pool];
  if (link.health.state() != ServerState::up) link.health.begin_trial(now.ms());
  keep(exchange, block, 0, written->size());
  if (channel->waits()) return begin_waiting(now, *slot, *written);
  link.metrics->forwarded.add();
  link.show_outstanding();
  departures.add({.slot = *slot, .packet = *written});
}

void Door::Core::make_free(std::uint32_t slot) noexcept {
  if (exchanges[slot].state != ExchangeState::answered) return;
  send_repeats();
  metrics.evicted.add();
  end(slot);
}

void Door::Core::begin(Now now, std::uint32_t slot, const ArrivedRequest& arrived,
                       ExchangeState state) noexcept {
  const radius::PacketView& request = arrived.packet;
  exchanges.transition(slot, state);
  Exchange& exchange = exchanges[slot];
  exchange.key = arrived.key;
  exchange.code = request.code();
  exchange.settings = settings.current();
  settings.hold(exchange.settings);
  exchange.client = arrived.client;
  exchange.has_proxy_states = request.has(radius::Type::proxy_state);
  exchange.version = request.version();
  exchange.client_authenticator = request.authenticator();
  exchange.received_ns = now.monotonic_ns;
  exchange.duplicate_hash = arrived.hash;
  duplicates.insert(arrived.hash, slot);
  if (is_connection(exchange.key.socket))
    of_connections.add(exchange.key.socket - ClientPath::kFirstConnection, slot);
  if (const auto eap = request.find(radius::Type::eap_message)) {
    exchange.is_eap = true;
    if (eap->size() >= 2) exchange.eap_identifier = (*eap)[1];
  }
  const std::uint32_t first_ms = settings[exchange.settings].downstream.retransmit_ms;
  exchange.retransmit_ms = jittered_ms(first_ms, first_ms / 10);
  show_gauges();
}

void Door::Core::send_requests(Now now) noexcept {
  sign_departures();
  departures.order_by([this](const Departure& departure) {
    const Exchange& exchange = exchanges[departure.slot];
    return std::tuple(exchange.server, exchange.channel.source_port, departure.shortness());
  });
  for (const Departure& departure : departures) {
    Exchange& exchange = exchanges[departure.slot];
    const Octets packet = stored_packet(exchange);
    // Accounting computes its own authenticator, so it is read from what is sent.
    copy_octets(packet.subspan(4, md5::kDigestOctets), exchange.downstream_authenticator.octets);
    metrics.forwarded.add();
    outbox.send_downstream(server_of(exchange).link, exchange.channel.source_port, packet);
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

Door::Door(const DoorPlan& plan, std::shared_ptr<const DoorSettings> settings,
           DownstreamLinks links, Outbox& outbox, RandomSource& random, RadiusMetrics& metrics,
           Now now)
    : core_(std::make_unique<Core>(plan, std::move(settings), std::move(links), outbox, random,
                                   metrics, now)) {}
Door::~Door() = default;

void Door::client_datagrams(Now now, std::span<const ClientDatagram> datagrams) noexcept {
  core_->client_datagrams(now, datagrams);
}
void Door::downstream_datagrams(Now now, std::span<const DownstreamDatagram> datagrams) noexcept {
  core_->downstream_datagrams(now, datagrams);
}
void Door::connection_ended(Now now, std::uint16_t socket) noexcept {
  core_->connection_ended(now, socket);
}
void Door::connection_packets(Now now, std::span<const DownstreamDatagram> packets) noexcept {
  core_->connection_packets(now, packets);
}
void Door::connected(Now now, std::uint16_t link, std::uint16_t connection,
                     radius::Version version) noexcept {
  core_->connected(now, link, connection, version);
}
void Door::disconnected(Now now, std::uint16_t link, std::uint16_t connection,
                        ServerReason why) noexcept {
  core_->disconnected(now, link, connection, why);
}
Owed Door::owed(std::uint16_t socket) const noexcept { return core_->owed(socket); }
void Door::verdict(Now now, const verify::Answer& answer) noexcept { core_->verdict(now, answer); }
void Door::stored(Now now, const StorageAnswer& answer) noexcept { core_->stored(now, answer); }
void Door::code_checked(Now now, const verify::CodeAnswer& answer) noexcept {
  core_->code_checked(now, answer);
}
void Door::advance(Now now) noexcept { core_->advance(now); }
std::optional<std::uint64_t> Door::next_deadline_ms() const noexcept {
  const Core& core = *core_;
  if (core.settings.unsettled() || core.in_use != core.settings.number()) return 0;  // at once
  return core_->timers.next_deadline_ms();
}
void Door::reload(std::shared_ptr<const DoorSettings> settings) noexcept {
  core_->settings.offer(std::move(settings));
}
const DoorSettings& Door::settings() const noexcept {
  return core_->settings[core_->settings.current()];
}
std::uint32_t Door::settings_number() const noexcept { return core_->settings.number(); }
void Door::unreachable(Now now, std::uint16_t link) noexcept { core_->unreachable(now, link); }
void Door::exchange_link(std::uint16_t index, std::unique_ptr<DownstreamLink>& link) noexcept {
  std::unique_ptr<DownstreamLink>& place = core_->links[index];
  Counter& open = core_->metrics.source_ports;
  if (place != nullptr) open.set(open.value() - place->identifiers.ports());
  std::swap(place, link);
}
void Door::drain() noexcept { core_->draining = true; }
void Door::list_remembered(std::vector<std::uint64_t>& marks) const {
  const ExchangePool& exchanges = core_->exchanges;
  for (std::uint32_t slot = 0; slot < exchanges.capacity(); ++slot) {
    const Exchange& exchange = exchanges[slot];
    const RequestKey& key = exchange.key;
    if (exchange.state == ExchangeState::free || is_connection(key.socket)) continue;
    marks.push_back(mark_of({.source = key.source, .local = key.local, .socket = key.socket},
                            key.identifier, exchange.client_authenticator));
  }
}
std::uint32_t Door::unanswered() const noexcept {
  return core_->exchanges.count(ExchangeState::forwarded) +
         core_->exchanges.count(ExchangeState::awaiting_verdict) +
         core_->exchanges.count(ExchangeState::awaiting_storage);
}

}  // namespace sallyport::radius_door
