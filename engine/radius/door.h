#pragma once
// The RADIUS door of one shard: every decision, and no I/O. It is handed datagrams, verdicts and
// the time, and says through its Outbox what to do. The shard runs it over io_uring,
// tests/simulation over a simulated network. One thread. No memory is taken after construction.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "engine/config/config.h"
#include "engine/limits.h"
#include "engine/radius/audit.h"
#include "engine/radius/client_table.h"
#include "engine/radius/downstream_link.h"
#include "engine/radius/downstream_plan.h"
#include "engine/radius/metrics.h"
#include "engine/radius/parting.h"
#include "engine/radius/policy_table.h"
#include "engine/radius/spool/spool.h"
#include "protocol/ip_address.h"
#include "protocol/octets.h"
#include "protocol/radius/codes.h"
#include "protocol/random.h"
#include "verify/challenges.h"
#include "verify/verification.h"

namespace sallyport::radius_door {

/// Where a request came from and where its answer must leave: kept with the exchange.
struct ClientPath {
  /// From here on, socket numbers name connections (RADIUS over TLS).
  static constexpr std::uint16_t kFirstConnection = limits::kMaxListenEndpoints;

  Endpoint source;           ///< the client's address and port
  IpAddress local;           ///< the address it was sent to: the answer leaves from it
  std::uint16_t socket = 0;  ///< the shard's listen socket, or a connection
};
[[nodiscard]] constexpr bool is_connection(std::uint16_t socket) noexcept {
  return socket >= ClientPath::kFirstConnection;
}

/// A datagram in a receive buffer, or a packet of a stream in one, from a client.
struct ClientDatagram {
  ClientPath path;
  Octets octets;
  /// Of a connection: whose it is, by the settings in force. Null: found by the source address.
  const ClientEntry* client = nullptr;
  radius::Version version = radius::Version::v1_0;
};

/// A datagram in a receive buffer, or a packet of a stream in one, from the downstream.
struct DownstreamDatagram {
  std::uint16_t link = 0;         ///< whose source port that is
  std::uint16_t source_port = 0;  ///< that it came to: index, as Outbox counts them; or connection
  Octets octets;
};

/// A moment, handed in. The two run together; a simulation moves both.
struct Now {
  std::uint64_t monotonic_ns = 0;
  std::int64_t unix_s = 0;  ///< for the hours of policies alone
  [[nodiscard]] std::uint64_t ms() const noexcept { return monotonic_ns / 1'000'000; }
};

/// What the door wants done. Two implementations: the shard and the simulated network. Octets are
/// valid during the call only: whoever sends later copies them.
class Outbox {
 public:
  virtual ~Outbox() = default;
  virtual void send_to_client(const ClientPath& path, Octets datagram) noexcept = 0;
  /// A client has sent on a connection what must end it (RFC 6613 §2.6.4). Door::connection_ended
  /// follows, not within this call.
  virtual void end_connection(std::uint16_t socket, RadsecEnd reason) noexcept = 0;
  /// `link`: the server's, ServerEntry::link. `source_port`: index 0..n-1 of a source port of that
  /// link, opened before; or the number of a connection that is open.
  virtual void send_downstream(std::uint16_t link, std::uint16_t source_port,
                               Octets datagram) noexcept = 0;
  /// Opens the link's next source port (index = number opened so far). False: not possible now.
  [[nodiscard]] virtual bool open_source_port(std::uint16_t link) noexcept = 0;
  /// Its server is down as this shard sees it, or no more. Each is said once, of links by UDP
  /// alone: those over TLS have connections that tell.
  virtual void server_changed(std::uint16_t /*link*/, bool /*is_down*/,
                              ServerReason /*why*/) noexcept {}
  /// Of a link over TLS: begins that connection. Door::connected or Door::disconnected follows, not
  /// within this call.
  virtual void connect(std::uint16_t /*link*/, std::uint16_t /*connection*/) noexcept {}
  /// It is over; nothing follows.
  virtual void disconnect(std::uint16_t /*link*/, std::uint16_t /*connection*/) noexcept {}
  [[nodiscard]] virtual bool ask(const verify::Question& question) noexcept = 0;
  virtual void release(verify::Ticket ticket, const verify::JoinKey& key,
                       std::uint64_t user_hash) noexcept = 0;
  /// Accounting that is to be on the disk before it is acknowledged; the answer comes to
  /// Door::stored. False: not possible now.
  [[nodiscard]] virtual bool store(const StorageRequest& request) noexcept = 0;
  /// Where logins wait for their codes; null: no policy asks for any.
  [[nodiscard]] virtual verify::Challenges* challenges() noexcept { return nullptr; }
  /// Who asks by link, as ask() and release() do by phone; null: no policy does.
  [[nodiscard]] virtual verify::Verifier* links() noexcept { return nullptr; }
  /// False: the audit queue is full. The door then lets nothing through that only the audit log
  /// would witness.
  [[nodiscard]] virtual bool audit(const AuditRecord& record) noexcept = 0;
};

struct RadsecSettings;

/// What a reload can change. Immutable; shared by the shards.
struct DoorSettings {
  std::shared_ptr<const ClientTable> clients;
  std::shared_ptr<const RadsecSettings> radsec;  ///< null: no RADIUS over TLS
  DownstreamPlan plan;
  config::Downstream downstream;  ///< its times; servers are in `plan`
  config::SecondFactor second_factor;
  std::vector<config::Messages> translations = {};  ///< each text is there (config::completed)
  PolicyTable policies = {};
  std::uint32_t duplicate_window_ms = 10'000;
  std::uint32_t verification_ttl_ms = 60'000;  ///< the door gives up a little after verify does
  std::uint32_t link_ttl_ms = 60'000;          ///< the same of links
  bool audit = true;
  bool spools_accounting = false;  ///< accounting goes to Outbox::store and not downstream
};

/// The Proxy-State that every packet of ours carries behind the clients', so that one that comes
/// back is known for a loop. Tells nothing of `instance`.
[[nodiscard]] std::array<std::uint8_t, 8> proxy_state_of(
    const std::array<std::uint8_t, 16>& instance) noexcept;

/// Fixed for the door's life.
struct DoorPlan {
  std::uint16_t shard = 0;
  std::uint32_t exchanges = 65'536;     ///< size of the pool
  std::uint16_t max_source_ports = 64;  ///< towards each server
  std::uint16_t max_connections = 0;    ///< numbers of connections: kFirstConnection + 0..n-1
  std::array<std::uint8_t, 16>
      instance{};  ///< random for this process: marks our Proxy-State, keys the JoinKey
  LearnedAddresses* learned_clients = nullptr;  ///< shared by all shards, outlives them
  LearnedAddresses* learned_downstreams = nullptr;
};

class Door {
 public:
  /// `links`: one for each that `settings` refer to.
  Door(const DoorPlan& plan, std::shared_ptr<const DoorSettings> settings, DownstreamLinks links,
       Outbox& outbox, RandomSource& random, RadiusMetrics& metrics, Now now);
  ~Door();
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  /// What came in one turn, oldest first. The more at once, the cheaper each: digests are computed
  /// side by side. The outcome is that of one by one.
  void client_datagrams(Now now, std::span<const ClientDatagram> datagrams) noexcept;
  void downstream_datagrams(Now now, std::span<const DownstreamDatagram> datagrams) noexcept;
  /// All that is owed on it is let go of; its number may be used for another one.
  void connection_ended(Now now, std::uint16_t socket) noexcept;
  /// What its client waits for.
  [[nodiscard]] Owed owed(std::uint16_t socket) const noexcept;
  void verdict(Now now, const verify::Answer& answer) noexcept;
  void stored(Now now, const StorageAnswer& answer) noexcept;
  void code_checked(Now now, const verify::CodeAnswer& answer) noexcept;
  /// Retransmissions, time-outs and ends of duplicate windows that are due.
  void advance(Now now) noexcept;
  /// When advance must be called next (CLOCK_MONOTONIC milliseconds); empty: nothing is waiting.
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_ms() const noexcept;

