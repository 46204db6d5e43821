#pragma once
// The servers of one pool as one shard sees them: load, health, slow start, drain. Owned by its
// shard and used by its thread alone, so nothing is atomic; each shard balances its own share.
// Pure: time is handed in. Which of the candidates is asked is balancer.h's.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/config/http.h"
#include "engine/http/health.h"
#include "engine/http/upstream_board.h"

namespace sallyport::http_door {

/// Servers of one pool: a bit each in a mask. Each pick looks at all of them.
inline constexpr std::size_t kMaxServers = 64;
/// Masks of servers: bit i is server i.
using ServerMask = std::uint64_t;
[[nodiscard]] constexpr ServerMask server_bit(std::uint32_t server) noexcept {
  return ServerMask{1} << server;
}

/// A place at a server, taken by acquire and given back by release, once. A plain value: who holds
/// it must give it back to the set it came from.
struct ServerLease {
  std::uint32_t server = 0;
  bool trial = false;     ///< this request decides whether the server is asked again
  bool reported = false;  ///< succeeded() or failed() has been called
};

class UpstreamSet {
 public:
  /// Weight is counted in thousandths, so that slow start can grow it in steps.
  static constexpr std::uint32_t kWeightScale = 1'000;

  explicit UpstreamSet(const config::HttpPool& pool);
  /// After a reload: servers that `old` knows by address keep their health and their slow start.
  /// What is in flight stays counted in `old`.
  void adopt(const UpstreamSet& old);
  /// How it sees its servers is written there from now on; null: nowhere any more.
  void show_on(std::shared_ptr<PoolView> view);

  [[nodiscard]] std::uint32_t size() const noexcept;
  [[nodiscard]] const config::HttpServer& config(std::uint32_t server) const noexcept;
  /// "10.0.0.1:8080", "[2001:db8::1]:80", "unix:/run/app.sock"
  [[nodiscard]] const std::string& label(std::uint32_t server) const noexcept;

  /// Who may be asked now, those of `tried` left out: the servers that are up; if there is none,
  /// the backups; if there is none either, those that only failing requests took out and that have
  /// no trial under way. Never one that is down by its probes or drains.
  [[nodiscard]] ServerMask candidates(ServerMask tried, std::uint64_t now_ms) const noexcept;

  /// In thousandths, at least 1: slow start counted in.
  [[nodiscard]] std::uint32_t weight(std::uint32_t server, std::uint64_t now_ms) const noexcept;
  [[nodiscard]] std::uint32_t full_weight(std::uint32_t server) const noexcept;
  [[nodiscard]] std::uint32_t in_flight(std::uint32_t server) const noexcept;

  /// A request goes to this server (a candidate).
  [[nodiscard]] ServerLease acquire(std::uint32_t server) noexcept;
  /// At most one of these a lease: the head of an answer came (whatever its status), or the server
  /// failed. None, when it ended for another reason.
  void succeeded(ServerLease& lease, std::uint64_t now_ms) noexcept;
  void failed(ServerLease& lease, Broken why, std::uint64_t now_ms) noexcept;
  void release(const ServerLease& lease) noexcept;
  /// What is wrong with its TLS, in words; until it works.
  void explain(std::uint32_t server, std::string detail);
  [[nodiscard]] const std::string& detail(std::uint32_t server) const noexcept;
  /// Failures that the log has not told of: 0, unless it is time to.
  [[nodiscard]] std::uint64_t take_untold(std::uint32_t server, std::uint64_t now_ms) noexcept;

  /// What the shard that probes has found.
  void set_active(const HealthChange& change, std::uint64_t now_ms) noexcept;
  void set_drain(std::uint32_t server, bool drain, std::uint64_t now_ms) noexcept;

  [[nodiscard]] Health health(std::uint32_t server) const noexcept;  ///< the worse of both
  /// Of one that is up, too, when the last request failed.
  [[nodiscard]] HealthReason reason(std::uint32_t server) const noexcept;
  [[nodiscard]] bool drains(std::uint32_t server) const noexcept;

 private:
  struct Server {
    Server(const config::HttpServer& from, const config::HttpPool& pool);

    config::HttpServer config;
    std::string label;
    Health active = Health::up;
    HealthReason reason;
    PassiveHealth passive;
    Broken last_failure = Broken::none;  ///< none: the last request went well
    std::string detail;
    std::uint64_t untold = 0;
    std::uint64_t told_ms = 0;
    std::uint32_t in_flight = 0;
    bool drain;
    bool slow_start = false;
    std::uint64_t back_since_ms = 0;  ///< slow_start
  };
  void came_back(Server& server, std::uint64_t now_ms) const noexcept;
  void show(std::uint32_t server) const noexcept;

  std::uint32_t slow_start_ms_;
  bool probed_;
  std::vector<Server> servers_;
  std::shared_ptr<PoolView> view_;
};

}  // namespace sallyport::http_door
