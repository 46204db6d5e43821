#pragma once
// The RADIUS door as a whole: its sockets, and its part of every shard. The only part of
// engine/radius that the daemon knows.

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/config/config.h"
#include "engine/radius/audit.h"
#include "engine/radius/metrics.h"
#include "engine/ring/reactors.h"
#include "verify/bounded_queue.h"
#include "verify/verification.h"

namespace sallyport::radius_door {

using AuditQueue = verify::BoundedQueue<AuditRecord>;

/// What the shards need to carry this door (and any other).
[[nodiscard]] ring::ReactorsPlan reactors_plan(const config::Radius& config);

/// Used by the main thread only.
class RadiusServer {
 public:
  /// Resolves the downstream, binds every socket, takes all memory. An error is one line that says
  /// what to do. `audit` outlives the server, which outlives the threads of `reactors`.
  [[nodiscard]] static std::expected<std::unique_ptr<RadiusServer>, std::string> open(
      const config::Config& config, ring::Reactors& reactors, AuditQueue& audit);
  ~RadiusServer();

  /// Where verify delivers its verdicts; valid as long as the server.
  [[nodiscard]] verify::VerdictSink& verdicts() noexcept;
  /// Before the reactors start. `verifier` outlives their threads.
  void use(verify::Verifier& verifier);
  /// Takes over clients, secrets, second factor and downstream settings, all or nothing. What
  /// cannot change while running (listen, shards, max_exchanges) is refused with the reason.
  [[nodiscard]] std::expected<void, std::string> reload(const config::Config& config);
  /// Takes no new request, and waits at most `grace` for the answers still owed. While the reactors
  /// run.
  void drain(std::chrono::milliseconds grace);

  [[nodiscard]] std::vector<const RadiusMetrics*> metrics() const;
  /// Addresses actually bound (port 0 resolved), in the order of the configuration.
  [[nodiscard]] std::vector<Endpoint> listening() const;

 private:
  struct Impl;
  explicit RadiusServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::radius_door