  // Of links over TLS.
  /// The same as downstream_datagrams, of connections.
  void connection_packets(Now now, std::span<const DownstreamDatagram> packets) noexcept;
  /// It can be used, and speaks this version. The server has proved its name.
  void connected(Now now, std::uint16_t link, std::uint16_t connection,
                 radius::Version version) noexcept;
  /// It could not be had, or has ended. What was under way on it goes another way, now or later.
  void disconnected(Now now, std::uint16_t link, std::uint16_t connection,
                    ServerReason why) noexcept;

  /// ICMP says that the server is not there.
  void unreachable(Now now, std::uint16_t link) noexcept;

  /// New requests see the new settings; exchanges in flight finish with the client secret and the
  /// server that they began with.
  void reload(std::shared_ptr<const DoorSettings> settings) noexcept;
  /// The settings in force, and which they are: another number, other settings.
  [[nodiscard]] const DoorSettings& settings() const noexcept;
  [[nodiscard]] std::uint32_t settings_number() const noexcept;
  /// Before a reload that needs it: the link at `index` from now on. What was there comes back in
  /// `link`; no settings that the door still uses refer to it.
  void exchange_link(std::uint16_t index, std::unique_ptr<DownstreamLink>& link) noexcept;
  /// No new request is taken from now on; answers, duplicates and verdicts still are.
  void drain() noexcept;
  /// Appends a mark for each request that is remembered, answered or not (remembered.h).
  void list_remembered(std::vector<std::uint64_t>& marks) const;
  /// Exchanges that still owe an answer.
  [[nodiscard]] std::uint32_t unanswered() const noexcept;

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace sallyport::radius_door
