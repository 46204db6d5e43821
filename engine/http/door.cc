#include "engine/http/door.h"

#include <algorithm>
#include <bit>

#include "engine/http/h1_visitor.h"
#include "engine/http/h2_visitor.h"
#include "engine/http/incoming.h"
#include "protocol/check.h"
#include "protocol/http/date.h"
#include "verify/clock.h"

namespace sallyport::http_door {
namespace {

constexpr std::size_t kMailbox = 1024;
/// That a connection may hold for its peer, however few are left.
constexpr std::size_t kFairBuffers = 16;
/// Messages of one turn. More stay in the mailbox, and the next turn does not wait.
constexpr std::size_t kMessagesPerTurn = 256;
constexpr std::uint32_t kMaxExchanges = std::uint32_t{1} << 17;
constexpr std::size_t kScratchOctets = Door::kMostHeadOctets + 1024;

}  // namespace

std::expected<std::unique_ptr<Door>, std::string> Door::open(DoorPlan plan,
                                                             ring::Reactor& reactor) {
  std::unique_ptr<Door> door(new Door(plan, reactor));
  if (const auto built = door->build(plan, reactor); !built) {
    return std::unexpected(built.error());
  }
  return door;
}

Door::Door(const DoorPlan& plan, ring::Reactor&)
    : shard_(plan.shard),
      listeners_(plan.listeners),
      listener_of_(plan.listener_of),
      max_connections_(plan.max_connections),
      access_(plan.access),
      desk_(plan.desk),
      grants_(*plan.grants),
      slides_(plan.slides),
      board_(plan.board),
      wheel_(2 * plan.max_connections + kMaxExchanges + 1, verify::monotonic_ns() / 1'000'000) {}

Door::~Door() {
  DoorMessage message;
  while (mailbox_ != nullptr && mailbox_->take(message)) {
    if (const auto* answered = std::get_if<GateAnswered>(&message)) delete answered->errand;
  }
}

std::expected<void, std::string> Door::build(const DoorPlan& plan, ring::Reactor& reactor) {
  auto buffers = ring::BufferPool::open(
      reactor.ring(), {.group = limits::kStreamBufferGroup,
                       .octets_each = limits::kStreamBufferOctets,
                       .lent = std::min<std::uint32_t>(limits::kLentStreamBuffers,
                                                       std::bit_floor(plan.max_buffers / 2)),
                       .most = plan.max_buffers});
  if (!buffers) return std::unexpected(buffers.error());
  buffers_ = std::move(*buffers);
  // A connection to an upstream for each visitor's, at most.
  streams_ = std::make_unique<ring::Streams>(
      reactor.ring(), *buffers_, ring::StreamsPlan{.max_streams = 2 * max_connections_});
  mailbox_ = std::make_unique<ring::Mailbox<DoorMessage>>(kMailbox, reactor.waker());
  connections_.resize(std::size_t{2} * max_connections_, nullptr);
  scratch_.resize(kScratchOctets);
  read_clocks(verify::monotonic_ns());
  epochs_.push_back({.number = next_epoch_++, .settings = plan.settings});
  upstreams_ = std::make_unique<Upstreams>(*this, shard_ == 0);
  upstreams_->take_over(plan.settings);
  reactor.add(*this, ring::Operation::accept, ring::Operation::stream_close);
  return {};
}

// --- A turn: the reactor's thread ------------------------------------------------------------

void Door::enter() {
  for (std::uint16_t index = 0; index < listeners_.size(); ++index) {
    streams_->listen(index, listeners_[index]);
  }
}

void Door::completed(const ring::Completion& completion) noexcept {
  streams_->completed(completion);
}

void Door::turn(std::uint64_t monotonic_ns) noexcept {
  // 1. Messages first: who is not let in any more gets nothing of what this turn brings.
  // 2. Then what the streams brought, then timers: what is here beats the time-out it was near.
  // 3. What has ended is freed last, so that nothing in this turn meets a freed object.
  read_clocks(monotonic_ns);
  ++turn_number_;
  streams_->tick(now_ms_);
  handle_messages();
  handle_streams();
  handle_timers();
  handle_turns();
  relieve();
  graveyard_.clear();
  for (const std::uint32_t index : ended_exchanges_) {
    exchanges_[index]->reuse();
    free_exchanges_.push_back(index);
  }
  ended_exchanges_.clear();
  buffers_->publish();
}

void Door::flush() noexcept {
  streams_->flush();
  accepting_.store(streams_->accepting(), std::memory_order_relaxed);
  // Counted here: streams end in the flush too, and after it nothing may happen for long.
  busy_.store(
      streams_->open() + static_cast<std::uint32_t>(exchanges_.size() - free_exchanges_.size()),
      std::memory_order_relaxed);
}

std::optional<std::uint64_t> Door::next_deadline_ms() const noexcept {
  const auto own = wheel_.next_deadline_ms();
  const auto streams = streams_->next_deadline_ms();
  if (!own || !streams) return own ? own : streams;
  return std::min(*own, *streams);
}

bool Door::park() noexcept { return mailbox_->park(); }

void Door::leave() noexcept {
  if (!std::exchange(leaving_, true)) {  // asked for again and again until all is home
    for (const auto& exchange : exchanges_) exchange->leave();
  }
  streams_->shut_down();
}

void Door::left() noexcept {
  for (Connection*& connection : connections_) {
    if (connection != nullptr) delete connection;
    connection = nullptr;
  }
  graveyard_.clear();
}

void Door::read_clocks(std::uint64_t monotonic_ns) noexcept {
  now_ms_ = monotonic_ns / 1'000'000;
  unix_ms_ = verify::unix_ms();
}

std::string_view Door::date() {
  if (date_s_ != unix_ms_ / 1000) {
    date_s_ = unix_ms_ / 1000;
    http::DateBuffer buffer;
    date_.assign(http::write_date(static_cast<std::int64_t>(date_s_), buffer));
  }
  return date_;
}

void Door::handle_messages() {
  DoorMessage message;
  for (std::size_t count = 0; count < kMessagesPerTurn && mailbox_->take(message); ++count) {
    if (const auto* take = std::get_if<TakeOver>(&message)) {
      take_over(*take->handover);
      take->handover->shards_left.fetch_sub(1, std::memory_order_release);
    } else if (std::holds_alternative<Recheck>(message)) {
      recheck();
    } else if (const auto* health = std::get_if<ServerHealth>(&message)) {
      // Of settings that are no longer, or not yet, ours: it is told again with the next probe.
      if (health->epoch == epochs_.back().number) {
        upstreams_->pool(health->pool)->servers().set_active(health->change, now_ms_);
      }
    } else if (const auto* answered = std::get_if<GateAnswered>(&message)) {
      std::unique_ptr<GateErrand> errand(answered->errand);
      const std::uint32_t exchange = errand->ticket.exchange;
      exchanges_[exchange]->gate_answered(std::move(errand));
    } else if (std::holds_alternative<StopListening>(message)) {
      streams_->stop_listening();
    } else if (std::holds_alternative<ListenAgain>(message)) {
      streams_->listen_again();
    } else if (std::holds_alternative<Retire>(message)) {
      retire();
    } else {
      drain();
    }
  }
}

void Door::handle_streams() {
  ring::StreamEvent event;
  while (streams_->next_event(event)) {
    if (event.kind == ring::StreamEventKind::accepted) {
      accepted(event);
    } else if (Connection* const connection = connections_[event.stream.index]) {
      connection->stream_event(event);
    }
  }
}

void Door::handle_timers() {
  const auto connections = static_cast<std::uint32_t>(connections_.size());
  wheel_.advance(now_ms_, [&](std::uint32_t index) {
    if (index == connections + kMaxExchanges) {
      upstreams_->probe_timer();
    } else if (index >= connections) {
      exchanges_[index - connections]->timer();
    } else if (connections_[index] != nullptr) {
      connections_[index]->timer(now_ms_);
    }
  });
}

void Door::handle_turns() {
  // A turn of one may want one of another: an answer from an upstream goes out to its visitor.
  while (!turns_.empty()) {
    std::swap(turns_, turning_);
    for (Connection* connection : turning_) connection->turn();
    turning_.clear();
  }
}

void Door::accepted(const ring::StreamEvent& event) {
  metrics_.connections.add();
  if (draining_ || visitors_ >= max_connections_) {
    streams_->abort(event.stream);
    return;
  }
  metrics_.connections_open.set(++visitors_);
  const Peer peer{.address = streams_->peer(event.stream),
                  .local = {},
                  .listener = listener_of_[event.listener],
                  .tls = false};
  const config::HttpListener& listener = settings().config.listeners[peer.listener];
  if (listener.tls || listener.proxy_protocol != config::ProxyProtocol::off || listener.http2) {
    auto incoming = std::make_unique<Incoming>(*this, event.stream, peer);
    Incoming& connection = *incoming;
    attach(event.stream, *incoming.release());
    connection.begin();
  } else {
    begin_h1(event.stream, peer);
  }
}

void Door::begin_h1(ring::StreamId stream, const Peer& peer) {
  auto visitor = std::make_unique<H1Visitor>(*this, stream, peer);
  H1Visitor& connection = *visitor;
  attach(stream, *visitor.release());
  connection.begin();
}

void Door::begin_h2(ring::StreamId stream, const Peer& peer) {
  auto visitor = std::make_unique<H2Visitor>(*this, stream, peer);
  H2Visitor& connection = *visitor;
  attach(stream, *visitor.release());
  connection.begin();
  if (retiring_) connection.retire();
}

// --- Settings and admission ------------------------------------------------------------------

std::uint32_t Door::hold_settings() noexcept {
  ++epochs_.back().users;
  return epochs_.back().number;
}

void Door::let_go_settings(std::uint32_t epoch) noexcept {
  const auto found = std::ranges::find(epochs_, epoch, &Epoch::number);
  CHECK(found != epochs_.end() && found->users > 0);
  --found->users;
  if (found->users == 0 && found->number != epochs_.back().number) epochs_.erase(found);
}

void Door::take_over(const Handover& handover) {
  if (epochs_.back().users == 0) epochs_.pop_back();
  epochs_.push_back({.number = next_epoch_++, .settings = handover.settings});
  upstreams_->take_over(handover.settings);
  recheck();
}

void Door::recheck() {
  for (const auto& exchange : exchanges_) exchange->recheck();
}

// Earlier than the streams relieve themselves: they do not know who has a pool of theirs in
// HTTP/2's windows, and would cut off somebody else.
void Door::relieve() {
  const std::uint32_t most_buffers = buffers_->most();
  if (buffers_->in_use() <= most_buffers - most_buffers / 8 || relieved_ms_ == now_ms_) return;
  relieved_ms_ = now_ms_;  // a walk over everybody
  Connection* most = nullptr;
  std::size_t most_held = kFairBuffers;
  for (Connection* const connection : connections_) {
    const std::size_t held = connection == nullptr ? 0 : connection->held();
    if (held <= most_held) continue;
    most = connection;
    most_held = held;
  }
  if (most != nullptr) most->shed();
}

void Door::drain() {
  draining_ = true;
  streams_->stop_listening();
  upstreams_->retire();
  for (Connection* connection : connections_) {
    if (connection != nullptr) connection->drain();
  }
}

void Door::retire() {
  retiring_ = true;
  for (Connection* connection : connections_) {
    if (connection != nullptr) connection->retire();
  }
}

void Door::tell_health(std::uint32_t pool, const HealthChange& change) noexcept {
  upstreams_->pool(pool)->servers().set_active(change, now_ms_);
  const ServerHealth message{.epoch = epochs_.back().number, .pool = pool, .change = change};
  for (Door* const other : others_) static_cast<void>(other->post(message));
}

void Door::set_probe_timer(std::uint64_t at_ms) noexcept {
  wheel_.schedule(static_cast<std::uint32_t>(connections_.size()) + kMaxExchanges, at_ms);
}

void Door::cancel_probe_timer() noexcept {
  wheel_.cancel(static_cast<std::uint32_t>(connections_.size()) + kMaxExchanges);
}

// --- Connections and exchanges ---------------------------------------------------------------

void Door::attach(ring::StreamId stream, Connection& connection) noexcept {
  connections_[stream.index] = &connection;
}

void Door::detach(ring::StreamId stream) noexcept {
  connections_[stream.index] = nullptr;
  wheel_.cancel(stream.index);
}

void Door::set_timer(ring::StreamId stream, std::uint64_t at_ms) noexcept {
  wheel_.schedule(stream.index, at_ms);
}

void Door::bury(std::unique_ptr<Connection> connection) {
  graveyard_.push_back(std::move(connection));
}

Exchange* Door::try_new_exchange() {
  if (free_exchanges_.empty()) {
    const auto index = static_cast<std::uint32_t>(exchanges_.size());
    if (index == kMaxExchanges) return nullptr;
    exchanges_.push_back(std::make_unique<Exchange>(*this, index));
    free_exchanges_.push_back(index);
  }
  Exchange& exchange = *exchanges_[free_exchanges_.back()];
  free_exchanges_.pop_back();
  exchange.reuse();
  return &exchange;
}

void Door::recycle(Exchange& exchange) noexcept {
  if (exchange.state() == ExchangeState::over) {
    ended_exchanges_.push_back(exchange.index());
  } else {
    exchange.reuse();  // never begun
    free_exchanges_.push_back(exchange.index());
  }
}

void Door::set_timer(const Exchange& exchange, std::uint64_t at_ms) noexcept {
  wheel_.schedule(static_cast<std::uint32_t>(connections_.size()) + exchange.index(), at_ms);
}

void Door::cancel_timer(const Exchange& exchange) noexcept {
  wheel_.cancel(static_cast<std::uint32_t>(connections_.size()) + exchange.index());
}

}  // namespace sallyport::http_door
