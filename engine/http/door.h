#pragma once
// The HTTP door's part of one shard: connections, exchanges, upstream connections and their timers,
// as a tenant of the shard's reactor. Other threads reach it through its mailbox only.
// Built on the main thread; while the reactor runs everything but post() belongs to its thread.

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/http/access_record.h"
#include "engine/http/connection.h"
#include "engine/http/door_settings.h"
#include "engine/http/exchange.h"
#include "engine/http/grant_slides.h"
#include "engine/http/grant_snapshot.h"
#include "engine/http/metrics.h"
#include "engine/http/upstream_board.h"
#include "engine/http/upstreams.h"
#include "engine/limits.h"
#include "engine/ring/mailbox.h"
#include "engine/ring/reactor.h"
#include "engine/ring/streams.h"
#include "engine/ring/timer_wheel.h"
#include "protocol/random.h"

namespace sallyport::http_door {

class Desk;

/// Settings on their way to all shards. The main thread makes, keeps and frees it.
struct Handover {
  std::shared_ptr<const DoorSettings> settings;
  std::atomic<std::uint32_t> shards_left{0};  ///< 0: every shard has taken it over
};

struct TakeOver {
  Handover* handover;
};
/// Grants have ended, or the whitelist has changed: who is let in no longer is cut off.
struct Recheck {};
/// A server's active health, as the shard that probes has found it.
struct ServerHealth {
  std::uint32_t epoch;  ///< of the settings that `pool` is an index of: the same in all shards
  std::uint32_t pool;
  HealthChange change;
};
/// The gate has answered; whoever takes the message owns the errand.
struct GateAnswered {
  GateErrand* errand;
};
struct Drain {};
/// Another process is about to accept, or has failed to: who has been accepted is served.
struct StopListening {};
struct ListenAgain {};
/// Another process has taken over: visitors are to come anew for their next request, and are told
/// so with their next answer.
struct Retire {};
using DoorMessage = std::variant<TakeOver, Recheck, ServerHealth, GateAnswered, Drain,
                                 StopListening, ListenAgain, Retire>;

struct DoorPlan {
  std::uint16_t shard = 0;
  std::shared_ptr<const DoorSettings> settings;
  std::vector<int> listeners;  ///< descriptors by listening address; they stay the caller's
  std::vector<std::uint16_t> listener_of;  ///< by listening address: index of config.listeners
  GrantPublication* grants = nullptr;      ///< outlives the door
  SlideQueue* slides = nullptr;            ///< outlives the door
  std::uint32_t max_connections = 0;       ///< of visitors, on this shard
  std::uint32_t max_buffers = 0;           ///< on this shard
  Desk* desk = nullptr;                    ///< outlives the door; none: there is no gate
  AccessQueue* access = nullptr;           ///< outlives the door; none: nothing is logged
  UpstreamBoard* board = nullptr;          ///< outlives the door; none: nobody looks
};

/// What others of the shard's parts ask of the Door.
class Door final : public ring::Tenant {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<Door>, std::string> open(
      DoorPlan plan, ring::Reactor& reactor);
  ~Door();

  /// Any thread. False: the mailbox is full.
  [[nodiscard]] bool post(const DoorMessage& message) noexcept { return mailbox_->post(message); }
  /// Exchanges and connections that are not done; 0 after a drain. Any thread.
  [[nodiscard]] std::uint32_t busy() const noexcept {
    return busy_.load(std::memory_order_relaxed);
  }
  /// After StopListening: whether somebody may still come. Any thread.
  [[nodiscard]] bool accepting() const noexcept {
    return accepting_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] const HttpMetrics& metrics() const noexcept { return metrics_; }
  /// The other shards' doors, whom this one tells what its probes find. Before the reactor runs.
  void know_others(std::vector<Door*> others) { others_ = std::move(others); }

  // --- For connections and exchanges: this thread ---

  [[nodiscard]] ring::Streams& streams() noexcept { return *streams_; }
  [[nodiscard]] ring::BufferPool& buffers() noexcept { return *buffers_; }
  [[nodiscard]] HttpMetrics& counts() noexcept { return metrics_; }
  [[nodiscard]] std::uint64_t now_ms() const noexcept { return now_ms_; }  ///< monotonic
  [[nodiscard]] std::uint64_t unix_ms() const noexcept { return unix_ms_; }
  /// RFC 9110 §5.6.7, for our own answers.
  [[nodiscard]] std::string_view date();
  [[nodiscard]] RandomSource& random() noexcept { return random_; }
  [[nodiscard]] GrantReader& grants() noexcept { return grants_; }
  [[nodiscard]] SlideTeller& slides() noexcept { return slides_; }
  [[nodiscard]] UpstreamBoard* board() noexcept { return board_; }
  [[nodiscard]] std::uint16_t shard() const noexcept { return shard_; }
  /// False: the queue is full.
  [[nodiscard]] bool log_access(const AccessRecord& record) noexcept {
    return access_ == nullptr || access_->try_push(record);
  }
  [[nodiscard]] Desk* desk() noexcept { return desk_; }  ///< null: there is no gate
  [[nodiscard]] Upstreams& upstreams() noexcept { return *upstreams_; }
  [[nodiscard]] std::uint64_t turn_number() const noexcept { return turn_number_; }
  [[nodiscard]] bool draining() const noexcept { return draining_; }
  /// A visitor's connection is to end with the answer at hand.
  [[nodiscard]] bool parting() const noexcept { return draining_ || retiring_; }
  /// Of a head that goes out, as request_head_octets() and response_head_octets() count: one of 64
  /// KiB, the most that is read, with what rules and we add to it.
  static constexpr std::size_t kMostHeadOctets = std::size_t{127} * 1024;
  /// Room to write such a head into, with the lines of its connection; overwritten by the next who
  /// asks.
  [[nodiscard]] MutableOctets scratch() noexcept { return scratch_; }

