#include "engine/radius/shard.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <system_error>
#include <utility>

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
  const std::size_t files = listeners_ + plan.link_places * door_plan_.max_source_ports + 1;
  returns_ = std::move(plan.returns);
  receivers_.resize(files);
  to_arm_.reserve(files);
  unreachable_.reserve(limits::kReceiveBuffers);
  const auto refused = [] {
    return std::unexpected("cannot register a socket with io_uring: " +
                           std::generic_category().message(errno));
  };
  for (std::uint32_t file = 0; file < listeners_; ++file)
    if (!ring_->register_file(file, plan.listeners[file].get())) return refused();
  server_links_ = std::make_unique<RadsecLinks>(*ring_, metrics_, door_plan_.max_source_ports);
  DownstreamLinks links;
  for (NewLink& link : plan.links) {
    if (!lay(link)) return refused();
    links[link.index] = std::move(link.link);
  }
  for (std::uint32_t listener = 0; listener < listeners_; ++listener) want_armed(listener);
  replies_.reserve(limits::kReceiveBuffers);
  requests_.reserve(limits::kReceiveBuffers);
  from_downstream_.reserve(limits::kReceiveBuffers);
  from_clients_.reserve(limits::kReceiveBuffers);
  door_ = std::make_unique<Door>(door_plan_, std::move(plan.settings), std::move(links), *this,
                                 random_, metrics_, Now{.monotonic_ns = verify::monotonic_ns()});
  if (plan.radsec) {
    auto radsec = Radsec::open(std::move(*plan.radsec), *ring_, metrics_);
    if (!radsec) return std::unexpected(std::move(radsec.error()));
    radsec_ = std::move(*radsec);
  }
  reactor.add(*this, ring::Operation::receive_message, ring::Operation::server_close);
  return {};
}

bool Shard::wait_drained(std::chrono::steady_clock::time_point deadline) {
  return drained_.try_acquire_until(deadline);
}

// --- A turn: the reactor's thread -------------------------------------------------------------

void Shard::enter() {
  CHECK(verifier_ != nullptr);
  arm_receivers();
  if (radsec_) radsec_->enter();
}

