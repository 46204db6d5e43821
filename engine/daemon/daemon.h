#pragma once
// The daemon as one object: doors, verify pool, audit writer and admin listener, started in the
// order in which they need each other and ended in reverse. Main thread only.

#include <chrono>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/admin/http_listener.h"
#include "engine/admin/snapshot.h"
#include "engine/config/config.h"
#include "engine/http/server.h"
#include "engine/log/audit_writer.h"
#include "engine/log/log.h"
#include "engine/radius/server.h"
#include "verify/pool.h"

namespace sallyport::daemon {

class Daemon {
 public:
  /// Everything that can fail is done before the first thread starts; an error is one line that
  /// says what to do. `log` outlives the daemon.
  [[nodiscard]] static std::expected<std::unique_ptr<Daemon>, std::string> start(
      config::Config config, log::Log& log);
  /// Takes no new request, waits at most `grace` for the answers still owed, writes the audit log
  /// to its end.
  void stop(std::chrono::milliseconds grace);
  ~Daemon();

  /// All or nothing; an error says what cannot change and leaves all as it was.
  [[nodiscard]] std::expected<void, std::string> reload(config::Config wanted);

  /// "RADIUS on 192.0.2.1:1812, admin on 127.0.0.1:9812, 4 shards"
  [[nodiscard]] std::string listening_text() const;

 private:
  Daemon(config::Config config, log::Log& log);
  [[nodiscard]] std::expected<void, std::string> open();
  [[nodiscard]] std::expected<void, std::string> open_radius();
  void run();
  [[nodiscard]] admin::Snapshot snapshot() const;  ///< the admin thread calls it

  config::Config config_;
  log::Log& log_;
  radius_door::AuditQueue audit_queue_;
  http_door::AccessQueue access_queue_;
  std::unique_ptr<radius_door::RadiusServer> radius_;  ///< none: there is no RADIUS door
  std::unique_ptr<verify::Pool> pool_;                 ///< with radius_
  std::unique_ptr<http_door::HttpServer> http_;        ///< none: there is no HTTP door
  std::unique_ptr<ring::Reactors> reactors_;  ///< goes first: its threads use all of the above
  log::AuditWriter audit_writer_;
  // What snapshot() reads; does not change once the admin listener runs.
  admin::Identity identity_;
  std::vector<const radius_door::RadiusMetrics*> shard_metrics_;
  std::vector<const verify::VerifyMetrics*> verify_metrics_;
  std::vector<const http_door::HttpMetrics*> http_metrics_;
  std::unique_ptr<admin::HttpListener> admin_;  ///< none: [admin] listen is not set
  bool running_ = false;
  bool stopped_ = false;
};

}  // namespace sallyport::daemon
