#include <algorithm>
#include <array>

#include <openssl/siphash.h>

#include "engine/radius/door_core.h"
#include "protocol/check.h"
#include "protocol/radius/packet_writer.h"
#include "protocol/radius/translate.h"

namespace sallyport::radius_door {
namespace {

/// After the system refused a source port, the next attempt waits: it would cost a system call for
/// every request.
constexpr std::uint64_t kPortRetryMs = 1'000;
/// Requests of a server that went away move to others one after the other within this time.
constexpr std::uint32_t kMoveWithinMs = 200;

/// Equal on every shard, node and start: whoever belongs to a server finds it anywhere.
std::uint64_t seeker_hash(config::HashBy by, const radius::PacketView& request) noexcept {
  std::string_view text;
  if (by == config::HashBy::calling_station)
    text = text_of(request, radius::Type::calling_station_id);
  if (text.empty()) text = text_of(request, radius::Type::user_name);
  constexpr std::uint64_t kKey[2] = {0, 0};
  return SIPHASH_24(kKey, reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

}  // namespace

void Door::Core::pick_server(Now now, ArrivedRequest& arrived) const noexcept {
  const DownstreamPlan& ways = settings[settings.current()].plan;
  std::uint16_t pool = 0;
  if (!ways.routes.empty()) {
    const auto route = ways.routes.find(
        {.realm = split_name(text_of(arrived.packet, radius::Type::user_name)).realm,
         .client = arrived.client->name(),
         .called_station = text_of(arrived.packet, radius::Type::called_station_id)});
    arrived.route = route ? static_cast<std::uint16_t>(*route) : kUnserved;
    if (!route || !ways.targets[*route].pool) return;
    pool = *ways.targets[*route].pool;
  }
  if (arrived.packet.code() == radius::Code::accounting_request)
    pool = ways.pools[pool].for_accounting;
  // Those before it in the batch will have had their turns.
  const auto turn = turns[pool] + static_cast<std::uint32_t>(requests.size() - 1);
  arrived.server = choose(now, ways, pool, arrived.packet, turn, std::nullopt).value();
}

std::uint16_t Door::Core::pick_again(Now now, const ArrivedRequest& arrived) const noexcept {
  const DownstreamPlan& ways = settings[settings.current()].plan;
  const std::uint16_t pool = ways.servers[arrived.server].pool;
  return choose(now, ways, pool, arrived.packet, turns[pool], std::nullopt).value();
}

std::optional<std::uint16_t> Door::Core::choose(
    Now now, const DownstreamPlan& ways, std::uint16_t pool, const radius::PacketView& request,
    std::uint32_t turn, std::optional<std::uint16_t> not_this) const noexcept {
  const PoolEntry& from = ways.pools[pool];
  if (from.servers.size() == 1)
    return from.servers[0] == not_this ? std::nullopt : std::optional(from.servers[0]);
  std::array<Candidate, limits::kMaxDownstreamServers> candidates;
  Seeker seeker = {
      .hash = seeker_hash(from.hash_by, request),
      .conversation = request.has(radius::Type::state) || request.has(radius::Type::eap_message)};
  for (std::size_t i = 0; i < from.servers.size(); ++i) {
    const ServerEntry& server = ways.servers[from.servers[i]];
    const DownstreamLink& link = *links[server.link];
    const bool can_try = link.streams == nullptr || link.streams->connections.any_open();
    candidates[i] = {.state = link.state(),
                     .wants_trial = can_try && link.health.wants_trial(now.ms()),
                     .share = link.health.share(now.ms()),
                     .outstanding = link.identifiers.in_flight(),
                     .priority = server.priority,
                     .name_hash = server.name_hash};
    if (from.servers[i] == not_this) seeker.not_this = i;
  }
  const auto chosen =
      choose_server(from.policy, std::span(candidates).first(from.servers.size()), seeker, turn);
  return chosen ? std::optional(from.servers[*chosen]) : std::nullopt;
}

void Door::Core::answer_unserved(const ArrivedRequest& arrived) noexcept {
  const radius::PacketView& request = arrived.packet;
  if (request.code() != radius::Code::access_request) return drop(Drop::unserved);
  const DownstreamPlan& ways = settings[settings.current()].plan;
  const std::string& routed = arrived.route < ways.targets.size()
                                  ? ways.targets[arrived.route].reject_message
                                  : ways.unserved_message;
  metrics.unserved.add();
  if (settings[settings.current()].audit) {
    const SenderNote note = SenderNote::of(request, text_of(request, radius::Type::user_name));
    tell(line_about(note, *arrived.client, arrived.key, request.code(), Outcome::unserved));
  }
  std::optional<std::uint8_t> eap_identifier;
  if (const auto eap = request.find(radius::Type::eap_message); eap && eap->size() >= 2)
    eap_identifier = (*eap)[1];
  const std::size_t states = radius::copy_proxy_states(request, false, proxy_states);
  const std::size_t octets =
      radius::write_local_reply({.code = radius::Code::access_reject,
                                 .client = *arrived.key_of_hop,
                                 .client_identifier = request.identifier(),
                                 .client_authenticator = request.authenticator(),
                                 .client_proxy_states = Octets(proxy_states).first(states),
                                 .reply_message = routed,
                                 .eap_failure_identifier = eap_identifier},
                                MutableOctets(scratch).first(radius::kMaxPacketOctets));
  if (octets == 0) return drop(Drop::untranslatable);
  metrics.rejects.add();
  outbox.send_to_client(*arrived.path, Octets(scratch).first(octets));
}

std::optional<std::string_view> Door::Core::name_for_downstream(
    const ArrivedRequest& arrived) const noexcept {
  const DownstreamPlan& ways = settings[settings.current()].plan;
  if (arrived.route >= ways.targets.size() || !ways.targets[arrived.route].strip_realm ||
      !arrived.packet.has(radius::Type::user_name))
    return std::nullopt;
  return split_name(text_of(arrived.packet, radius::Type::user_name)).user;
}

std::optional<Channel> Door::Core::take_channel(Now now, std::uint16_t link,
                                                std::uint32_t slot) noexcept {
  DownstreamLink& way = *links[link];
  if (way.identifiers.wants_port() && now.ms() >= way.next_port_attempt_ms) {
    if (way.streams != nullptr) {
      way.streams->connections.want_more();
      begin_connection(now, link);
    } else if (outbox.open_source_port(link)) {
      way.identifiers.add_port();
      metrics.source_ports.add();
    } else {
      way.next_port_attempt_ms = now.ms() + kPortRetryMs;
    }
  }
  return way.identifiers.take(slot, now.ms());
}

void Door::Core::overdue(Now now, std::uint32_t slot) noexcept {
  const Exchange& exchange = exchanges[slot];
  if (exchange.channel.waits()) return go_on(now, slot, true);
  const std::uint16_t link = server_of(exchange).link;
  const std::uint64_t sent_ms = exchange.received_ns / 1'000'000 + exchange.sent_after_ms;
  health_changed(now, link, links[link]->health.unanswered(sent_ms, now.ms()));
  if (fail_over(now, slot)) return;
  // Accounting is retransmitted by the client alone (RFC 5080 §2.2.1: MRC = 0), but for a client
  // that must not: on a connection nothing is sent twice (RFC 6613 §2.6.1), by us neither.
  const bool may_repeat = links[link]->streams == nullptr;
  if (may_repeat &&
      (exchange.code == radius::Code::access_request || is_connection(exchange.key.socket)))
    return retransmit(now, slot);
  next_interval(exchanges[slot]);
  schedule_downstream_timer(now, slot);
}

// A request to another server is another request (RFC 2865 §2.5, RFC 5080 §2.2.1): a new
// Identifier, a new authenticator, and what is hidden in it hidden anew. A reply of the first
// server comes too late from here on.
bool Door::Core::fail_over(Now now, std::uint32_t slot) noexcept {
  Exchange& exchange = exchanges[slot];
  if (link_of(exchange).state() == ServerState::up) return false;
  const DownstreamPlan& ways = settings[exchange.settings].plan;
  const std::uint16_t pool = ways.servers[exchange.server].pool;
  const auto next = choose(now, ways, pool, sent_request(exchange), turns[pool], exchange.server);
  if (!next) return false;
  const std::uint16_t link = ways.servers[*next].link;
  if (links[link]->state() != ServerState::up) return false;
  const std::optional<Channel> channel = take_channel(now, link, slot);
  if (!channel) return false;
  const std::uint16_t from = server_of(exchange).link;
  const Channel before = exchange.channel;
  if (!redirect(now, slot, *next, *channel)) return false;
  links[from]->reserve(before, reply_deadline_ms(exchange));
  links[from]->metrics->failed_over.add();
  links[from]->show_outstanding();
  ++turns[pool];
  metrics.failed_over.add();
  return true;
}

bool Door::Core::redirect(Now now, std::uint32_t slot, std::uint16_t index,
                          Channel channel) noexcept {
  Exchange& exchange = exchanges[slot];
  const ServerEntry& server = settings[exchange.settings].plan.servers[index];
  const radius::PacketView request = sent_request(exchange);
  const radius::HopKey& before = downstream_key(exchange);
  radius::Authenticator authenticator;
  random.fill(authenticator.octets);
  const NextHop hop = next_hop(now, server, channel, authenticator);
  const PacketStore::Handle block = packets.take(radius::room_for(request, before, *hop.key, 0));
  const auto written = radius::write_request(request,
                                             {.client = before,
                                              .downstream = *hop.key,
                                              .identifier = hop.identifier,
                                              .authenticator = hop.authenticator,
                                              .proxy_state = {}},
                                             packets.block(block));
  DownstreamLink& link = *links[server.link];
  if (!written) {
    packets.give_back(block);
    link.give_back_unused(channel);
    return false;
  }
  const std::size_t octets = written->sign();
  copy_octets(Octets(packets.block(block)).subspan(4, hop.authenticator.octets.size()),
              exchange.downstream_authenticator.octets);
  exchange.channel = channel;
  exchange.server = index;
  exchange.downstream_version = hop.version;
  exchange.sent_after_ms = static_cast<std::uint32_t>(now.ms() - exchange.received_ns / 1'000'000);
  keep(exchange, block, 0, octets);
  link.metrics->forwarded.add();
  link.show_outstanding();
  outbox.send_downstream(server.link, channel.source_port, stored_packet(exchange));
  next_interval(exchange);
  schedule_downstream_timer(now, slot);
  return true;
}

void Door::Core::unreachable(Now now, std::uint16_t link) noexcept {
  if (links[link] == nullptr) return;
  links[link]->metrics->unreachable.add();
  health_changed(now, link, links[link]->health.unreachable(now.ms()));
}

void Door::Core::health_changed(Now now, std::uint16_t link, bool left_up) noexcept {
  DownstreamLink& way = *links[link];
  way.metrics->state.set(static_cast<std::uint64_t>(way.health.state()));
  way.metrics->reason.set(static_cast<std::uint64_t>(way.health.reason()));
  const ServerEntry* const server = server_of(link);
  const bool is_down = way.health.state() == ServerState::down;
  if (server != nullptr && way.streams == nullptr && way.told_down != is_down) {
    way.told_down = is_down;
    outbox.server_changed(link, is_down, way.health.reason());
  }
  const auto probe_ms = way.health.next_probe_ms();
  if (way.streams != nullptr) {
    if (left_up) ask_connections(now, link);
    schedule_look(link);
  } else if (probe_ms && server != nullptr) {
    timers.schedule(probe_slot(link), *probe_ms);
  } else {
    timers.cancel(probe_slot(link));
  }
  if (!left_up || server == nullptr) return;
  // Its pool is of the same settings as the server: they may not be taken into use yet.
  if (settings[settings.current()].plan.pools[server->pool].servers.size() == 1) return;
  // What waits there is looked at now, not after its own interval. It moves where it can.
  std::uint32_t moved = 0;
  way.identifiers.for_each_owner([&](std::uint32_t slot) {
    if (slot < exchanges.capacity() && exchanges[slot].retransmit_ms > 0)
      timers.schedule(slot, now.ms() + 1 + moved++ % kMoveWithinMs);
  });
}

void Door::Core::probe(Now now, std::uint16_t link) noexcept {
  const ServerEntry* const server = server_of(link);
  if (links[link] == nullptr) return;
  DownstreamLink& way = *links[link];
  if (way.streams != nullptr) return tend(now, link);
  if (server == nullptr) return;
  bool left_up = false;
  const bool due = way.health.probe_due(now.ms(), dice(), left_up);
  health_changed(now, link, left_up);
  if (!due) return;
  // RFC 5997 §3: never sent again; the next one is another request.
  if (way.probe) way.identifiers.give_back(*std::exchange(way.probe, std::nullopt));
  way.probe = take_channel(now, link, probe_slot(link));
  if (!way.probe) return;  // so many are in flight that replies tell more
  random.fill(way.probe_authenticator.octets);
  radius::PacketWriter writer(scratch, radius::Code::status_server, way.probe->identifier);
  CHECK(writer.add_message_authenticator());
  CHECK(writer.add(radius::Type::nas_identifier, as_octets("sallyport")));
  const std::size_t octets = writer.sign_access_request(*server->key, way.probe_authenticator);
  way.metrics->probes.add();
  outbox.send_downstream(link, way.probe->source_port, Octets(scratch).first(octets));
}

void Door::Core::take_probe_answer(Now now, const ArrivedReply& arrived) noexcept {
  DownstreamLink& way = *links[arrived.link];
  if (const auto forgery = forged(arrived)) return drop(*forgery);
  // RFC 5997 §4.3: of the authentication port, or of the accounting port.
  if (arrived.packet.code() != radius::Code::access_accept &&
      arrived.packet.code() != radius::Code::accounting_response)
    return drop(Drop::reply_wrong_code);
  way.identifiers.give_back(*std::exchange(way.probe, std::nullopt));
  way.metrics->probe_answers.add();
  way.health.status_answered(now.ms());
  health_changed(now, arrived.link, false);
}

const ServerEntry* Door::Core::server_of(std::uint16_t link) const noexcept {
  for (const ServerEntry& server : settings[settings.current()].plan.servers)
    if (server.link == link) return &server;
  return nullptr;
}

void Door::Core::take_settings_into_use(Now now) noexcept {
  in_use = settings.number();
  const DownstreamPlan& ways = settings[settings.current()].plan;
  for (std::uint16_t link = 0; link < links.size(); ++link) {
    timers.cancel(probe_slot(link));
    if (links[link] == nullptr || links[link]->streams == nullptr) continue;
    links[link]->streams->connections.keep(server_of(link) != nullptr);
    timers.schedule(probe_slot(link), now.ms());
  }
  for (const ServerEntry& server : ways.servers) {
    CHECK(links[server.link] != nullptr);
    const PoolEntry& pool = ways.pools[server.pool];
    DownstreamLink& way = *links[server.link];
    HealthRules rules = pool.health;
    if (way.streams != nullptr) {
      // Its connections have a watchdog each.
      way.streams->connections.set_rules(
          {.status_server = pool.watchdog, .interval_ms = rules.probe_interval_ms});
      rules.status_server = config::StatusServer::no;
    }
    way.health.set_rules(rules);
    if (way.streams == nullptr) health_changed(now, server.link, false);
  }
}

}  // namespace sallyport::radius_door