  /// The settings of now, for a request that begins; kept until let_go.
  [[nodiscard]] const DoorSettings& settings() const noexcept { return *epochs_.back().settings; }
  [[nodiscard]] std::uint32_t hold_settings() noexcept;
  void let_go_settings(std::uint32_t epoch) noexcept;

  /// A connection is this stream's from now on. Its timer is the stream's index.
  void attach(ring::StreamId stream, Connection& connection) noexcept;
  void detach(ring::StreamId stream) noexcept;
  void set_timer(ring::StreamId stream, std::uint64_t at_ms) noexcept;
  /// A connection of a visitor has ended.
  void visitor_gone() noexcept { metrics_.connections_open.set(--visitors_); }
  /// To be freed at the end of the turn.
  void bury(std::unique_ptr<Connection> connection);

  /// After the streams' events and timers of this turn, and before it ends.
  void wants_turn(Connection& connection) { turns_.push_back(&connection); }

  /// An exchange begins and ends to have an upstream.
  void asks_upstream() noexcept { ++asked_; }
  void leaves_upstream() noexcept { --asked_; }

  [[nodiscard]] Exchange* try_new_exchange();  ///< null: as many as there may be are under way
  void recycle(Exchange& exchange) noexcept;
  void set_timer(const Exchange& exchange, std::uint64_t at_ms) noexcept;
  void cancel_timer(const Exchange& exchange) noexcept;

  /// For Probes: what one shard has found, to all of them.
  void tell_health(std::uint32_t pool, const HealthChange& change) noexcept;
  void set_probe_timer(std::uint64_t at_ms) noexcept;
  void cancel_probe_timer() noexcept;

  /// The TLS handshake, or the octets, told which protocol a visitor speaks.
  void begin_h1(ring::StreamId stream, const Peer& peer);
  void begin_h2(ring::StreamId stream, const Peer& peer);

 private:
  struct Epoch {
    std::uint32_t number;
    std::shared_ptr<const DoorSettings> settings;
    std::uint32_t users = 0;
  };

  Door(const DoorPlan& plan, ring::Reactor& reactor);
  [[nodiscard]] std::expected<void, std::string> build(const DoorPlan& plan,
                                                       ring::Reactor& reactor);

  // Tenant.
  void enter() override;
  void completed(const ring::Completion& completion) noexcept override;
  void turn(std::uint64_t monotonic_ns) noexcept override;
  [[nodiscard]] bool park() noexcept override;
  void unpark() noexcept override { mailbox_->unpark(); }
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_ms() const noexcept override;
  [[nodiscard]] std::uint32_t patience_us() const noexcept override {
    return limits::kHttpPatienceUs;
  }
  [[nodiscard]] std::uint32_t expected() const noexcept override { return asked_; }
  void flush() noexcept override;
  void leave() noexcept override;
  [[nodiscard]] std::uint32_t in_flight() const noexcept override { return streams_->in_flight(); }
  void left() noexcept override;

  void read_clocks(std::uint64_t monotonic_ns) noexcept;
  void handle_messages();
  void handle_streams();
  void handle_timers();
  void handle_turns();
  void accepted(const ring::StreamEvent& event);
  void take_over(const Handover& handover);
  void recheck();
  void relieve();
  void drain();
  void retire();

  std::uint32_t asked_ = 0;  ///< exchanges that have an upstream
  const std::uint16_t shard_;
  const std::vector<int> listeners_;
  const std::vector<std::uint16_t> listener_of_;
  const std::uint32_t max_connections_;
  AccessQueue* const access_;
  Desk* const desk_;
  std::unique_ptr<ring::BufferPool> buffers_;
  std::unique_ptr<ring::Streams> streams_;
  std::unique_ptr<ring::Mailbox<DoorMessage>> mailbox_;
  HttpMetrics metrics_;
  SystemRandom random_;
  GrantReader grants_;
  SlideTeller slides_;
  UpstreamBoard* const board_;

  std::vector<Epoch> epochs_;  ///< the last is current; the others still have users
  std::uint32_t next_epoch_ = 1;
  std::unique_ptr<Upstreams> upstreams_;

  std::vector<Connection*> connections_;  ///< by stream index
  std::vector<std::unique_ptr<Connection>> graveyard_;
  std::vector<Connection*> turns_;  ///< want one; may be buried, but not freed, meanwhile
  std::vector<Connection*> turning_;
  std::vector<std::unique_ptr<Exchange>> exchanges_;  ///< by their index
  std::vector<std::uint32_t> free_exchanges_;
  std::vector<std::uint32_t> ended_exchanges_;  ///< free with the next turn
  ring::TimerWheel wheel_;     ///< [0, streams): connections; then exchanges; at last the probes
  std::vector<Door*> others_;  ///< told of servers' health
  std::uint64_t now_ms_ = 0;
  std::uint64_t unix_ms_ = 0;
  std::uint64_t date_s_ = 0;
  std::string date_;
  std::vector<std::uint8_t> scratch_;
  std::uint64_t relieved_ms_ = 0;
  std::uint64_t turn_number_ = 0;
  bool leaving_ = false;
  std::atomic<std::uint32_t> busy_{0};
  std::uint32_t visitors_ = 0;  ///< connections of visitors
  bool draining_ = false;
  bool retiring_ = false;
  std::atomic<bool> accepting_{true};
};

}  // namespace sallyport::http_door
