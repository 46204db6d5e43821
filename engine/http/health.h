#pragma once
// Whether a server of a pool is fit to be asked: what probes say (active) and what requests say
// (passive). Pure state machines: time and randomness are handed in, probes are sent by others.
// Active checks are run by one shard for all; the others are told by UpstreamSet::set_active.
// Passive health is each shard's own.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/http.h"
#include "engine/http/sides.h"

namespace sallyport::http_door {

enum class Health : std::uint8_t {
  up,
  suspect,  ///< asked as others are, but the last word on it was bad, or there was none yet
  down,     ///< not asked
};
inline constexpr std::size_t kHealths = 3;
[[nodiscard]] std::string_view to_text(Health health) noexcept;

/// Why a server is in its state: for logs, metrics and the status page.
struct HealthReason {
  enum class Kind : std::uint8_t {
    none,        ///< nothing has been heard of it yet
    good,        ///< the last probe or request went well
    connection,  ///< `broken` says how
    status,      ///< a probe's answer had the wrong `status`
    body,        ///< a probe's answer lacked the text
  };
  Kind kind = Kind::none;
  Broken broken = Broken::none;
  std::uint16_t status = 0;
  bool operator==(const HealthReason&) const = default;

  [[nodiscard]] std::string text() const;  ///< "status 503"
};

/// The end of one probe.
struct ProbeResult {
  Broken broken = Broken::none;  ///< timed_out after health_timeout_ms; none: answered
  std::uint16_t status = 0;
  std::string_view body{};  ///< the first kMaxProbeBody octets
};
inline constexpr std::size_t kMaxProbeBody = 65'536;

/// Kind::good, or what is wrong with it.
[[nodiscard]] HealthReason judge(const config::HttpPool& pool, const ProbeResult& result) noexcept;

struct HealthChange {
  std::uint32_t server;
  Health health;
  HealthReason reason;
};

/// The probes of one pool. The first one of a server decides at once; from then on
/// health_fall bad ones in a row take it down, and health_rise good ones bring it back.
class ActiveHealth {
 public:
  /// Probes begin within a second, spread by `random`; later a server's probes are health_interval
  /// apart, a tenth more or less, so that many pools and machines do not march in step.
  ActiveHealth(const config::HttpPool& pool, std::uint64_t now_ms, std::uint64_t random);

  /// Servers to probe now, a bit each. A server has one probe at a time: after this, result() is
  /// owed.
  [[nodiscard]] std::uint64_t take_due(std::uint64_t now_ms) noexcept;
  /// When take_due has something next; empty while all probes are under way.
  [[nodiscard]] std::optional<std::uint64_t> next_due_ms() const noexcept;
  /// Says what all shards are to be told, if anything.
  [[nodiscard]] std::optional<HealthChange> result(std::uint32_t server, const HealthReason& reason,
                                                   std::uint64_t now_ms,
                                                   std::uint64_t random) noexcept;
  /// The probe could not be sent, which says nothing of the server. Ends what take_due began.
  void skip(std::uint32_t server, std::uint64_t now_ms) noexcept;
  [[nodiscard]] Health health(std::uint32_t server) const noexcept;
  /// After a reload: what `old` knows of its server `old_server` is known of `server`.
  void adopt(std::uint32_t server, const ActiveHealth& old, std::uint32_t old_server) noexcept;

 private:
  enum class State : std::uint8_t {
    unproven,  ///< no probe has ended
    up,
    failing,  ///< up, with `in_a_row` bad probes
    down,
    rising,  ///< down, with `in_a_row` good probes
  };
  struct Server {
    State state = State::unproven;
    std::uint32_t in_a_row = 0;
    HealthReason reason;
    std::uint64_t due_ms = 0;
    bool probing = false;  ///< a probe is under way; `due_ms` means nothing
  };
  void step(Server& server, bool good) const noexcept;
  [[nodiscard]] static Health health_of(State state) noexcept;

  std::uint32_t interval_ms_;
  std::uint32_t rise_;
  std::uint32_t fall_;
  std::vector<Server> servers_;
};

/// What one shard's requests say of one server. `max_fails` failures in a row, none longer than
/// `fail_timeout` after the first, take it out for `fail_timeout`; then one request is let through
/// on trial, and its end decides.
class PassiveHealth {
 public:
  /// max_fails 0: never out.
  PassiveHealth(std::uint32_t max_fails, std::uint32_t fail_timeout_ms) noexcept
      : max_fails_(max_fails), fail_timeout_ms_(fail_timeout_ms) {}

  [[nodiscard]] bool admits(std::uint64_t now_ms) const noexcept;  ///< a request, maybe on trial
  [[nodiscard]] bool on_trial() const noexcept { return state_ == State::trial; }
  /// A request begins. True: it is the trial, even if it came before its time.
  [[nodiscard]] bool begin() noexcept;
  /// Good tells that the server was out, and is back.
  [[nodiscard]] bool succeeded() noexcept;
  void failed(bool trial, Broken why, std::uint64_t now_ms) noexcept;
  void gave_up(bool trial) noexcept;  ///< the request ended without saying anything of the server
  void reset() noexcept;
  /// After a reload: what `old` has learned, under the settings of this one.
  void adopt(const PassiveHealth& old) noexcept;

  [[nodiscard]] Health health() const noexcept;
  [[nodiscard]] Broken reason() const noexcept { return reason_; }  ///< of the last failure

 private:
  enum class State : std::uint8_t {
    up,
    failing,  ///< `fails_` in a row since `since_ms_`
    out,      ///< until `until_ms_`, then until somebody comes
    trial,    ///< one request is under way, all others stay away
  };
  void take_out(std::uint64_t now_ms) noexcept;

  std::uint32_t max_fails_;
  std::uint32_t fail_timeout_ms_;
  State state_ = State::up;
  Broken reason_ = Broken::none;
  std::uint32_t fails_ = 0;
  std::uint64_t since_ms_ = 0;
  std::uint64_t until_ms_ = 0;
};

}  // namespace sallyport::http_door
