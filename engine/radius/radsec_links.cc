#include "engine/radius/radsec_links.h"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "engine/limits.h"
#include "engine/radius/server_tls.h"
#include "engine/radius/stream_packets.h"
#include "protocol/check.h"

namespace sallyport::radius_door {
namespace {

constexpr std::string_view kAlpn11 = "radius/1.1";
constexpr std::string_view kTls13 = "TLSv1.3";
constexpr std::uint32_t kMaxStreams = 4'096;

/// A server of TLS 1.3 looks at our certificate when the connection is open for us already.
constexpr std::string_view kClosedText =
    "the server ended it before it answered anything; does it take our certificate, and the name "
    "in it?";

/// How a refusal looks here depends on whose octets cross: those of one server are the same news.
constexpr bool may_be_refusal(ServerReason why) {
  return why == ServerReason::closed || why == ServerReason::handshake;
}

constexpr std::uint64_t owner_of(std::uint16_t link, std::uint16_t number) {
  return std::uint64_t{link} << 16 | number;
}

const ServerTls* tls_of(const Door& door, std::uint16_t link,
                        std::shared_ptr<const ServerTls>& keep) noexcept {
  for (const ServerEntry& server : door.settings().plan.servers)
    if (server.link == link) keep = server.tls;
  return keep.get();
}

}  // namespace

RadsecLinks::RadsecLinks(ring::Ring& ring, RadiusMetrics& metrics, std::uint16_t connections_each)
    : ring_(ring), metrics_(metrics), connections_each_(connections_each) {}

RadsecLinks::~RadsecLinks() = default;

void RadsecLinks::open_streams() {
  auto buffers = ring::BufferPool::open(ring_, {.group = limits::kServerBufferGroup,
                                                .octets_each = limits::kStreamBufferOctets,
                                                .lent = limits::kLentServerBuffers,
                                                .most = limits::kMaxServerBuffers});
  if (!buffers) return spdlog::error("downstream: no connection over TLS: {}", buffers.error());
  buffers_ = std::move(*buffers);
  streams_ = std::make_unique<ring::Streams>(
      ring_, *buffers_,
      ring::StreamsPlan{.first_operation = ring::Operation::server_accept,
                        .max_streams = kMaxStreams});
  packets_.reserve(limits::kServerBatch);
  taken_.reserve(limits::kServerBatch);
}

void RadsecLinks::lay(std::uint16_t link, std::shared_ptr<const ServerTarget> target) {
  if (target == nullptr && link >= links_.size()) return;
  if (streams_ == nullptr && target != nullptr) open_streams();
  if (link >= links_.size()) links_.resize(link + std::size_t{1});
  Link& place = links_[link];
  for (std::uint16_t number = 0; number < place.connections.size(); ++number) end(link, number);
  place.target = std::move(target);
  place.connections.resize(place.target == nullptr ? 0 : connections_each_);
}

// --- A turn ----------------------------------------------------------------------------------

void RadsecLinks::tick(Now now) noexcept {
  now_ = now;
  if (streams_ != nullptr) streams_->tick(now.ms());
}

void RadsecLinks::turn(Now now, Door& door) noexcept {
  // 1. Packets go to the door before it hears of ends: a reply that has come counts.
  // 2. Connections begin last: one that cannot be had is told in the next turn.
  now_ = now;
  door_ = &door;
  if (streams_ != nullptr) {
    for (ring::StreamEvent event; streams_->next_event(event);) handle_event(event);
    hand_over_packets();
  }
  end_doomed();
  for (const Place place : std::exchange(to_begin_, {})) begin(place);
  if (buffers_ != nullptr) buffers_->publish();
}

void RadsecLinks::flush() noexcept {
  if (streams_ != nullptr) streams_->flush();
}

std::optional<std::uint64_t> RadsecLinks::next_deadline_ms() const noexcept {
  if (!to_begin_.empty() || !doomed_.empty()) return 0;  // at once
  return streams_ == nullptr ? std::nullopt : streams_->next_deadline_ms();
}

void RadsecLinks::end_all() noexcept {
  for (std::size_t link = 0; link < links_.size(); ++link) {
    for (std::size_t number = 0; number < links_[link].connections.size(); ++number)
      end(static_cast<std::uint16_t>(link), static_cast<std::uint16_t>(number));
  }
}

void RadsecLinks::shut_down() noexcept {
  if (streams_ != nullptr) streams_->shut_down();
}

void RadsecLinks::begin(Place place) noexcept {
  const Link& link = links_[place.link];
  if (place.number >= link.connections.size()) return;  // laid anew
  Connection& connection = at(place);
  if (connection.stream.valid() || connection.doomed) return;
  const ServerTls* const tls = tls_of(*door_, place.link, connection.tls);
  if (streams_ != nullptr && tls != nullptr) {
    const ServerTarget& target = *link.target;
    connection.stream =
        streams_->connect(target.address, owner_of(place.link, place.number), tls->context.get(),
                          tls->server_name, target.source ? &*target.source : nullptr);
  }
  if (!connection.stream.valid()) doom(place, ServerReason::unreachable);
}

void RadsecLinks::handle_event(const ring::StreamEvent& event) noexcept {
  const Place place{.link = static_cast<std::uint16_t>(event.owner >> 16),
                    .number = static_cast<std::uint16_t>(event.owner)};
  if (place.link >= links_.size() || place.number >= links_[place.link].connections.size()) return;
  Connection& connection = at(place);
  if (connection.stream != event.stream) return;
  switch (event.kind) {
    case ring::StreamEventKind::accepted:
    case ring::StreamEventKind::drained: break;
    case ring::StreamEventKind::connected: handshake_done(place); break;
    case ring::StreamEventKind::received: want_read(place); break;
    case ring::StreamEventKind::ended:
      connection.has_ended = true;
      want_read(place);
      break;
    case ring::StreamEventKind::failed: {
      const ServerReason why =
          reason_of(event.error, streams_->certificate_fault(event.stream), connection.has_spoken);
      if (const std::string text = streams_->tls_error_text(event.stream); !text.empty())
        tell(*links_[place.link].target, why, text);
      if (connection.is_open) want_read(place);
      doom(place, why);
      break;
    }
  }
}

void RadsecLinks::handshake_done(Place place) noexcept {
  Connection& connection = at(place);
  const bool is_11 = streams_->alpn(connection.stream) == kAlpn11;
  // RFC 9765 §3.1: RADIUS/1.1 needs TLS 1.3.
  if (is_11 && streams_->tls_version(connection.stream) != kTls13)
    return doom(place, ServerReason::handshake);
  if (!connection.tls->knows(streams_->peer_certificate(connection.stream)))
    return doom(place, ServerReason::wrong_name);
  connection.is_open = true;
  door_->connected(now_, place.link, place.number,
                   is_11 ? radius::Version::v1_1 : radius::Version::v1_0);
}

// --- Packets ---------------------------------------------------------------------------------

void RadsecLinks::want_read(Place place) noexcept {
  if (!std::exchange(at(place).readable, true)) readable_.push_back(place);
}

void RadsecLinks::hand_over_packets() noexcept {
  // A round looks at what lies in one buffer of each stream; there is another one as long as
  // something was taken.
  do {
    packets_.clear();
    taken_.clear();
    for (const Place place : readable_) collect(place);
    metrics_.datagrams_received.add(packets_.size());
    door_->connection_packets(now_, packets_);
    for (const Taken& taken : taken_) streams_->consume(taken.stream, taken.octets);
  } while (!taken_.empty());
  for (const Place place : readable_) {
    Connection& connection = at(place);
    connection.readable = false;
    if (connection.has_ended && connection.stream.valid()) doom(place, ServerReason::closed);
  }
  readable_.clear();
}

void RadsecLinks::collect(Place place) noexcept {
  Connection& connection = at(place);
  const ring::StreamId stream = connection.stream;
  if (!connection.is_open || !stream.valid()) return;
  if (connection.doomed == ServerReason::malformed) return;
  const std::size_t room = limits::kServerBatch - packets_.size();
  const StreamPackets taken = take_packets(*streams_, stream, room, [&](Octets packet) {
    packets_.push_back({.link = place.link, .source_port = place.number, .octets = packet});
  });
  if (taken.malformed) {
    metrics_.malformed_from_downstream[static_cast<std::size_t>(*taken.malformed)].add();
    doom(place, ServerReason::malformed);
  }
  if (taken.octets == 0) return;
  taken_.push_back({.stream = stream, .octets = taken.octets});
  if (!connection.has_spoken) first_packet(place);
}

// A server of TLS 1.3 may refuse our certificate after the handshake, so that proves little.
void RadsecLinks::first_packet(Place place) noexcept {
  at(place).has_spoken = true;
  const ServerTarget& target = *links_[place.link].target;
  if (target.told.exchange(ServerReason::none) == ServerReason::none) return;
  spdlog::info("downstream: {} ({}) is connected over TLS again", target.name,
               target.address.text());
}

// --- Outbox ----------------------------------------------------------------------------------

void RadsecLinks::connect(std::uint16_t link, std::uint16_t number) noexcept {
  to_begin_.push_back({.link = link, .number = number});
}

void RadsecLinks::send(std::uint16_t link, std::uint16_t number, Octets packet) noexcept {
  CHECK(link < links_.size() && number < links_[link].connections.size());
  const Connection& connection = links_[link].connections[number];
  if (!connection.is_open || connection.doomed) return;
  streams_->send(connection.stream, packet);
  metrics_.datagrams_sent.add();
  if (streams_->unsent(connection.stream) > limits::kMaxUnsentOctets)
    doom({.link = link, .number = number}, ServerReason::stalled);
}

void RadsecLinks::end(std::uint16_t link, std::uint16_t number) noexcept {
  if (link >= links_.size() || number >= links_[link].connections.size()) return;
  Connection& connection = links_[link].connections[number];
  if (connection.stream.valid()) {
    // Nobody waits for its answers any more; a server that takes nothing is not waited for.
    if (connection.doomed == ServerReason::stalled)
      streams_->abort(connection.stream);
    else
      streams_->close(connection.stream);
  }
  const bool was_readable = connection.readable;
  connection = {};
  connection.readable = was_readable;
}

// --- Ends ------------------------------------------------------------------------------------

void RadsecLinks::doom(Place place, ServerReason why) noexcept {
  Connection& connection = at(place);
  if (connection.doomed) return;
  connection.doomed = why;
  doomed_.push_back(place);
}

void RadsecLinks::end_doomed() noexcept {
  for (const Place place : std::exchange(doomed_, {})) {
    if (place.number >= links_[place.link].connections.size()) continue;
    const std::optional<ServerReason> why = at(place).doomed;
    if (!why) continue;
    // Servers close what they need no more. One that has proved nothing is another matter, unless
    // another connection shows that the server takes us.
    if (*why != ServerReason::closed || !speaks(links_[place.link]))
      tell(*links_[place.link].target, *why, {});
    door_->disconnected(now_, place.link, place.number, *why);
  }
}

bool RadsecLinks::speaks(const Link& link) noexcept {
  return std::ranges::any_of(link.connections, &Connection::has_spoken);
}

void RadsecLinks::tell(const ServerTarget& target, ServerReason why,
                       std::string_view detail) noexcept {
  const ServerReason before = target.told.load();
  if (detail.empty() && may_be_refusal(before) && may_be_refusal(why)) return;
  if (target.told.exchange(why) == why) return;
  if (why == ServerReason::closed) detail = kClosedText;
  spdlog::warn("downstream: {} ({}) has no connection over TLS: {}{}{}", target.name,
               target.address.text(), to_text(why), detail.empty() ? "" : ": ", detail);
}

}  // namespace sallyport::radius_door