void Shard::completed(const ring::Completion& completion) noexcept {
  switch (completion.tag.operation) {
    case ring::Operation::receive_message:
    case ring::Operation::receive: receive_completed(completion); break;
    case ring::Operation::send: metrics_.send_errors.add(slots_->refused(completion)); break;
    case ring::Operation::cancel: --in_flight_; break;
    case ring::Operation::radsec_accept:
    case ring::Operation::radsec_connect:
    case ring::Operation::radsec_receive:
    case ring::Operation::radsec_send:
    case ring::Operation::radsec_cancel:
    case ring::Operation::radsec_close: radsec_->completed(completion); break;
    case ring::Operation::server_accept:
    case ring::Operation::server_connect:
    case ring::Operation::server_receive:
    case ring::Operation::server_send:
    case ring::Operation::server_cancel:
    case ring::Operation::server_close: server_links_->completed(completion); break;
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
  const Now now{.monotonic_ns = monotonic_ns,
                .unix_s = static_cast<std::int64_t>(verify::unix_ms() / 1'000)};
  if (radsec_) radsec_->tick(now);
  server_links_->tick(now);
  for (const std::uint16_t link : unreachable_) door_->unreachable(now, link);
  unreachable_.clear();
  handle_replies(now);
  server_links_->turn(now, *door_);
  handle_messages(now);
  handle_requests(now);
  if (radsec_) radsec_->turn(now, *door_);
  door_->advance(now);
  return_buffers();
  arm_receivers();
  report(now);
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
      (is_listener(file) || is_returns(file) ? requests_ : replies_).push_back(arrival);
    }
  }
  if (completion.more()) return;
  --in_flight_;
  if (current) receive_ended(file, completion.result < 0 ? -completion.result : 0);
}

void Shard::receive_ended(std::uint32_t file, int error) noexcept {
  if (is_listener(file)) --listeners_armed_;
  // The process that hands back has ended: a Unix socket says so once.
  if (is_returns(file) && (error == ECONNRESET || error == EPIPE)) return;
  switch (judge_receive(error)) {
    case ReceiveEnd::pause: break;
    case ReceiveEnd::starved: metrics_.receive_buffers_empty.add(); break;
    case ReceiveEnd::refused:
      metrics_.send_errors.add();
      if (!is_listener(file) && !is_returns(file) && unreachable_.size() < unreachable_.capacity())
        unreachable_.push_back(
            static_cast<std::uint16_t>((file - listeners_) / door_plan_.max_source_ports));
      break;
    case ReceiveEnd::canceled: break;
    case ReceiveEnd::broken: CHECK(!"a receive failed in a way that only a mistake explains");
  }
  if (is_listener(file) && succession_ != nullptr) return;
  want_armed(file);
}

void Shard::handle_replies(Now now) noexcept {
  for (const Arrival& arrival : replies_) {
    metrics_.datagrams_received.add();
    const std::uint32_t port = arrival.file - listeners_;
    from_downstream_.push_back(
        {.link = static_cast<std::uint16_t>(port / door_plan_.max_source_ports),
         .source_port = static_cast<std::uint16_t>(port % door_plan_.max_source_ports),
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
    } else if (const auto* stored = std::get_if<StorageAnswer>(&message)) {
      door_->stored(now, *stored);
    } else if (const auto* checked = std::get_if<verify::CodeAnswer>(&message)) {
      door_->code_checked(now, *checked);
    } else if (const auto* take = std::get_if<TakeOver>(&message)) {
      take_over(*take->handover);
      take->handover->shards_left.fetch_sub(1, std::memory_order_release);
    } else if (const auto* back = std::get_if<StepBack>(&message)) {
      step_back(*back->succession);
    } else if (std::holds_alternative<StepForth>(message)) {
      step_forth();
    } else if (const auto* retirement = std::get_if<Retire>(&message)) {
      retire(now, retirement->until_ms);
    } else {
      draining_ = true;
      door_->drain();
      if (radsec_) radsec_->drain();
    }
  }
}

void Shard::handle_requests(Now now) noexcept {
  for (const Arrival& arrival : requests_) {
    metrics_.datagrams_received.add();
    take_request(arrival);
  }
  door_->client_datagrams(now, from_clients_);
  from_clients_.clear();
  give_back(requests_);
}

void Shard::take_request(const Arrival& arrival) noexcept {
  if (is_returns(arrival.file)) {
    ReturnHeader header;
    if (arrival.octets.size() < sizeof header) return;
    std::memcpy(&header, arrival.octets.data(), sizeof header);
    if (!is_listener(header.socket)) return;
    from_clients_.push_back(
        {.path = {.source = header.source, .local = header.local, .socket = header.socket},
         .octets = arrival.octets.subspan(sizeof header)});
    return;
  }
  const auto datagram = ring::read_message(arrival.octets);
  if (!datagram)
    return metrics_.malformed_from_client[static_cast<std::size_t>(radius::Malformed::too_short)]
        .add();
  const ClientDatagram request{.path = {.source = datagram->source,
                                        .local = datagram->local,
                                        .socket = static_cast<std::uint16_t>(arrival.file)},
                               .octets = datagram->payload};
  if (predecessor_remembers_ == nullptr || !handed_back(request)) from_clients_.push_back(request);
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
      ++listeners_armed_;
    } else {
      ring_->receive(file, kBufferGroup, receive_tag(file));
    }
    ++in_flight_;
  }
  to_arm_.clear();
}

void Shard::report(Now now) noexcept {
  metrics_.loops.add();
  metrics_.completion_overflows.set(ring_->overflows());
  if (succession_ != nullptr && listeners_armed_ == 0 && !listed_) {
    listed_ = true;
    door_->list_remembered(succession_->remembered);
    succession_->listed.release();
  }
  if (draining_ && !drain_reported_ && door_->unanswered() == 0) {
    if (radsec_) radsec_->end_all(now, *door_);
    server_links_->end_all();
    drain_reported_ = true;
    drained_.release();
  }
  if (retiring_ && !retired_) look_whether_retired(now);
}

void Shard::flush() noexcept {
  slots_->flush();
  if (radsec_) radsec_->flush();
  server_links_->flush();
}

