#pragma once
// The RADIUS door of one shard: every decision, and no I/O. It is handed datagrams, verdicts and
// the time, and says through its Outbox what to do. The shard runs it over io_uring,
// tests/simulation over a simulated network. One thread. No memory is taken after construction.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "engine/config/config.h"
#include "engine/radius/audit.h"
#include "engine/radius/client_table.h"
#include "engine/radius/metrics.h"
#include "protocol/ip_address.h"
#include "protocol/octets.h"
#include "protocol/random.h"
#include "verify/verification.h"

namespace sallyport::radius_door {

/// Where a request came from and where its answer must leave: kept with the exchange.
struct ClientPath {
  Endpoint source;           ///< the client's address and port
  IpAddress local;           ///< the address it was sent to: the answer leaves from it
  std::uint16_t socket = 0;  ///< the shard's listen socket
};

/// A datagram in a receive buffer, from a client.
struct ClientDatagram {
  ClientPath path;
  Octets octets;
};

/// A datagram in a receive buffer, from the downstream.
struct DownstreamDatagram {
  std::uint16_t source_port = 0;  ///< that it came to: index, as Outbox counts them
  Octets octets;
};

/// A moment, handed in. The two run together; a simulation moves both.
struct Now {
  std::uint64_t monotonic_ns = 0;
  [[nodiscard]] std::uint64_t ms() const noexcept { return monotonic_ns / 1'000'000; }
};

/// What the door wants done. Two implementations: the shard and the simulated network. Octets are
/// valid during the call only: whoever sends later copies them.
class Outbox {
 public:
  virtual ~Outbox() = default;
  virtual void send_to_client(const ClientPath& path, Octets datagram) noexcept = 0;
  /// `source_port`: index 0..n-1 of a source port opened before.
  virtual void send_downstream(std::uint16_t source_port, Octets datagram) noexcept = 0;
  /// Opens the next source port (index = number opened so far). False: not possible now.
  [[nodiscard]] virtual bool open_source_port() noexcept = 0;
  [[nodiscard]] virtual bool ask(const verify::Question& question) noexcept = 0;
  virtual void release(verify::Ticket ticket, const verify::JoinKey& key,
                       std::uint64_t user_hash) noexcept = 0;
  /// False: the audit queue is full. The door then lets nothing through that only the audit log
  /// would witness.
  [[nodiscard]] virtual bool audit(const AuditRecord& record) noexcept = 0;
};

/// What a reload can change. Immutable; shared by the shards.
struct DoorSettings {
  std::shared_ptr<const ClientTable> clients;
  std::shared_ptr<const radius::HopKey> downstream_key;
  config::Downstream downstream;  ///< its secret is in downstream_key
  config::SecondFactor second_factor;
  std::uint32_t duplicate_window_ms = 10'000;
  std::uint32_t verification_ttl_ms = 60'000;  ///< the door gives up a little after verify does
  bool audit = true;
};

/// Fixed for the door's life.
struct DoorPlan {
  std::uint16_t shard = 0;
  std::uint32_t exchanges = 65'536;  ///< size of the pool
  std::uint16_t max_source_ports = 64;
  std::array<std::uint8_t, 16>
      instance{};  ///< random for this process: marks our Proxy-State, keys the JoinKey
  LearnedAddresses* learned_clients = nullptr;  ///< shared by all shards, outlives them
  LearnedAddresses* learned_downstreams = nullptr;
};

class Door {
 public:
  Door(const DoorPlan& plan, std::shared_ptr<const DoorSettings> settings, Outbox& outbox,
       RandomSource& random, RadiusMetrics& metrics, Now now);
  ~Door();
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  /// What came in one turn, oldest first. The more at once, the cheaper each: digests are computed
  /// side by side. The outcome is that of one by one.
  void client_datagrams(Now now, std::span<const ClientDatagram> datagrams) noexcept;
  void downstream_datagrams(Now now, std::span<const DownstreamDatagram> datagrams) noexcept;
  void verdict(Now now, const verify::Answer& answer) noexcept;
  /// Retransmissions, time-outs and ends of duplicate windows that are due.
  void advance(Now now) noexcept;
  /// When advance must be called next (CLOCK_MONOTONIC milliseconds); empty: nothing is waiting.
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_ms() const noexcept;

  /// New requests see the new settings; exchanges in flight finish with the client secret they
  /// began with.
  void reload(std::shared_ptr<const DoorSettings> settings) noexcept;
  /// No new request is taken from now on; answers, duplicates and verdicts still are.
  void drain() noexcept;
  /// Exchanges that still owe an answer.
  [[nodiscard]] std::uint32_t unanswered() const noexcept;

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace sallyport::radius_door
