// The spool's thread.

#include <algorithm>
#include <utility>

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "engine/limits.h"
#include "engine/radius/spool/spool_core.h"
#include "protocol/check.h"
#include "verify/clock.h"
#include "verify/thread.h"

namespace sallyport::radius_door {
namespace {

/// Records of one commit. What a disk takes in one go costs little more than one record.
constexpr std::size_t kMaxBatch = 1'024;
/// Datagrams that are read from one socket before the others have their turn.
constexpr int kRepliesPerTurn = 512;
constexpr std::uint64_t kTidyEveryMs = 1'000;
constexpr std::uint32_t kSweepStep = 20'000;  ///< more than are stored in that time

}  // namespace

void Spool::Impl::run() {
  verify::begin_thread("accounting");
  if (!database && !open_when_free()) return;
  while (!stopping.load(std::memory_order_acquire)) {
    take_turn();
    wait();
  }
  finish();
}

void Spool::Impl::take_turn() {
  // 1. Acknowledgements come before new records: they make room.
  // 2. A shard hears of a record after the commit, never before.
  // 3. What leaves for the server has been committed.
  take_target();
  receive();
  take_records();
  write();
  answer();
  if (!calm.load(std::memory_order_acquire)) depart();
  report();
}

/// Whoever has been told nothing yet is; the shards send no more.
void Spool::Impl::finish() {
  while (!std::ranges::all_of(rings, [](const auto& ring) { return ring->empty(); })) {
    take_records();
    write();
    answer();
  }
  receive();
  batch.clear();
  write();
}

void Spool::Impl::take_target() {
  std::optional<Retarget> next;
  {
    const std::scoped_lock lock(mutex);
    next = std::exchange(next_target, std::nullopt);
  }
  if (!next) return;
  target = std::move(next->target);
  if (next->sockets.empty()) return;  // new clients alone
  sockets = std::move(next->sockets);
  delivery.restart(target.retransmit_ms);
}

void Spool::Impl::receive() {
  for (std::uint32_t socket = 0; socket < sockets.size(); ++socket) {
    for (int count = 0; count < kRepliesPerTurn; ++count) {
      const ssize_t octets =
          ::recv(sockets[socket].get(), incoming.data(), incoming.size(), MSG_DONTWAIT);
      // Nothing more, or an ICMP error about what was sent: that is sent again in its time.
      if (octets < 0) break;
      take_reply(socket, Octets(incoming).first(static_cast<std::size_t>(octets)));
    }
  }
}

void Spool::Impl::take_reply(std::uint32_t socket, Octets datagram) {
  const auto reply = radius::PacketView::parse(datagram);
  if (!reply || reply->code() != radius::Code::accounting_response) {
    return metrics.bad_replies.add();
  }
  const DeliveryChannel channel{socket * 256 + reply->identifier().value};
  if (!delivery.waits_on(channel)) return metrics.bad_replies.add();
  radius::Authenticator sent;
  copy_octets(Octets(under_way[channel.number]).subspan(4, sent.octets.size()), sent.octets);
  if (radius::verify_response(*reply, *target.key, sent) != radius::Authenticity::authentic) {
    return metrics.bad_replies.add();
  }
  if (const auto record = delivery.acknowledged(channel, verify::monotonic_ms())) {
    acknowledged.push_back(*record);
  }
}

void Spool::Impl::take_records() {
  batch.clear();
  StorageRequest request;
  for (const auto& ring : rings) {
    while (batch.size() < kMaxBatch && ring->pop(request, scratch)) take_record(request);
  }
}

void Spool::Impl::take_record(const StorageRequest& request) {
  const auto packet = radius::PacketView::parse(request.packet);
  CHECK(packet.has_value());  // the door has parsed it
  SpoolArrival& arrival =
      batch.emplace_back(SpoolArrival{.ticket = request.ticket,
                                      .client = request.client,
                                      .packet = {request.packet.begin(), request.packet.end()},
                                      .names = names_of(request.client, *packet)});
  if (delivery.waiting() + batch.size() > settings.max_records) return metrics.refused_full.add();
  // Acknowledged now, it must be possible to send it later, whatever the keys are then.
  std::array<std::uint8_t, radius::kMaxPacketOctets> out;
  const auto written = write_delivery(*packet,
                                      {.client = *target.key,
                                       .server = *target.key,
                                       .identifier = {},
                                       .proxy_state = proxy_state,
                                       .waited_s = 1},
                                      out);
  if (!written) return metrics.refused.add();
  arrival.storable = true;
}

void Spool::Impl::write() {
  const bool tidy = verify::monotonic_ms() >= tidy_at_ms;
  const bool storable = std::ranges::any_of(batch, &SpoolArrival::storable);
  if (!storable && acknowledged.empty() && !tidy) return;
  auto committed = commit(true);
  if (!committed && storable) {
    for (const SpoolArrival& arrival : batch) {
      if (!arrival.storable) continue;
      (committed.error() == SpoolError::full ? metrics.refused_full : metrics.refused).add();
    }
    // What was delivered makes room, if it can be written alone.
    static_cast<void>(commit(false));
  }
  if (!committed) {
    last_error = committed.error();
  } else if (storable) {
    last_error.reset();
  }
}

std::expected<void, SpoolError> Spool::Impl::commit(bool with_records) {
  auto done = write_all(with_records);
  if (!done) {
    database->roll_back();
    return done;
  }
  done = database->commit();
  if (!done) return done;
  metrics.delivered.add(acknowledged.size());
  acknowledged.clear();
  if (!with_records) return {};
  for (SpoolArrival& arrival : batch) {
    if (!arrival.storable) continue;
    arrival.stored = true;
    (arrival.id != 0 ? metrics.stored : metrics.known).add();
    if (arrival.id != 0) delivery.add(arrival.id, arrival.names.session);
  }
  return {};
}

std::expected<void, SpoolError> Spool::Impl::write_all(bool with_records) {
  const std::uint64_t now_ms = verify::unix_ms();
  auto done = database->begin();
  for (const std::uint64_t record : acknowledged) {
    if (done) done = database->delivered(record);
  }
  if (done && verify::monotonic_ms() >= tidy_at_ms) done = database->sweep(now_ms, kSweepStep);
  if (!done || !with_records) return done;
  for (SpoolArrival& arrival : batch) {
    if (!arrival.storable) continue;
    const auto id = database->store(arrival.names, arrival.client, arrival.packet, now_ms);
    if (!id) return std::unexpected(id.error());
    arrival.id = id->value_or(0);
  }
  return {};
}

void Spool::Impl::answer() {
  // One that finds no room is answered when the client asks again: its record is known.
  for (const SpoolArrival& arrival : batch) {
    static_cast<void>(sink->deliver({.ticket = arrival.ticket, .stored = arrival.stored}));
  }
}

void Spool::Impl::depart() {
  const std::uint64_t now_ms = verify::monotonic_ms();
  while (const auto channel = delivery.repeat(now_ms)) {
    metrics.retransmitted.add();
    send(*channel);
  }
  while (const auto departure = delivery.next(now_ms)) send_first(*departure);
}

void Spool::Impl::send_first(const Delivery::Departure& departure) {
  const auto record = database->read(departure.record);
  const std::size_t octets = record ? write_record(*record, departure.channel) : 0;
  if (octets == 0) {
    metrics.unreadable.add();
    spdlog::error("accounting: record {} of {} cannot be read; it stays there", departure.record,
                  settings.spool);
    return delivery.give_up(departure.channel);
  }
  const Octets written = Octets(scratch).first(octets);
  under_way[departure.channel.number].assign(written.begin(), written.end());
  metrics.sent.add();
  send(departure.channel);
}

/// The record for the server, in `scratch`; its length, 0: it is none.
std::size_t Spool::Impl::write_record(const SpoolDatabase::Record& record,
                                      DeliveryChannel channel) {
  const auto packet = radius::PacketView::parse(as_octets(record.packet));
  if (!packet) return 0;
  const ClientEntry* const client = target.clients->find(record.client);
  const std::uint64_t now_ms = verify::unix_ms();
  const std::uint64_t waited_ms = now_ms > record.stored_ms ? now_ms - record.stored_ms : 0;
  return write_delivery(*packet,
                        {.client = client != nullptr ? client->key : *target.key,
                         .server = *target.key,
                         .identifier = {channel.identifier()},
                         .proxy_state = proxy_state,
                         .waited_s = static_cast<std::uint32_t>(waited_ms / 1'000)},
                        scratch)
      .value_or(0);
}

void Spool::Impl::send(DeliveryChannel channel) {
  const auto& octets = under_way[channel.number];
  // What the kernel refuses is sent again in its time, like what the network loses.
  static_cast<void>(::send(sockets[channel.socket()].get(), octets.data(), octets.size(),
                           MSG_DONTWAIT | MSG_NOSIGNAL));
}

void Spool::Impl::report() {
  metrics.waiting.set(delivery.waiting() + acknowledged.size());
  metrics.under_way.set(delivery.under_way());
  metrics.rounds_ended.set(delivery.rounds_ended());
  metrics.silent.set(delivery.silent() ? 1 : 0);
  metrics.full.set(is_full() ? 1 : 0);
  if (verify::monotonic_ms() < tidy_at_ms) return;
  tidy_at_ms = verify::monotonic_ms() + kTidyEveryMs;
  const std::uint64_t oldest_ms = database->oldest_ms();
  const std::uint64_t now_ms = verify::unix_ms();
  metrics.oldest_s.set(oldest_ms == 0 || oldest_ms > now_ms ? 0 : (now_ms - oldest_ms) / 1'000);
  log_changes();
}

bool Spool::Impl::is_full() const {
  return delivery.waiting() >= settings.max_records || last_error == SpoolError::full;
}

/// Once a second at most: a full spool takes a record whenever one has left.
void Spool::Impl::log_changes() {
  if (last_error != std::exchange(logged_error, last_error) && last_error) {
    spdlog::error("accounting: {}: {}", settings.spool, to_text(*last_error));
  }
  const bool refuses = is_full() || last_error;
  if (refuses != std::exchange(was_refusing, refuses)) {
    if (refuses) {
      spdlog::error("accounting: {} records wait, and no more are acknowledged until there is room",
                    delivery.waiting());
    } else {
      spdlog::info("accounting: the spool takes records again");
    }
  }
  if (delivery.silent() != std::exchange(was_silent, delivery.silent())) {
    if (was_silent) {
      spdlog::warn("accounting: {} does not answer; {} records wait", target.server.text(),
                   delivery.waiting());
    } else {
      spdlog::info("accounting: {} answers again", target.server.text());
    }
  }
}

void Spool::Impl::wait() {
  // As in ring::Mailbox: both sides exchange the same atomic, so no wake-up is lost.
  parked.exchange(true, std::memory_order_acq_rel);
  const bool idle = std::ranges::all_of(rings, [](const auto& ring) { return ring->empty(); });
  std::uint64_t wait_ms = 0;
  if (idle) {
    const std::uint64_t now_ms = verify::monotonic_ms();
    const std::uint64_t until_ms =
        std::min(tidy_at_ms, delivery.next_deadline_ms().value_or(tidy_at_ms));
    wait_ms = until_ms > now_ms ? until_ms - now_ms : 0;
  }
  std::array<pollfd, 1 + limits::kSpoolSockets> polled;
  polled[0] = {.fd = event.get(), .events = POLLIN, .revents = 0};
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    polled[1 + i] = {.fd = sockets[i].get(), .events = POLLIN, .revents = 0};
  }
  ::poll(polled.data(), 1 + sockets.size(), static_cast<int>(wait_ms));
  parked.exchange(false, std::memory_order_acq_rel);
  ::eventfd_t ignored;
  static_cast<void>(::eventfd_read(event.get(), &ignored));
}

}  // namespace sallyport::radius_door
