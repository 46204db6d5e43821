#include "engine/radius/radsec.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "engine/limits.h"
#include "engine/radius/stream_packets.h"
#include "protocol/check.h"
#include "protocol/http/proxy_protocol.h"
#include "verify/clock.h"

namespace sallyport::radius_door {
namespace {

constexpr std::size_t kMaxProxyHeader = http::kProxyFixedOctets + http::kMaxProxyRestOctets;
/// RFC 9765 §3.1: who offers nothing, or this, speaks RADIUS as before it.
constexpr std::string_view kAlpn11 = "radius/1.1";

/// What rules could be about, as they are written.
std::string shown_by(const ring::TlsPeer& peer) {
  if (!peer.psk_identity.empty()) return "psk_identity " + peer.psk_identity;
  std::string text = "cn:" + peer.common_name;
  for (const std::string& name : peer.dns_names) text += " dns:" + name;
  for (const std::string& uri : peer.uris) text += " uri:" + uri;
  return text;
}

}  // namespace

/// Streams stops accepting at 7/8 of its places; those that linger hold one, too.
std::uint16_t connection_numbers(std::uint32_t max_connections) noexcept {
  const std::size_t wanted = std::size_t{max_connections} * 8 / 7 + 8;
  return static_cast<std::uint16_t>(std::min(wanted, limits::kMaxRadsecStreamsPerShard));
}

// --- Set-up: main thread ---------------------------------------------------------------------

Radsec::Radsec(RadsecPlan plan, RadiusMetrics& metrics, std::uint64_t now_ms)
    : sockets_(std::move(plan.sockets)),
      listener_of_(std::move(plan.listener_of)),
      max_handshakes_(std::max(plan.max_connections / 4, 4u)),
      metrics_(metrics),
      connections_(connection_numbers(plan.max_connections)),
      timers_(connection_numbers(plan.max_connections), now_ms) {
  readable_.reserve(connections_.size());
  doomed_.reserve(connections_.size());
  packets_.reserve(limits::kRadsecBatch);
  taken_.reserve(limits::kRadsecBatch);
}

Radsec::~Radsec() = default;

std::expected<std::unique_ptr<Radsec>, std::string> Radsec::open(RadsecPlan plan, ring::Ring& ring,
                                                                 RadiusMetrics& metrics) {
  CHECK(plan.sockets.size() == plan.listener_of.size() && plan.max_connections > 0);
  const std::uint32_t numbers = connection_numbers(plan.max_connections);
  std::unique_ptr<Radsec> radsec(
      new Radsec(std::move(plan), metrics, verify::monotonic_ns() / 1'000'000));
  auto buffers = ring::BufferPool::open(
      ring,
      {.group = limits::kRadsecBufferGroup,
       .octets_each = limits::kStreamBufferOctets,
       .lent = limits::kLentRadsecBuffers,
       .most = std::clamp(2 * numbers, limits::kMinRadsecBuffers, limits::kMaxRadsecBuffers)});
  if (!buffers) return std::unexpected(std::move(buffers.error()));
  radsec->buffers_ = std::move(*buffers);
  radsec->streams_ = std::make_unique<ring::Streams>(
      ring, *radsec->buffers_,
      ring::StreamsPlan{.first_operation = ring::Operation::radsec_accept, .max_streams = numbers});
  return radsec;
}

// --- A turn: the shard's thread --------------------------------------------------------------

void Radsec::enter() {
  for (std::uint16_t index = 0; index < sockets_.size(); ++index) {
    streams_->listen(index, sockets_[index].get());
  }
}

void Radsec::turn(Now now, Door& door) noexcept {
  // 1. What streams brought goes to the door in as few calls as can be; buffers are read in place.
  // 2. A connection ends after the door has seen all of the turn's packets: none of its exchanges
  //    is then on its way out.
  door_ = &door;
  for (ring::StreamEvent event; streams_->next_event(event);) handle_event(event);
  hand_over_packets();
  timers_.advance(now.ms(), [this](std::uint32_t index) { timer_fired(index); });
  if (parting_ && now.ms() >= look_ms_) look_who_parts();
  end_doomed();
  buffers_->publish();
  metrics_.radsec_connections.set(open_);
}

std::optional<std::uint64_t> Radsec::next_deadline_ms() const noexcept {
  auto own = timers_.next_deadline_ms();
  if (parting_ && open_ > 0) own = std::min(own.value_or(look_ms_), look_ms_);
  const auto streams = streams_->next_deadline_ms();
  if (!own || !streams) return own ? own : streams;
  return std::min(*own, *streams);
}

void Radsec::drain() noexcept { streams_->stop_listening(); }

void Radsec::end_all(Now now, Door& door) noexcept {
  now_ = now;
  door_ = &door;
  for (std::uint32_t index = 0; index < connections_.size(); ++index) {
    if (connections_[index].state != State::free) end(index, RadsecEnd::draining);
  }
}

void Radsec::handle_event(const ring::StreamEvent& event) noexcept {
  const std::uint32_t index = event.stream.index;
  if (event.kind == ring::StreamEventKind::accepted) return accepted(event);
  Connection& connection = connections_[index];
  if (connection.state == State::free || connection.stream != event.stream) return;
  switch (event.kind) {
    case ring::StreamEventKind::accepted: break;
    case ring::StreamEventKind::connected: handshake_done(index); break;
    case ring::StreamEventKind::received:
      connection.heard_ms = now_.ms();
      if (connection.state == State::proxy_header) read_proxy_header(index);
      want_read(index);
      break;
    case ring::StreamEventKind::drained:
      if (!std::exchange(connection.stalled, false)) break;
      if (!connection.unread) streams_->resume(event.stream);
      timers_.schedule(index, now_.ms() + settings().idle_timeout_ms);
      want_read(index);
      break;
    case ring::StreamEventKind::ended:
      connection.ended = true;
      if (in_handshake(connection)) doom(connection, RadsecEnd::peer);
      want_read(index);
      break;
    case ring::StreamEventKind::failed: failed(index, event.error); break;
  }
}

void Radsec::accepted(const ring::StreamEvent& event) noexcept {
  const std::uint32_t index = event.stream.index;
  Connection& connection = connections_[index];
  CHECK(connection.state == State::free);
  connection = {};
  connection.stream = event.stream;
  connection.listener = listener_of_[event.listener];
  connection.source = streams_->peer(event.stream);
  connection.local = streams_->local(event.stream).address;
  connection.heard_ms = now_.ms();
  const auto& balancers = settings().listeners[connection.listener].proxy_protocol_from;
  const bool by_balancer = std::ranges::any_of(
      balancers, [&](const Prefix& prefix) { return prefix.contains(connection.source.address); });
  connection.state = by_balancer ? State::proxy_header : State::handshake;
  ++open_;
  if (++handshakes_ > max_handshakes_) return doom(connection, RadsecEnd::handshakes);
  timers_.schedule(index, now_.ms() + settings().handshake_timeout_ms);
  if (!by_balancer) start_tls(index);
}

void Radsec::start_tls(std::uint32_t index) noexcept {
  Connection& connection = connections_[index];
  connection.state = State::handshake;
  streams_->start_tls(connection.stream, *settings().listeners[connection.listener].tls);
}

void Radsec::read_proxy_header(std::uint32_t index) noexcept {
  Connection& connection = connections_[index];
  const std::size_t there = std::min(streams_->received_total(connection.stream), kMaxProxyHeader);
  if (there == 0 || !streams_->gather(connection.stream, there)) return;
  const auto header = http::read_proxy_header(streams_->received(connection.stream));
  if (!header) return doom(connection, RadsecEnd::proxy_header);
  if (!*header) return;
  switch ((*header)->kind) {
    case http::ProxyHeader::Kind::local: break;
    // Somebody who cannot say from where must not be taken for the balancer.
    case http::ProxyHeader::Kind::unknown: connection.source = {}; break;
    case http::ProxyHeader::Kind::ip:
      connection.source = (*header)->source;
      connection.local = (*header)->destination.address;
      break;
  }
  streams_->consume(connection.stream, (*header)->octets);
  start_tls(index);
}

void Radsec::handshake_done(std::uint32_t index) noexcept {
  Connection& connection = connections_[index];
  if (connection.doomed) return;
  connection.version =
      streams_->alpn(connection.stream) == kAlpn11 ? radius::Version::v1_1 : radius::Version::v1_0;
  const ring::TlsPskPeer psk = streams_->psk_peer(connection.stream);
  const Octets certificate = streams_->peer_certificate(connection.stream);
  if (!psk.identity.empty()) {
    connection.peer = {.sha256 = psk.key_sha256, .psk_identity = std::string(psk.identity)};
  } else if (certificate.empty() || !ring::read_tls_peer(certificate, connection.peer)) {
    return doom(connection, RadsecEnd::certificate);
  }
  if (!client_is_known(connection)) {
    const bool told = metrics_.refusals.wants(Refusal::unfit);
    metrics_.refusals.note(Refusal::unfit, connection.source,
                           told ? shown_by(connection.peer) : std::string());
    return doom(connection, RadsecEnd::unknown_client);
  }
  connection.state = State::open;
  connection.opened_ms = now_.ms();
  --handshakes_;
  metrics_.radsec_handshakes.add();
  timers_.schedule(index, now_.ms() + settings().idle_timeout_ms);
  want_read(index);
}

void Radsec::failed(std::uint32_t index, ring::StreamError error) noexcept {
  Connection& connection = connections_[index];
  // Many clients close without close_notify. Packets tell their own length, so nothing is cut
  // short.
  const bool closed = error == ring::StreamError::truncated;
  RadsecEnd reason = closed ? RadsecEnd::peer : RadsecEnd::broken;
  if (connection.state == State::handshake) {
    if (error == ring::StreamError::tls_handshake) reason = RadsecEnd::handshake;
    if (error == ring::StreamError::tls_certificate) reason = RadsecEnd::certificate;
    note_refusal(connection, reason);
  }
  doom(connection, reason);
}

void Radsec::note_refusal(const Connection& connection, RadsecEnd reason) noexcept {
  if (reason == RadsecEnd::certificate) {
    metrics_.refusals.note(Refusal::untrusted_certificate, connection.source,
                           streams_->tls_error_text(connection.stream));
  }
  const std::string_view identity = streams_->psk_peer(connection.stream).identity;
  if (reason == RadsecEnd::handshake && !identity.empty())
    metrics_.refusals.note(Refusal::unknown_identity, connection.source, identity);
}

// --- Packets ---------------------------------------------------------------------------------

void Radsec::want_read(std::uint32_t index) noexcept {
  if (!std::exchange(connections_[index].readable, true)) readable_.push_back(index);
}

/// The client's entry by the settings in force now; they may have changed since it was found.
bool Radsec::client_is_known(Connection& connection) noexcept {
  const std::uint32_t number = door_->settings_number();
  if (connection.client == nullptr || connection.settings_number != number) {
    connection.client = settings().clients.find(connection.peer, connection.source.address);
    connection.settings_number = number;
  }
  return connection.client != nullptr;
}

void Radsec::hand_over_packets() noexcept {
  // A round looks at what lies in one buffer of each stream; there is another one as long as
  // something was taken.
  do {
    packets_.clear();
    taken_.clear();
    for (const std::uint32_t index : readable_) collect(index);
    door_->client_datagrams(now_, packets_);
    for (const Taken& taken : taken_) {
      streams_->consume(connections_[taken.connection].stream, taken.octets);
    }
  } while (!taken_.empty());
  for (const std::uint32_t index : readable_) {
    Connection& connection = connections_[index];
    connection.readable = false;
    // What is left is the beginning of a packet that will never be whole. Answers that are still
    // owed have nowhere to go: a client that ends its side is done (RFC 6613 §2.6.4).
    if (connection.ended && !connection.stalled) doom(connection, RadsecEnd::peer);
  }
  readable_.clear();
}

void Radsec::collect(std::uint32_t index) noexcept {
  Connection& connection = connections_[index];
  const ring::StreamId stream = connection.stream;
  if (connection.state != State::open || connection.doomed || connection.stalled) return;
  const std::size_t room = limits::kRadsecBatch - packets_.size();
  if (room == 0 || streams_->received_total(stream) < radius::kFrameHeadOctets) return;
  if (!client_is_known(connection)) return doom(connection, RadsecEnd::unknown_client);
  const StreamPackets taken = take_packets(*streams_, stream, room, [&](Octets packet) {
    packets_.push_back({.path = {.source = connection.source,
                                 .local = connection.local,
                                 .socket = socket_of(index)},
                        .octets = packet,
                        .client = connection.client,
                        .version = connection.version});
  });
  if (taken.malformed) {
    metrics_.malformed_from_client[static_cast<std::size_t>(*taken.malformed)].add();
    doom(connection, RadsecEnd::malformed);
  }
  if (taken.octets > 0) taken_.push_back({.connection = index, .octets = taken.octets});
}

void Radsec::send(std::uint16_t socket, Octets packet) noexcept {
  const std::uint32_t index = socket - ClientPath::kFirstConnection;
  Connection& connection = connections_[index];
  if (connection.state != State::open || connection.doomed) return;
  streams_->send(connection.stream, packet);
  metrics_.datagrams_sent.add();
  if (streams_->writable(connection.stream) || std::exchange(connection.stalled, true)) return;
  // Nothing more is asked of us until the client has taken what it asked for.
  streams_->pause(connection.stream);
  timers_.schedule(index, now_.ms() + settings().handshake_timeout_ms);
}

// --- Ends ------------------------------------------------------------------------------------

void Radsec::timer_fired(std::uint32_t index) noexcept {
  Connection& connection = connections_[index];
  if (connection.state == State::free) return;
  if (in_handshake(connection)) return doom(connection, RadsecEnd::handshake_timeout);
  if (connection.stalled) {
    const std::uint64_t until =
        streams_->progress_ms(connection.stream) + settings().handshake_timeout_ms;
    if (until <= now_.ms()) return doom(connection, RadsecEnd::stalled);
    return timers_.schedule(index, until);
  }
  const std::uint64_t until = connection.heard_ms + settings().idle_timeout_ms;
  const bool owes = door_->owed(socket_of(index)) != Owed::nothing;
  if (until <= now_.ms() && !owes) return doom(connection, RadsecEnd::idle);
  timers_.schedule(index, std::max(until, now_.ms() + 1'000));
}

void Radsec::look_who_parts() noexcept {
  look_ms_ = now_.ms() + Parting::kPeriodMs;
  for (std::uint32_t index = 0; index < connections_.size(); ++index) {
    Connection& connection = connections_[index];
    if (connection.state == State::free || connection.doomed) continue;
    // In its handshake it waits for what it has not asked yet.
    Owed owed = in_handshake(connection) ? Owed::reply : door_->owed(socket_of(index));
    if (codes_out_ && !in_handshake(connection)) owed = Owed::verdict;
    const Parting::Connection parts{
        .owed = owed, .opened_ms = connection.opened_ms, .heard_ms = connection.heard_ms};
    switch (parting_->step(parts, now_.ms())) {
      case PartingStep::serve: break;
      case PartingStep::stop_reading:
        if (!in_handshake(connection) && !std::exchange(connection.unread, true))
          streams_->pause(connection.stream);
        break;
      case PartingStep::end: doom(connection, RadsecEnd::draining); break;
    }
  }
}

void Radsec::doom(std::uint16_t socket, RadsecEnd reason) noexcept {
  doom(connections_[socket - ClientPath::kFirstConnection], reason);
}

void Radsec::doom(Connection& connection, RadsecEnd reason) noexcept {
  if (connection.doomed || connection.state == State::free) return;
  connection.doomed = reason;
  doomed_.push_back(static_cast<std::uint32_t>(&connection - connections_.data()));
}

void Radsec::end_doomed() noexcept {
  for (const std::uint32_t index : doomed_) end(index, *connections_[index].doomed);
  doomed_.clear();
}

void Radsec::end(std::uint32_t index, RadsecEnd reason) noexcept {
  Connection& connection = connections_[index];
  metrics_.radsec_ended[static_cast<std::size_t>(reason)].add();
  if (in_handshake(connection)) --handshakes_;
  door_->connection_ended(now_, socket_of(index));
  timers_.cancel(index);
  // What the door has answered before goes out first, and then an orderly end.
  if (reason == RadsecEnd::stalled || reason == RadsecEnd::handshakes) {
    streams_->abort(connection.stream);
  } else {
    streams_->close(connection.stream);
  }
  connection = {};
  --open_;
}

}  // namespace sallyport::radius_door
