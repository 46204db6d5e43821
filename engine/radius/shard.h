#pragma once
// The RADIUS door's part of one shard: its sockets, buffers and Door, on the ring and the thread of
// a reactor. Nothing is shared between shards but immutable settings; other threads reach it
// through its mailbox only. Built on the main thread; while the reactor runs everything but post()
// belongs to its thread. No memory is taken after start.

#include <array>
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
#include "engine/radius/radsec.h"
#include "engine/radius/radsec_links.h"
#include "engine/radius/remembered.h"
#include "engine/radius/server.h"
#include "engine/radius/server_news.h"
#include "engine/ring/file_descriptor.h"
#include "engine/ring/mailbox.h"
#include "engine/ring/reactor.h"
#include "engine/ring/receive_buffers.h"
#include "engine/ring/send_slots.h"

namespace sallyport::radius_door {

/// The way to a downstream server, for one shard.
struct NewLink {
  std::uint16_t index = 0;
  std::unique_ptr<DownstreamLink> link;             ///< then: what was there before
  std::vector<ring::FileDescriptor> source_ports;   ///< as many as door.max_source_ports
  std::shared_ptr<const ServerTarget> target = {};  ///< over TLS, in their place
  std::shared_ptr<ServerNews> news = {};            ///< by UDP
};

/// A reload on its way to all shards. The main thread makes, keeps and frees it, so that no shard
/// ever frees a client table.
struct Handover {
  std::shared_ptr<const DoorSettings> settings;
  std::vector<std::vector<NewLink>> links;    ///< for each shard: those to servers that are new
  std::atomic<std::uint32_t> shards_left{0};  ///< 0: every shard has taken it over
};

struct TakeOver {
  Handover* handover;
};
struct Drain {};
/// Another process has taken over: connections end, at this time at the latest, and what is owed
/// is answered.
struct Retire {
  std::uint64_t until_ms = 0;  ///< monotonic
};

/// A shard's part in handing its listeners over to another process. The main thread makes, keeps
/// and frees it.
struct Succession {
  ring::FileDescriptor returns;           ///< where that process hands back what we remember
  std::vector<std::uint64_t> remembered;  ///< marks; filled by the shard, with room for all
  std::binary_semaphore listed{0};        ///< nothing more is read from the listeners
};
struct StepBack {
  Succession* succession;
};
/// Nobody has taken over: it listens again.
struct StepForth {};
/// What other threads tell a shard.
using ShardMessage = std::variant<verify::Answer, verify::CodeAnswer, StorageAnswer, TakeOver,
                                  Drain, Retire, StepBack, StepForth>;

struct ShardPlan {
  DoorPlan door;
  std::shared_ptr<const DoorSettings> settings;
  std::vector<ring::FileDescriptor> listeners;  ///< one for each listen address
  std::vector<bool> answers_need_source;        ///< by listener: bound to a wildcard address
  std::vector<NewLink> links;
  std::size_t link_places = 0;        ///< most links at once
  ring::FileDescriptor returns = {};  ///< to the process we take over from; invalid: there is none
  std::optional<RadsecPlan> radsec = {};  ///< where clients connect with TLS
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
  /// Before the reactor starts; without it no settings may ask for codes, and without `links` for
  /// none of these. Both outlive its thread.
  void use(verify::Challenges& challenges, verify::Verifier* links) noexcept {
    challenges_ = &challenges;
    links_ = links;
  }
  /// What the process that we take over from remembers. Before the reactor starts.
  void respect(std::shared_ptr<const RememberedRequests> remembered) noexcept {
    predecessor_remembers_ = std::move(remembered);
  }
  /// Before the reactor starts; without it no settings may ask for it. `spool` outlives its thread.
  void use(Spool& spool) noexcept { spool_ = &spool; }

  /// Any thread. False: the mailbox is full.
  [[nodiscard]] bool post(const ShardMessage& message) noexcept { return mailbox_->post(message); }
  /// After Drain or Retire was posted: waits until no answer is owed. False: the time came first.
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
  [[nodiscard]] std::uint32_t expected() const noexcept override { return 0; }
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_ms() const noexcept override;
  void flush() noexcept override;
  void leave() noexcept override;
  [[nodiscard]] std::uint32_t in_flight() const noexcept override {
    return in_flight_ + (radsec_ ? radsec_->in_flight() : 0) + server_links_->in_flight();
  }
  void left() noexcept override;

  void handle_replies(Now now) noexcept;
  void handle_messages(Now now) noexcept;
  void handle_requests(Now now) noexcept;
  void give_back(std::vector<Arrival>& arrivals) noexcept;
  void return_buffers() noexcept;
  void arm_receivers() noexcept;
  void report(Now now) noexcept;

