#include "engine/radius/shard.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <system_error>

#include "engine/limits.h"
#include "engine/ring/udp_socket.h"
#include "protocol/check.h"
#include "verify/clock.h"

namespace sallyport::radius_door {
namespace {

constexpr std::uint16_t kBufferGroup = 0;
/// Messages of one turn. More stay in the mailbox, and the next turn does not wait.
constexpr std::size_t kMessagesPerTurn = 1024;

/// Why a multishot receive has ended.
enum class ReceiveEnd : std::uint8_t {
  pause,     ///< nothing is wrong: armed again
  starved,   ///< no buffer was free
  refused,   ///< an ICMP error about a datagram that we had sent
  canceled,  ///< by ourselves
  broken,    ///< our mistake
};

ReceiveEnd judge_receive(int error) noexcept {
  switch (error) {
    case 0:       // an empty datagram, or the kernel gave the multishot up to post an overflow
    case EAGAIN:  // out of turn
    case EINTR:
    case ENOMEM: return ReceiveEnd::pause;
    case ENOBUFS: return ReceiveEnd::starved;
    case ECONNREFUSED:  // these are what ICMP and ICMPv6 become (icmp_err_convert, net/ipv4/icmp.c)
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENONET:
    case ENOPROTOOPT:
    case EMSGSIZE:
    case EOPNOTSUPP:
    case EACCES:
    case EPROTO: return ReceiveEnd::refused;
    case ECANCELED: return ReceiveEnd::canceled;
    case EBADF:  // no such file, not a socket, not our memory
    case EFAULT:
    case EINVAL:
    case ENOTSOCK:
    default: return ReceiveEnd::broken;
  }
}

}  // namespace

// --- Set-up: main thread ---------------------------------------------------------------------

Shard::Shard(const ShardPlan& plan, ring::Reactor& reactor, AuditQueue& audit)
    : door_plan_(plan.door),
      listeners_(static_cast<std::uint32_t>(plan.listeners.size())),
      answers_need_source_(plan.answers_need_source),
      audit_(audit),
      ring_(&reactor.ring()),
      message_layout_(ring::message_layout()) {}

Shard::~Shard() = default;

std::expected<std::unique_ptr<Shard>, std::string> Shard::open(ShardPlan plan,
                                                               ring::Reactor& reactor,
                                                               AuditQueue& audit) {
  CHECK(plan.source_ports.size() == plan.door.max_source_ports);
  CHECK(plan.answers_need_source.size() == plan.listeners.size());
  std::unique_ptr<Shard> shard(new Shard(plan, reactor, audit));
  if (const auto built = shard->build(plan, reactor); !built) {
    return std::unexpected(built.error());
  }
  return shard;
}

std::expected<void, std::string> Shard::build(ShardPlan& plan, ring::Reactor& reactor) {
  auto buffers = ring::ReceiveBuffers::open(*ring_, kBufferGroup, limits::kReceiveBuffers,
                                            limits::kReceiveBufferOctets);
  if (!buffers) return std::unexpected(buffers.error());
  buffers_ = std::move(*buffers);
  slots_ = std::make_unique<ring::SendSlots>(*ring_, limits::kSendSlots);
  mailbox_ = std::make_unique<ring::Mailbox<ShardMessage>>(
      std::max<std::size_t>(1024, std::bit_ceil(std::size_t{door_plan_.exchanges})),
      reactor.waker());

  // The table keeps the files open; our descriptors go with the plan.
  const std::size_t files = plan.listeners.size() + plan.source_ports.size();
  std::uint32_t file = 0;
  for (const auto* sockets : {&plan.listeners, &plan.source_ports}) {
    for (const ring::FileDescriptor& socket : *sockets) {
      if (ring_->register_file(file++, socket.get())) continue;
      return std::unexpected("cannot register a socket with io_uring: " +
                             std::generic_category().message(errno));
    }
  }
  receivers_.resize(files);
  to_arm_.reserve(files);
  for (std::uint32_t listener = 0; listener < listeners_; ++listener) want_armed(listener);
  replies_.reserve(limits::kReceiveBuffers);
  requests_.reserve(limits::kReceiveBuffers);
  from_downstream_.reserve(limits::kReceiveBuffers);
  from_clients_.reserve(limits::kReceiveBuffers);
  door_ = std::make_unique<Door>(door_plan_, std::move(plan.settings), *this, random_, metrics_,
                                 Now{.monotonic_ns = verify::monotonic_ns()});
  reactor.add(*this, ring::Operation::receive_message, ring::Operation::cancel);
  return {};
}

bool Shard::wait_drained(std::chrono::steady_clock::time_point deadline) {
  return drained_.try_acquire_until(deadline);
}

// --- A turn: the reactor's thread -------------------------------------------------------------

void Shard::enter() {
  CHECK(verifier_ != nullptr);
  arm_receivers();
}

void Shard::completed(const ring::Completion& completion) noexcept {
  switch (completion.tag.operation) {
    case ring::Operation::receive_message:
    case ring::Operation::receive: receive_completed(completion); break;
    case ring::Operation::send: metrics_.send_errors.add(slots_->refused(completion)); break;
    case ring::Operation::cancel: --in_flight_; break;
    case ring::Operation::wake_message:
    case ring::Operation::wake_event:
    case ring::Operation::cancel_all:
    case ring::Operation::accept:
    case ring::Operation::connect:
    case ring::Operation::stream_receive:
    case ring::Operation::stream_send:
    case ring::Operation::stream_cancel:
    case ring::Operation::stream_close: CHECK(!"not an operation of the RADIUS door");
  }
}

void Shard::turn(std::uint64_t monotonic_ns) noexcept {
  // 1. Replies and verdicts go before new requests: what is under way ends before more is begun
  //    (RFC 5080 §2.2.3).
  // 2. Timers come after the datagrams: a reply that is here beats the time-out it was near.
  // 3. Buffers go back before receives are armed again: recovery from ENOBUFS is driven by
  //    returned buffers. Armed on none, a receive would fail at once and for ever.
  const Now now{.monotonic_ns = monotonic_ns};
  handle_replies(now);
  handle_messages(now);
  handle_requests(now);
  door_->advance(now);
  return_buffers();
  arm_receivers();
  report();
}

void Shard::receive_completed(const ring::Completion& completion) noexcept {
  const std::uint32_t file = completion.tag.index;
  const bool current = completion.tag == receive_tag(file);
  if (const auto buffer = completion.buffer()) {
    const auto octets = static_cast<std::size_t>(std::max(completion.result, 0));
    const Arrival arrival{file, *buffer, buffers_->take(*buffer, octets)};
    if (!current || octets == 0) {
      buffers_->give_back(*buffer);  // of a socket that was replaced
    } else {
      (is_listener(file) ? requests_ : replies_).push_back(arrival);
    }
  }
  if (completion.more()) return;
  --in_flight_;
  if (current) receive_ended(file, completion.result < 0 ? -completion.result : 0);
}

void Shard::receive_ended(std::uint32_t file, int error) noexcept {
  switch (judge_receive(error)) {
    case ReceiveEnd::pause: break;
    case ReceiveEnd::starved: metrics_.receive_buffers_empty.add(); break;
    case ReceiveEnd::refused: metrics_.send_errors.add(); break;
    case ReceiveEnd::canceled: break;
    case ReceiveEnd::broken: CHECK(!"a receive failed in a way that only a mistake explains");
  }
  want_armed(file);
}

void Shard::handle_replies(Now now) noexcept {
  for (const Arrival& arrival : replies_) {
    metrics_.datagrams_received.add();
    from_downstream_.push_back(
        {.source_port = static_cast<std::uint16_t>(arrival.file - listeners_),
         .octets = arrival.octets});
  }
  door_->downstream_datagrams(now, from_downstream_);
  from_downstream_.clear();
  give_back(replies_);
}

void Shard::handle_messages(Now now) noexcept {
  ShardMessage message;
  for (std::size_t count = 0; count < kMessagesPerTurn && mailbox_->take(message); ++count) {
    if (const auto* answer = std::get_if<verify::Answer>(&message)) {
      door_->verdict(now, *answer);
    } else if (const auto* take = std::get_if<TakeOver>(&message)) {
      take_over(*take->handover);
      take->handover->shards_left.fetch_sub(1, std::memory_order_release);
    } else {
      draining_ = true;
      door_->drain();
    }
  }
}

void Shard::handle_requests(Now now) noexcept {
  for (const Arrival& arrival : requests_) {
    metrics_.datagrams_received.add();
    if (const auto datagram = ring::read_message(arrival.octets)) {
      from_clients_.push_back({.path = {.source = datagram->source,
                                        .local = datagram->local,
                                        .socket = static_cast<std::uint16_t>(arrival.file)},
                               .octets = datagram->payload});
    } else {
      metrics_.malformed_from_client[static_cast<std::size_t>(radius::Malformed::too_short)].add();
    }
  }
  door_->client_datagrams(now, from_clients_);
  from_clients_.clear();
  give_back(requests_);
}

void Shard::give_back(std::vector<Arrival>& arrivals) noexcept {
  for (const Arrival& arrival : arrivals) buffers_->give_back(arrival.buffer);
  arrivals.clear();
}

void Shard::return_buffers() noexcept {
  CHECK(buffers_->out() == 0);
  buffers_->publish();
}

void Shard::arm_receivers() noexcept {
  for (const std::uint32_t file : to_arm_) {
    receivers_[file].to_arm = false;
    if (is_listener(file)) {
      ring_->receive_messages(file, message_layout_, kBufferGroup, receive_tag(file));
    } else {
      ring_->receive(file, kBufferGroup, receive_tag(file));
    }
    ++in_flight_;
  }
  to_arm_.clear();
}

void Shard::report() noexcept {
  metrics_.loops.add();
  metrics_.completion_overflows.set(ring_->overflows());
  if (draining_ && !drain_reported_ && door_->unanswered() == 0) {
    drain_reported_ = true;
    drained_.release();
  }
}

void Shard::leave() noexcept {
  // The reactor cancels. Nothing is armed again, and what still came is given back.
  give_back(replies_);
  give_back(requests_);
  to_arm_.clear();
}

void Shard::left() noexcept {
  leave();
  CHECK(buffers_->out() == 0);
}

// --- Receivers -------------------------------------------------------------------------------

ring::Tag Shard::receive_tag(std::uint32_t file) const noexcept {
  return {
      .operation = is_listener(file) ? ring::Operation::receive_message : ring::Operation::receive,
      .generation = receivers_[file].generation,
      .index = file};
}

void Shard::want_armed(std::uint32_t file) noexcept {
  if (receivers_[file].to_arm) return;
  receivers_[file].to_arm = true;
  to_arm_.push_back(file);
}

void Shard::take_over(const Handover& handover) noexcept {
  door_->reload(handover.settings);
  if (handover.source_ports.empty()) return;
  // New sockets in the old ones' places. Requests in flight to the old downstream are
  // retransmitted to the new one; an answer of the old one comes too late.
  const auto& sockets = handover.source_ports[door_plan_.shard];
  for (std::uint32_t port = 0; port < sockets.size(); ++port) {
    const std::uint32_t file = listeners_ + port;
    CHECK(ring_->register_file(file, sockets[port].get()));
    if (port >= source_ports_) continue;
    if (!receivers_[file].to_arm) {
      ring_->cancel(receive_tag(file), {.operation = ring::Operation::cancel});
      ++in_flight_;
    }
    receivers_[file].generation = (receivers_[file].generation + 1) & ring::Tag::kGenerationMask;
    want_armed(file);
  }
}

// --- Outbox ----------------------------------------------------------------------------------

void Shard::send_to_client(const ClientPath& path, Octets datagram) noexcept {
  const IpAddress* const from = answers_need_source_[path.socket] ? &path.local : nullptr;
  const bool queued = slots_->send_to(path.socket, path.source, from, datagram);
  (queued ? metrics_.datagrams_sent : metrics_.send_errors).add();
}

void Shard::send_downstream(std::uint16_t source_port, Octets datagram) noexcept {
  CHECK(source_port < source_ports_);
  const bool queued = slots_->send(listeners_ + source_port, datagram);
  (queued ? metrics_.datagrams_sent : metrics_.send_errors).add();
}

bool Shard::open_source_port() noexcept {
  if (source_ports_ == door_plan_.max_source_ports) return false;
  want_armed(listeners_ + source_ports_++);
  return true;
}

bool Shard::ask(const verify::Question& question) noexcept { return verifier_->ask(question); }

void Shard::release(verify::Ticket ticket, const verify::JoinKey& key,
                    std::uint64_t user_hash) noexcept {
  verifier_->release(ticket, key, user_hash);
}

bool Shard::audit(const AuditRecord& record) noexcept { return audit_.try_push(record); }

}  // namespace sallyport::radius_door