std::optional<std::uint64_t> Shard::next_deadline_ms() const noexcept {
  std::optional<std::uint64_t> next = door_->next_deadline_ms();
  for (const auto& other :
       {radsec_ ? radsec_->next_deadline_ms() : std::nullopt, server_links_->next_deadline_ms()}) {
    if (other && (!next || *other < *next)) next = other;
  }
  if (retiring_ && !retired_) next = std::min(next.value_or(retire_look_ms_), retire_look_ms_);
  return next;
}

void Shard::leave() noexcept {
  // The reactor cancels. Nothing is armed again, and what still came is given back.
  give_back(replies_);
  give_back(requests_);
  to_arm_.clear();
  if (radsec_) radsec_->shut_down();
  server_links_->shut_down();
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

void Shard::take_over(Handover& handover) noexcept {
  for (NewLink& link : handover.links[door_plan_.shard]) {
    CHECK(lay(link));
    door_->exchange_link(link.index, link.link);
  }
  door_->reload(handover.settings);
}

/// Its sockets in their place. Others may have been there, of a server that nobody asks any more.
bool Shard::lay(NewLink& link) {
  server_links_->lay(link.index, link.target);
  news_[link.index] = link.news;
  const std::size_t ports =
      std::max<std::size_t>(link.source_ports.size(), source_ports_[link.index]);
  for (std::uint32_t port = 0; port < ports; ++port) {
    const std::uint32_t file = file_of(link.index, port);
    if (port < link.source_ports.size() &&
        !ring_->register_file(file, link.source_ports[port].get()))
      return false;
    if (port >= source_ports_[link.index]) continue;
    if (!receivers_[file].to_arm) {
      ring_->cancel(receive_tag(file), {.operation = ring::Operation::cancel});
      ++in_flight_;
    }
    receivers_[file].generation = (receivers_[file].generation + 1) & ring::Tag::kGenerationMask;
  }
  source_ports_[link.index] = 0;
  return true;
}

// --- Outbox ----------------------------------------------------------------------------------

void Shard::end_connection(std::uint16_t socket, RadsecEnd reason) noexcept {
  radsec_->doom(socket, reason);
}

void Shard::send_to_client(const ClientPath& path, Octets datagram) noexcept {
  if (is_connection(path.socket)) return radsec_->send(path.socket, datagram);
  const IpAddress* const from = answers_need_source_[path.socket] ? &path.local : nullptr;
  const bool queued = slots_->send_to(path.socket, path.source, from, datagram);
  (queued ? metrics_.datagrams_sent : metrics_.send_errors).add();
}

void Shard::send_downstream(std::uint16_t link, std::uint16_t source_port,
                            Octets datagram) noexcept {
  // A link over TLS has no source ports.
  if (source_port >= source_ports_[link]) return server_links_->send(link, source_port, datagram);
  const bool queued = slots_->send(file_of(link, source_port), datagram);
  (queued ? metrics_.datagrams_sent : metrics_.send_errors).add();
}

bool Shard::open_source_port(std::uint16_t link) noexcept {
  if (source_ports_[link] == door_plan_.max_source_ports) return false;
  want_armed(file_of(link, source_ports_[link]++));
  return true;
}

void Shard::server_changed(std::uint16_t link, bool is_down, ServerReason why) noexcept {
  if (news_[link] == nullptr) return;
  if (is_down)
    news_[link]->is_down(why);
  else
    news_[link]->is_back();
}

void Shard::connect(std::uint16_t link, std::uint16_t connection) noexcept {
  server_links_->connect(link, connection);
}

void Shard::disconnect(std::uint16_t link, std::uint16_t connection) noexcept {
  server_links_->end(link, connection);
}

bool Shard::ask(const verify::Question& question) noexcept { return verifier_->ask(question); }

void Shard::release(verify::Ticket ticket, const verify::JoinKey& key,
                    std::uint64_t user_hash) noexcept {
  verifier_->release(ticket, key, user_hash);
}

bool Shard::store(const StorageRequest& request) noexcept {
  CHECK(spool_ != nullptr);
  return spool_->store(door_plan_.shard, request);
}

bool Shard::audit(const AuditRecord& record) noexcept { return audit_.try_push(record); }

}  // namespace sallyport::radius_door
