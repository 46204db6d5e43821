#include <algorithm>
#include <utility>

#include "engine/radius/door_core.h"
#include "protocol/check.h"
#include "protocol/radius/packet_writer.h"
#include "protocol/radius/stream_frame.h"

namespace sallyport::radius_door {
namespace {

/// RFC 6613 §2.6.5: kept on every connection for the watchdog.
constexpr radius::Identifier kWatchdogIdentifier{0};
/// A link that no settings need any more is looked at so often until nothing is under way on it.
constexpr std::uint64_t kLeaveMs = 1'000;

/// What is wrong with the server itself, however well it has worked before.
bool is_its_fault(ServerReason why) noexcept {
  return why == ServerReason::no_status || why == ServerReason::malformed ||
         why == ServerReason::bad_reply || why == ServerReason::stalled;
}

}  // namespace

// --- Packets of connections ------------------------------------------------------------------

void Door::Core::connection_packets(Now now,
                                    std::span<const DownstreamDatagram> packets_in) noexcept {
  for (auto left = packets_in; !left.empty();) {
    const auto batch = left.first(next_batch(left.size()));
    left = left.subspan(batch.size());
    replies.clear();
    for (const DownstreamDatagram& packet : batch) read_packet(packet);
    digests.run();
    for (const ArrivedReply& arrived : replies) take_packet(now, arrived);
    send_answers(now);
    for (const DoomedConnection& one : doomed) disconnected(now, one.link, one.number, one.why);
    doomed.clear();
  }
  // Identifiers have come free.
  for (const DownstreamDatagram& packet : packets_in) send_waiting(now, packet.link);
}

void Door::Core::read_packet(const DownstreamDatagram& packet) noexcept {
  if (links[packet.link] == nullptr || links[packet.link]->streams == nullptr) return;
  const DownstreamLink& link = *links[packet.link];
  const LinkConnections& connections = link.streams->connections;
  const std::uint16_t number = packet.source_port;
  if (connections.state(number) != ConnectionState::open) return;  // it was ended meanwhile
  const radius::Version version = connections.version(number);
  const auto reply = radius::PacketView::parse(packet.octets, version);
  if (!reply) {
    metrics.malformed_from_downstream[static_cast<std::size_t>(reply.error())].add();
    if (radius::ends_stream(reply.error()))
      doomed.add({.link = packet.link, .number = number, .why = ServerReason::malformed});
    return;
  }
  const Channel channel{.source_port = number,
                        .identifier = version == radius::Version::v1_1
                                          ? LinkConnections::identifier_of(reply->authenticator())
                                          : reply->identifier()};
  const bool to_watchdog = channel.identifier == kWatchdogIdentifier;
  const radius::Authenticator* const question = connections.question(number);
  const ServerEntry* const asked = to_watchdog ? server_of(packet.link) : nullptr;
  const auto slot = link.identifiers.owner(channel);
  // RFC 6613 §2.6.4: what nobody waits for is discarded, and the connection stays.
  if (to_watchdog ? question == nullptr || asked == nullptr : !slot)
    return drop(Drop::reply_unmatched);
  const Exchange* const exchange = to_watchdog ? nullptr : &exchanges[*slot];
  ArrivedReply& arrived = replies.add({.packet = *reply,
                                       .link = packet.link,
                                       .channel = channel,
                                       .slot = to_watchdog ? probe_slot(packet.link) : *slot,
                                       .proof = {}});
  radius::add_response_proof(*reply, to_watchdog ? *asked->key : *server_of(*exchange).key,
                             to_watchdog ? *question : exchange->downstream_authenticator, digests,
                             arrived.proof);
}

void Door::Core::take_packet(Now now, const ArrivedReply& arrived) noexcept {
  const std::uint16_t number = arrived.channel.source_port;
  const bool is_doomed = std::ranges::any_of(doomed, [&](const DoomedConnection& one) {
    return one.link == arrived.link && one.number == number;
  });
  if (is_doomed) return drop(Drop::reply_unmatched);
  DownstreamLink& link = *links[arrived.link];
  const bool to_watchdog = arrived.slot == probe_slot(arrived.link);
  if (!to_watchdog && link.identifiers.owner(arrived.channel) != arrived.slot)
    return drop(Drop::reply_unmatched);
  if (const auto forgery = forged(arrived)) {
    // Another Token is that of an earlier request: a late reply, and no forgery.
    if (arrived.packet.version() == radius::Version::v1_1) return drop(Drop::reply_unmatched);
    doomed.add({.link = arrived.link, .number = number, .why = ServerReason::bad_reply});
    return drop(*forgery);
  }
  if (to_watchdog) return take_watchdog_answer(now, arrived);
  link.streams->connections.heard(number, now.ms());
  take_reply(now, arrived);
}

void Door::Core::take_watchdog_answer(Now now, const ArrivedReply& arrived) noexcept {
  const std::uint16_t number = arrived.channel.source_port;
  DownstreamLink& link = *links[arrived.link];
  LinkConnections& connections = link.streams->connections;
  if (connections.question(number) == nullptr) return drop(Drop::reply_unmatched);
  // RFC 5997 §4.3: of the authentication port, or of the accounting port.
  if (arrived.packet.code() != radius::Code::access_accept &&
      arrived.packet.code() != radius::Code::accounting_response)
    return drop(Drop::reply_wrong_code);
  link.metrics->probe_answers.add();
  connections.status_answered(number, now.ms());
  link.health.status_answered(now.ms());
  if (link.health.state() != ServerState::up)
    connections.ask_soon(number, now.ms(), ServerHealth::kApartMs);
  health_changed(now, arrived.link, false);
}

// --- Connections that come and go ------------------------------------------------------------

void Door::Core::connected(Now now, std::uint16_t link, std::uint16_t number,
                           radius::Version version) noexcept {
  DownstreamLink* const way = links[link].get();
  const bool awaited = way != nullptr && way->streams != nullptr &&
                       way->streams->connections.state(number) == ConnectionState::connecting;
  if (!awaited) return outbox.disconnect(link, number);
  LinkConnections& connections = way->streams->connections;
  connections.opened(number, version, now.ms(), dice());
  way->identifiers.open_port(number);
  metrics.source_ports.add();
  way->metrics->connected.add();
  way->metrics->connections.set(connections.open());
  // RFC 3539 §3.4.1: one that was away proves itself before it is asked first again.
  if (way->health.state() != ServerState::up) connections.ask_soon(number, now.ms(), 0);
  send_waiting(now, link);
  tend(now, link);
}

void Door::Core::disconnected(Now now, std::uint16_t link, std::uint16_t number,
                              ServerReason why) noexcept {
  CHECK(departures.empty());  // nothing of it waits to be sent
  outbox.disconnect(link, number);
  DownstreamLink* const way = links[link].get();
  if (way == nullptr || way->streams == nullptr) return;
  LinkConnections& connections = way->streams->connections;
  const ConnectionState before = connections.state(number);
  if (before == ConnectionState::closed) return;
  const bool was_new = connections.is_new(number, now.ms());
  const bool proved_nothing = connections.ended(number, now.ms(), dice());
  IdentifierPool::Released released;
  if (before == ConnectionState::open) {
    way->identifiers.close_port(number, released);
    metrics.source_ports.set(metrics.source_ports.value() - 1);
  }
  way->metrics->connections.set(connections.open());
  way->metrics->lost.add();
  way->show_outstanding();
  // A server may end a connection that nobody uses. One that does so at once refuses us: by TLS 1.3
  // it sees our certificate only then.
  const bool was_idle = before == ConnectionState::open && why == ServerReason::closed &&
                        released.count == 0 && !was_new;
  if (connections.kept() && ((proved_nothing && !was_idle) || is_its_fault(why)))
    health_changed(now, link, way->health.connection_failed(why, now.ms()));

  for (std::size_t i = 0; i < released.count; ++i) go_on(now, released.slots[i], false);
  if (!connections.any_open()) {
    WaitingRequests& waiting = way->streams->waiting;
    for (std::size_t left = waiting.size(); left > 0; --left) {
      const verify::Ticket ticket = waiting.take().value();
      if (waits(ticket, link)) go_on(now, exchanges.find(ticket).value(), false);
    }
  }
  if (connections.kept()) begin_connection(now, link);
}

void Door::Core::tend(Now now, std::uint16_t link) noexcept {
  DownstreamLink& way = *links[link];
  LinkConnections& connections = way.streams->connections;
  const ServerEntry* const server = server_of(link);
  const bool leaving = server == nullptr || !connections.kept();
  if (leaving && way.identifiers.in_flight() > 0)
    return timers.schedule(probe_slot(link), now.ms() + kLeaveMs);
  for (std::uint16_t number = 0; number < connections.most(); ++number) {
    if (leaving) {
      disconnected(now, link, number, ServerReason::closed);
      continue;
    }
    switch (connections.due(number, now.ms())) {
      case LinkConnections::Due::nothing: break;
      case LinkConnections::Due::ask: watch(now, link, *server, number); break;
      case LinkConnections::Due::silent:
        disconnected(now, link, number, ServerReason::no_status);
        break;
      case LinkConnections::Due::slow:
        disconnected(now, link, number, ServerReason::timed_out);
        break;
    }
  }
  if (!leaving) begin_connection(now, link);
}

// RFC 5997 §3: never sent again; the next one is another request.
void Door::Core::watch(Now now, std::uint16_t link, const ServerEntry& server,
                       std::uint16_t number) noexcept {
  DownstreamLink& way = *links[link];
  LinkConnections& connections = way.streams->connections;
  const bool signs = connections.version(number) == radius::Version::v1_0;
  radius::Authenticator authenticator = connections.token(number, kWatchdogIdentifier);
  if (signs) random.fill(authenticator.octets);
  radius::PacketWriter writer(scratch, radius::Code::status_server, kWatchdogIdentifier);
  if (signs) CHECK(writer.add_message_authenticator());
  CHECK(writer.add(radius::Type::nas_identifier, as_octets("sallyport")));
  const std::size_t octets = signs ? writer.sign_access_request(*server.key, authenticator)
                                   : writer.finish_with_token(authenticator).size();
  connections.asked(number, authenticator, now.ms(), dice());
  way.metrics->probes.add();
  outbox.send_downstream(link, number, Octets(scratch).first(octets));
}

void Door::Core::begin_connection(Now now, std::uint16_t link) noexcept {
  LinkConnections& connections = links[link]->streams->connections;
  if (const auto number = connections.next_to_begin(now.ms())) {
    connections.begun(*number, now.ms());
    outbox.connect(link, *number);
  }
  schedule_look(link);
}

void Door::Core::schedule_look(std::uint16_t link) noexcept {
  const LinkConnections& connections = links[link]->streams->connections;
  if (!connections.kept()) return;  // it is looked at until nothing is under way
  if (const auto next_ms = connections.next_ms())
    timers.schedule(probe_slot(link), *next_ms);
  else
    timers.cancel(probe_slot(link));
}

/// Something speaks against the server: it is asked now, on every connection.
void Door::Core::ask_connections(Now now, std::uint16_t link) noexcept {
  LinkConnections& connections = links[link]->streams->connections;
  for (std::uint16_t number = 0; number < connections.most(); ++number)
    connections.ask_soon(number, now.ms(), 0);
}

// --- Requests that wait ----------------------------------------------------------------------

std::optional<Channel> Door::Core::place_to_wait(std::uint16_t link) noexcept {
  DownstreamLink& way = *links[link];
  if (way.streams == nullptr) return std::nullopt;
  const auto waits_here = [&](verify::Ticket ticket) { return waits(ticket, link); };
  if (!way.streams->waiting.has_room(waits_here)) return std::nullopt;
  return Channel{.source_port = Channel::kWaits, .identifier = {}};
}

bool Door::Core::waits(verify::Ticket ticket, std::uint16_t link) const noexcept {
  const auto slot = exchanges.find(ticket);
  if (!slot || exchanges[*slot].state != ExchangeState::forwarded) return false;
  return exchanges[*slot].channel.waits() && server_of(exchanges[*slot]).link == link;
}

void Door::Core::begin_waiting(Now now, std::uint32_t slot,
                               const radius::UnsignedPacket& packet) noexcept {
  Exchange& exchange = exchanges[slot];
  static_cast<void>(packet.sign());
  copy_octets(stored_packet(exchange).subspan(4, md5::kDigestOctets),
              exchange.downstream_authenticator.octets);
  metrics.forwarded.add();
  CHECK(link_of(exchange).streams->waiting.add(exchanges.ticket(slot)));
  schedule_downstream_timer(now, slot);
}

void Door::Core::go_on(Now now, std::uint32_t slot, bool is_listed) noexcept {
  Exchange& exchange = exchanges[slot];
  exchange.channel = {.source_port = Channel::kWaits, .identifier = {}};
  const std::uint16_t link = server_of(exchange).link;
  StreamSide& streams = *links[link]->streams;
  if (streams.connections.any_open()) {
    const std::optional<Channel> channel = take_channel(now, link, slot);
    if (channel && redirect(now, slot, exchange.server, *channel)) return;
  }
  if (fail_over(now, slot)) return;
  // Without a place it is tried again at its own interval.
  if (!is_listed &&
      streams.waiting.has_room([&](verify::Ticket other) { return waits(other, link); }))
    streams.waiting.add(exchanges.ticket(slot));
  next_interval(exchange);
  schedule_downstream_timer(now, slot);
}

void Door::Core::send_waiting(Now now, std::uint16_t link) noexcept {
  if (links[link] == nullptr || links[link]->streams == nullptr) return;
  StreamSide& streams = *links[link]->streams;
  while (streams.connections.any_open()) {
    const auto ticket = streams.waiting.take();
    if (!ticket) return;
    if (!waits(*ticket, link)) continue;
    const std::uint32_t slot = exchanges.find(*ticket).value();
    const std::optional<Channel> channel = take_channel(now, link, slot);
    if (!channel) return streams.waiting.put_back(*ticket);
    // One that cannot be written ends by its own time-out.
    static_cast<void>(redirect(now, slot, exchanges[slot].server, *channel));
  }
}

// RFC 9765 §4.1: a Token in the place of Identifier and authenticator.
NextHop Door::Core::hop_on_connection(Now now, const ServerEntry& server, Channel channel,
                                      const radius::Authenticator& unpredictable) noexcept {
  LinkConnections& connections = links[server.link]->streams->connections;
  NextHop hop{.key = server.key.get(),
              .identifier = channel.waits() ? radius::Identifier{} : channel.identifier,
              .authenticator = unpredictable,
              .version = radius::Version::v1_0};
  if (channel.waits()) return hop;
  connections.sent(channel.source_port, now.ms());
  if (connections.version(channel.source_port) == radius::Version::v1_0) return hop;
  hop.key = &radius::HopKey::none();
  hop.identifier = {};
  hop.authenticator = connections.token(channel.source_port, channel.identifier);
  hop.version = radius::Version::v1_1;
  return hop;
}

std::uint16_t Door::Core::dice() noexcept {
  std::uint16_t dice;
  random.fill({reinterpret_cast<std::uint8_t*>(&dice), sizeof(dice)});
  return dice;
}

}  // namespace sallyport::radius_door
