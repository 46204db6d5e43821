#pragma once
// A shard: one pinned thread, one ring, and the doors' parts that live on it (tenants). Nothing is
// shared between shards but immutable snapshots; other threads reach a tenant through its mailbox.
// Built on the main thread; between start() and join() only stop() and waker() are for others.

#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/ring/file_descriptor.h"
#include "engine/ring/ring.h"
#include "engine/ring/waker.h"

namespace sallyport::ring {

/// A door's part of one shard. All but the constructor runs on the shard's thread.
class Tenant {
 public:
  /// The ring is enabled: arms what it receives with.
  virtual void enter() = 0;
  /// A completion of one of its operations: collects, acts on nothing.
  virtual void completed(const Completion& completion) noexcept = 0;
  /// Acts on what was collected and what is in its mailbox, then on timers.
  virtual void turn(std::uint64_t monotonic_ns) noexcept = 0;
  /// Says that the thread is about to wait. False: something is in its mailbox.
  [[nodiscard]] virtual bool park() noexcept = 0;
  virtual void unpark() noexcept = 0;
  /// It has nothing to do before this; empty: until something comes.
  [[nodiscard]] virtual std::optional<std::uint64_t> next_deadline_ms() const noexcept = 0;
  /// How long a busy shard may wait for more to come, so that a turn does more; 0: not at all.
  [[nodiscard]] virtual std::uint32_t patience_us() const noexcept = 0;
  /// Answers that are on their way: for more, no wait is worth while.
  [[nodiscard]] virtual std::uint32_t expected() const noexcept = 0;
  /// Queues what is to be sent: the wait submits it.
  virtual void flush() noexcept = 0;
  /// Ends all it has in the kernel; called again until in_flight() is 0.
  virtual void leave() noexcept = 0;
  [[nodiscard]] virtual std::uint32_t in_flight() const noexcept = 0;
  /// Nothing is in flight any more: everything must have come home.
  virtual void left() noexcept = 0;

 protected:
  ~Tenant() = default;
};

struct ReactorPlan {
  std::string name;  ///< of the thread, at most 15 octets
  RingPlan ring;
  std::optional<unsigned> core;  ///< pin the thread to it
};

class Reactor {
 public:
  /// An error is one line that says what to do.
  [[nodiscard]] static std::expected<std::unique_ptr<Reactor>, std::string> open(ReactorPlan plan);
  ~Reactor();  ///< joined, or never started

  [[nodiscard]] Ring& ring() noexcept { return *ring_; }
  [[nodiscard]] Waker waker() const noexcept { return {ring_->fd(), wake_event_.get()}; }

  /// Before start(). Completions tagged `first` to `last` are the tenant's, which outlives join().
  void add(Tenant& tenant, Operation first, Operation last);
  void start();
  void stop() noexcept;  ///< any thread: the loop ends, and what the tenants owe is cut off
  void join();

 private:
  explicit Reactor(ReactorPlan plan) : plan_(std::move(plan)) {}
  void run();
  void enter_thread();
  void wait() noexcept;
  void collect() noexcept;
  void come_home() noexcept;
  void poll_wake_event() noexcept;

  const ReactorPlan plan_;
  // The ring goes before what it polls and what tenants lend it.
  FileDescriptor wake_event_;
  std::unique_ptr<Ring> ring_;
  std::vector<Tenant*> tenants_;
  std::array<Tenant*, kOperations> owner_{};  ///< by operation; none: the reactor's own
  std::vector<Completion> completions_;
  std::uint32_t patience_us_ = 0;  ///< of the least patient tenant
  std::uint32_t harvested_ = 0;    ///< completions of this turn
  std::uint32_t polls_ = 0;        ///< of the wake-up event, that the kernel holds
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace sallyport::ring
