#pragma once
// The daemon as one object: doors, verify pool, audit writer and admin listener, started in the
// order in which they need each other and ended in reverse. Main thread only.

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/admin/http_listener.h"
#include "engine/admin/snapshot.h"
#include "engine/config/config.h"
#include "engine/daemon/codes.h"
#include "engine/daemon/takeover.h"
#include "engine/http/server.h"
#include "engine/log/audit_writer.h"
#include "engine/log/log.h"
#include "engine/radius/server.h"
#include "verify/pool.h"

namespace sallyport::daemon {

/// Where there is no Notakey. No policy asks it (config::check_rules).
class NoPhone final : public verify::Verifier {
 public:
  [[nodiscard]] bool ask(const verify::Question&) noexcept override { return false; }
  void release(verify::Ticket, const verify::JoinKey&, std::uint64_t) noexcept override {}
};

class Daemon {
 public:
  /// Everything that can fail is done before the first thread starts; an error is one line that
  /// says what to do. `log` outlives the daemon.
  /// `predecessor`: the process that we take over from, or null; used until this returns.
  [[nodiscard]] static std::expected<std::unique_ptr<Daemon>, std::string> start(
      config::Config config, log::Log& log, Predecessor* predecessor = nullptr);
  /// Takes no new request, waits at most `grace` for the answers still owed, writes the audit log
  /// to its end.
  void stop(std::chrono::milliseconds grace);
  ~Daemon();
  /// Audit records that found no room to the very end: known after stop().
  [[nodiscard]] std::uint64_t lost_audit() const noexcept { return audit_writer_.lost(); }

  /// All or nothing; an error says what cannot change and leaves all as it was.
  [[nodiscard]] std::expected<void, std::string> reload(config::Config wanted);

  /// Starts `program` with the same configuration file and gives it all that clients send to. It
  /// listens when this returns, and we only answer what we remember: outlive_memories() is all that
  /// is left. An error says why all is as it was. `alive` is called every second.
  [[nodiscard]] std::expected<pid_t, std::string> hand_over(const std::string& program,
                                                            const std::string& config_path,
                                                            const std::function<void()>& alive);
  /// Until every answer owed is given, and as long as one may be asked for again.
  void outlive_memories();

  /// "RADIUS on 192.0.2.1:1812, admin on 127.0.0.1:9812, 4 shards"
  [[nodiscard]] std::string listening_text() const;

 private:
  Daemon(config::Config config, log::Log& log);
  [[nodiscard]] std::expected<void, std::string> open(Predecessor* predecessor);
  [[nodiscard]] std::expected<void, std::string> open_radius(Predecessor* predecessor);
  [[nodiscard]] std::expected<void, std::string> open_codes(Predecessor* predecessor);
  [[nodiscard]] std::expected<void, std::string> open_admin(Predecessor* predecessor);
  [[nodiscard]] std::expected<std::vector<NamedSockets>, std::string> sockets() const;
  [[nodiscard]] std::optional<http_door::HttpHeritage> http_heritage(
      Predecessor* predecessor) const;
  void outlive_logins();
  void forget_clients();
  void run();
  [[nodiscard]] admin::Snapshot snapshot() const;  ///< the admin thread calls it

  config::Config config_;
  log::Log& log_;
  radius_door::AuditQueue audit_queue_;
  radius_door::CoaAuditQueue coa_audit_queue_;
  http_door::AccessQueue access_queue_;
  http_door::AuditEvents audit_events_;
  std::unique_ptr<radius_door::RadiusServer> radius_;  ///< none: there is no RADIUS door
  std::unique_ptr<verify::Pool> pool_;                 ///< none: no login is asked on a phone
  NoPhone no_phone_;                                   ///< in its place
  std::unique_ptr<http_door::HttpServer> http_;        ///< none: there is no HTTP door
  std::unique_ptr<Codes> codes_;                       ///< none: no login is held
  std::unique_ptr<ring::Reactors> reactors_;  ///< goes first: its threads use all of the above
  log::AuditWriter audit_writer_;
  // What snapshot() reads; does not change once the admin listener runs.
  admin::Identity identity_;
  std::vector<const radius_door::RadiusMetrics*> shard_metrics_;
  std::vector<const verify::VerifyMetrics*> verify_metrics_;
  std::vector<const http_door::HttpMetrics*> http_metrics_;
  std::unique_ptr<admin::HttpListener> admin_;  ///< none: [admin] listen is not set
  std::optional<Successor> successor_;          ///< who has taken over from us
  std::uint8_t generation_ = 0;                 ///< one more than that of the process before us
  bool running_ = false;
  bool stopped_ = false;
};

}  // namespace sallyport::daemon
