#pragma once
// The RADIUS door as a whole: its sockets, shards and threads. The only part of engine/radius that
// main.cc knows.

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/config/config.h"
#include "engine/radius/audit.h"
#include "engine/radius/metrics.h"
#include "verify/bounded_queue.h"
#include "verify/verification.h"

namespace sallyport::radius_door {

using AuditQueue = verify::BoundedQueue<AuditRecord>;

/// Used by the main thread only.
class RadiusServer {
 public:
  /// Resolves the downstream, binds every socket, takes all memory. An error is one line that says
  /// what to do. `audit` outlives the server.
  [[nodiscard]] static std::expected<std::unique_ptr<RadiusServer>, std::string> open(
      const config::Config& config, AuditQueue& audit);
  ~RadiusServer();

  /// Where verify delivers its verdicts; valid as long as the server.
  [[nodiscard]] verify::VerdictSink& verdicts() noexcept;
  /// Starts one thread for each shard. `verifier` outlives stop().
  void start(verify::Verifier& verifier);
  /// Takes over clients, secrets, second factor and downstream settings, all or nothing. What
  /// cannot change while running (listen, shards, max_exchanges) is refused with the reason.
  [[nodiscard]] std::expected<void, std::string> reload(const config::Config& config);
  /// Takes no new request, waits at most `grace` for the answers still owed, then ends the threads.
  void stop(std::chrono::milliseconds grace);

  [[nodiscard]] std::vector<const RadiusMetrics*> metrics() const;
  /// Addresses actually bound (port 0 resolved), in the order of the configuration.
  [[nodiscard]] std::vector<Endpoint> listening() const;

 private:
  struct Impl;
  explicit RadiusServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::radius_door
