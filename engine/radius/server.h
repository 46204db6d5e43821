#pragma once
// The RADIUS door as a whole: its sockets, and its part of every shard. The only part of
// engine/radius that the daemon knows.

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/config/config.h"
#include "engine/radius/audit.h"
#include "engine/radius/coa/coa_metrics.h"
#include "engine/radius/coa/coa_record.h"
#include "engine/radius/downstream_board.h"
#include "engine/radius/listeners.h"
#include "engine/radius/metrics.h"
#include "engine/radius/spool/spool_metrics.h"
#include "engine/ring/file_descriptor.h"
#include "engine/ring/reactors.h"
#include "verify/bounded_queue.h"
#include "verify/challenges.h"
#include "verify/verification.h"

namespace sallyport::radius_door {

using AuditQueue = verify::BoundedQueue<AuditRecord>;

/// What a process leaves to the one that takes over (remembered.h, LearnedAddresses).
struct Legacy {
  std::vector<std::uint64_t> requests;
  std::vector<std::uint64_t> clients;
  std::vector<std::uint64_t> downstreams;
  std::vector<std::uint64_t> coa;  ///< marks of CoA-Requests and Disconnect-Requests
};

/// What a process has that takes over: the listeners of every configured address, and for each
/// shard a socket to the process before it.
struct Inheritance {
  std::vector<ListenerCopies> listeners;
  std::vector<ring::FileDescriptor> returns;
  std::vector<ListenerCopies> coa_listeners = {};  ///< each of one socket
  std::vector<ListenerCopies> tls_listeners = {};
};

/// What the shards need to carry this door (and any other).
[[nodiscard]] ring::ReactorsPlan reactors_plan(const config::Config& config);

/// Used by the main thread only.
class RadiusServer {
 public:
  /// Resolves the downstream, binds every socket, takes all memory. An error is one line that says
  /// what to do. The queues outlive the server, which outlives the threads of `reactors`.
  [[nodiscard]] static std::expected<std::unique_ptr<RadiusServer>, std::string> open(
      const config::Config& config, ring::Reactors& reactors, AuditQueue& audit,
      CoaAuditQueue& coa_audit, std::optional<Inheritance> inheritance = std::nullopt);
  ~RadiusServer();

  /// Where verify delivers its verdicts; valid as long as the server.
  [[nodiscard]] verify::VerdictSink& verdicts() noexcept;
  /// Where codes that were checked are delivered; valid as long as the server.
  [[nodiscard]] verify::CodeSink& codes() noexcept;
  /// Before the reactors start, if a policy asks for more than pushes. `links`: null, if none asks
  /// for links. Both outlive their threads.
  void use(verify::Challenges& challenges, verify::Verifier* links);
  /// Before the reactors start. `verifier` outlives their threads.
  void use(verify::Verifier& verifier);
  /// What the process before us has left, with `inheritance`. Before the reactors start.
  void respect(const Legacy& legacy);
  /// Starts the spool and dynamic authorization, if there are any. Before the reactors start.
  void start();
  /// Ends them. After the reactors have stopped.
  void stop();
  /// Takes over clients, secrets, second factor and downstream settings, all or nothing. What
  /// cannot change while running (listen, shards, max_exchanges) is refused with the reason.
  [[nodiscard]] std::expected<void, std::string> reload(const config::Config& config);
  /// The listeners, for a process that takes over; ours stay ours. The error is one line.
  [[nodiscard]] std::expected<std::vector<ListenerCopies>, std::string> listeners() const;
  /// The same of those with TLS.
  [[nodiscard]] std::expected<std::vector<ListenerCopies>, std::string> tls_listeners() const;
  /// The same of dynamic authorization.
  [[nodiscard]] std::expected<std::vector<ListenerCopies>, std::string> coa_listeners() const;
  /// Reads nothing more from the listeners, which another process has by now, and tells what that
  /// one must know. What it hands back comes by `returns`, one socket for each shard. From then on
  /// retire() and a duplicate window's time are all that is left. While the reactors run, and not
  /// again before step_forth().
  [[nodiscard]] Legacy step_back(std::vector<ring::FileDescriptor> returns);
  /// That process has failed: we listen again.
  void step_forth();
  /// After step_back(): connections end one by one, when nothing is owed on them or `most` is over
  /// (parting.h), and the answers owed to others are waited for as long. While the reactors run.
  void retire(std::chrono::milliseconds most);
  /// Takes no new request, and waits at most `grace` for the answers still owed. While the reactors
  /// run.
  void drain(std::chrono::milliseconds grace);

  [[nodiscard]] std::vector<const RadiusMetrics*> metrics() const;
  [[nodiscard]] std::vector<DownstreamState> downstreams() const;  ///< any thread
  [[nodiscard]] const SpoolMetrics* spool_metrics() const;         ///< null: there is no spool
  [[nodiscard]] const CoaMetrics* coa_metrics() const;  ///< null: no dynamic authorization
  [[nodiscard]] std::vector<Endpoint> coa_listening() const;
  /// Addresses actually bound (port 0 resolved), in the order of the configuration.
  [[nodiscard]] std::vector<Endpoint> listening() const;
  /// The same of those with TLS.
  [[nodiscard]] std::vector<Endpoint> listening_tls() const;

 private:
  struct Impl;
  explicit RadiusServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::radius_door
