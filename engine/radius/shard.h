#pragma once
// The RADIUS door's part of one shard: its sockets, buffers and Door, on the ring and the thread of
// a reactor. Nothing is shared between shards but immutable settings; other threads reach it
// through its mailbox only. Built on the main thread; while the reactor runs everything but post()
// belongs to its thread. No memory is taken after start.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <variant>
#include <vector>

#include "engine/radius/door.h"
#include "engine/radius/server.h"
#include "engine/ring/file_descriptor.h"
#include "engine/ring/mailbox.h"
#include "engine/ring/reactor.h"
#include "engine/ring/receive_buffers.h"
#include "engine/ring/send_slots.h"

namespace sallyport::radius_door {

/// A reload on its way to all shards. The main thread makes, keeps and frees it, so that no shard
/// ever frees a client table.
struct Handover {
  std::shared_ptr<const DoorSettings> settings;
  /// For each shard as many as it may use; empty: the downstream's address has not changed.
  std::vector<std::vector<ring::FileDescriptor>> source_ports;
  std::atomic<std::uint32_t> shards_left{0};  ///< 0: every shard has taken it over
};

struct TakeOver {
  Handover* handover;
};
struct Drain {};
/// What other threads tell a shard.
using ShardMessage = std::variant<verify::Answer, TakeOver, Drain>;

struct ShardPlan {
  DoorPlan door;
  std::shared_ptr<const DoorSettings> settings;
  std::vector<ring::FileDescriptor> listeners;     ///< one for each listen address
  std::vector<bool> answers_need_source;           ///< by listener: bound to a wildcard address
  std::vector<ring::FileDescriptor> source_ports;  ///< as many as door.max_source_ports
};

class Shard final : public ring::Tenant, public Outbox {
 public:
  /// Adds itself to `reactor`, and must live until its thread has ended. `audit` outlives the
  /// shard. An error is one line that says what to do.
  [[nodiscard]] static std::expected<std::unique_ptr<Shard>, std::string> open(
      ShardPlan plan, ring::Reactor& reactor, AuditQueue& audit);
  ~Shard() override;

  /// Before the reactor starts. `verifier` outlives its thread.
  void use(verify::Verifier& verifier) noexcept { verifier_ = &verifier; }

  /// Any thread. False: the mailbox is full.
  [[nodiscard]] bool post(const ShardMessage& message) noexcept { return mailbox_->post(message); }
  /// After Drain was posted: waits until no answer is owed. False: the time came first.
  [[nodiscard]] bool wait_drained(std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] const RadiusMetrics& metrics() const noexcept { return metrics_; }

 private:
  /// A multishot receive on one registered file.
  struct Receiver {
    std::uint32_t generation = 0;  ///< told apart from the one before it, which ends later
    bool to_arm = false;
  };
  /// A datagram in a receive buffer.
  struct Arrival {
    std::uint32_t file;
    std::uint16_t buffer;
    Octets octets;
  };

  Shard(const ShardPlan& plan, ring::Reactor& reactor, AuditQueue& audit);
  [[nodiscard]] std::expected<void, std::string> build(ShardPlan& plan, ring::Reactor& reactor);

  // Tenant: called by the reactor, on its thread.
  void enter() override;
  void completed(const ring::Completion& completion) noexcept override;
  void turn(std::uint64_t monotonic_ns) noexcept override;
  [[nodiscard]] bool park() noexcept override { return mailbox_->park(); }
  void unpark() noexcept override { mailbox_->unpark(); }
  [[nodiscard]] std::uint32_t patience_us() const noexcept override { return 0; }
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_ms() const noexcept override {
    return door_->next_deadline_ms();
  }
  void flush() noexcept override { slots_->flush(); }
  void leave() noexcept override;
  [[nodiscard]] std::uint32_t in_flight() const noexcept override { return in_flight_; }
  void left() noexcept override;

  void handle_replies(Now now) noexcept;
  void handle_messages(Now now) noexcept;
  void handle_requests(Now now) noexcept;
  void give_back(std::vector<Arrival>& arrivals) noexcept;
  void return_buffers() noexcept;
  void arm_receivers() noexcept;
  void report() noexcept;

  void receive_completed(const ring::Completion& completion) noexcept;
  void receive_ended(std::uint32_t file, int error) noexcept;
  void want_armed(std::uint32_t file) noexcept;
  void take_over(const Handover& handover) noexcept;
  [[nodiscard]] bool is_listener(std::uint32_t file) const noexcept { return file < listeners_; }
  [[nodiscard]] ring::Tag receive_tag(std::uint32_t file) const noexcept;

  // Outbox: called by the door, on this thread.
  void send_to_client(const ClientPath& path, Octets datagram) noexcept override;
  void send_downstream(std::uint16_t source_port, Octets datagram) noexcept override;
  [[nodiscard]] bool open_source_port() noexcept override;
  [[nodiscard]] bool ask(const verify::Question& question) noexcept override;
  void release(verify::Ticket ticket, const verify::JoinKey& key,
               std::uint64_t user_hash) noexcept override;
  [[nodiscard]] bool audit(const AuditRecord& record) noexcept override;

  const DoorPlan door_plan_;
  const std::uint32_t listeners_;  ///< files [0, listeners_); source ports are the files after them
  const std::vector<bool> answers_need_source_;
  AuditQueue& audit_;
  verify::Verifier* verifier_ = nullptr;

  ring::Ring* const ring_;
  std::unique_ptr<ring::ReceiveBuffers> buffers_;
  std::unique_ptr<ring::SendSlots> slots_;
  std::unique_ptr<ring::Mailbox<ShardMessage>> mailbox_;

  RadiusMetrics metrics_;
  SystemRandom random_;
  std::unique_ptr<Door> door_;
  msghdr message_layout_;

  std::vector<Receiver> receivers_;    ///< by file
  std::vector<std::uint32_t> to_arm_;  ///< files whose receive has ended or not begun
  std::uint32_t source_ports_ = 0;     ///< taken into use
  std::uint32_t in_flight_ = 0;        ///< polls, receives and cancels that the kernel holds
  std::vector<Arrival> replies_;
  std::vector<Arrival> requests_;
  std::vector<DownstreamDatagram> from_downstream_;  ///< what the door is handed of replies_
  std::vector<ClientDatagram> from_clients_;         ///< and of requests_

  bool draining_ = false;
  bool drain_reported_ = false;
  std::binary_semaphore drained_{0};
};

}  // namespace sallyport::radius_door