  void receive_completed(const ring::Completion& completion) noexcept;
  void receive_ended(std::uint32_t file, int error) noexcept;
  void want_armed(std::uint32_t file) noexcept;
  void take_over(Handover& handover) noexcept;
  [[nodiscard]] bool lay(NewLink& link);
  [[nodiscard]] std::uint32_t file_of(std::uint16_t link, std::uint32_t port) const noexcept {
    return listeners_ + std::uint32_t{link} * door_plan_.max_source_ports + port;
  }
  void step_back(Succession& succession) noexcept;
  void step_forth() noexcept;
  void retire(Now now, std::uint64_t until_ms) noexcept;
  void look_whether_retired(Now now) noexcept;
  [[nodiscard]] bool is_his(const ClientDatagram& datagram) const noexcept;
  /// True: the process that we take over from gets it.
  [[nodiscard]] bool handed_back(const ClientDatagram& datagram) noexcept;
  void take_request(const Arrival& arrival) noexcept;
  [[nodiscard]] bool is_listener(std::uint32_t file) const noexcept { return file < listeners_; }
  /// The file after all source ports: what another process hands back to us.
  [[nodiscard]] bool is_returns(std::uint32_t file) const noexcept {
    return file + 1 == receivers_.size();
  }
  [[nodiscard]] ring::Tag receive_tag(std::uint32_t file) const noexcept;

  // Outbox: called by the door, on this thread.
  void send_to_client(const ClientPath& path, Octets datagram) noexcept override;
  void end_connection(std::uint16_t socket, RadsecEnd reason) noexcept override;
  void send_downstream(std::uint16_t link, std::uint16_t source_port,
                       Octets datagram) noexcept override;
  [[nodiscard]] bool open_source_port(std::uint16_t link) noexcept override;
  void server_changed(std::uint16_t link, bool is_down, ServerReason why) noexcept override;
  void connect(std::uint16_t link, std::uint16_t connection) noexcept override;
  void disconnect(std::uint16_t link, std::uint16_t connection) noexcept override;
  [[nodiscard]] bool ask(const verify::Question& question) noexcept override;
  void release(verify::Ticket ticket, const verify::JoinKey& key,
               std::uint64_t user_hash) noexcept override;
  [[nodiscard]] bool store(const StorageRequest& request) noexcept override;
  [[nodiscard]] verify::Challenges* challenges() noexcept override { return challenges_; }
  [[nodiscard]] verify::Verifier* links() noexcept override { return links_; }
  [[nodiscard]] bool audit(const AuditRecord& record) noexcept override;

  const DoorPlan door_plan_;
  const std::uint32_t listeners_;  ///< files [0, listeners_); source ports are the files after
                                   ///< them, in order of links
  const std::vector<bool> answers_need_source_;
  AuditQueue& audit_;
  verify::Verifier* verifier_ = nullptr;
  verify::Challenges* challenges_ = nullptr;  ///< none: no codes are asked
  verify::Verifier* links_ = nullptr;         ///< none: no links are sent
  Spool* spool_ = nullptr;                    ///< none: accounting is not spooled

  ring::Ring* const ring_;
  std::unique_ptr<ring::ReceiveBuffers> buffers_;
  std::unique_ptr<ring::SendSlots> slots_;
  std::unique_ptr<ring::Mailbox<ShardMessage>> mailbox_;

  RadiusMetrics metrics_;
  SystemRandom random_;
  std::unique_ptr<Door> door_;
  std::unique_ptr<Radsec> radsec_;  ///< null: nobody connects
  std::unique_ptr<RadsecLinks> server_links_;
  msghdr message_layout_;

  std::vector<Receiver> receivers_;    ///< by file
  std::vector<std::uint32_t> to_arm_;  ///< files whose receive has ended or not begun
  std::array<std::uint16_t, limits::kMaxDownstreamLinks> source_ports_{};      ///< in use, by link
  std::array<std::shared_ptr<ServerNews>, limits::kMaxDownstreamLinks> news_;  ///< by link
  std::vector<std::uint16_t> unreachable_;  ///< links whose server ICMP has spoken of
  std::uint32_t in_flight_ = 0;             ///< polls, receives and cancels that the kernel holds
  std::vector<Arrival> replies_;
  std::vector<Arrival> requests_;
  std::vector<DownstreamDatagram> from_downstream_;  ///< what the door is handed of replies_
  std::vector<ClientDatagram> from_clients_;         ///< and of requests_

  ring::FileDescriptor returns_;  ///< to the process that we take over from
  std::shared_ptr<const RememberedRequests> predecessor_remembers_;  ///< none: nothing goes back
  bool predecessor_gone_ = false;
  Succession* succession_ = nullptr;   ///< set: another process listens
  bool listed_ = false;                ///< what it must know
  std::uint32_t listeners_armed_ = 0;  ///< receives on listeners that the kernel holds

  bool draining_ = false;
  bool retiring_ = false;
  bool retired_ = false;              ///< reported
  std::uint64_t retire_look_ms_ = 0;  ///< then: when to look again whether all is over
  bool drain_reported_ = false;
  std::counting_semaphore<2> drained_{0};  ///< once each
};

}  // namespace sallyport::radius_door
