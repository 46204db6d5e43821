#pragma once
// The threads that ask Notakey: each runs one libcurl multi handle over epoll and owns the users
// whose hash falls to it, so that requests of one user meet without a lock. 100,000 verifications
// may wait at once.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/secret.h"
#include "verify/metrics.h"
#include "verify/push_limits.h"
#include "verify/verification.h"

namespace sallyport::verify {

struct PoolTuning;

/// How the Notakey API is reached. Durations in milliseconds.
struct NotakeySettings {
  bool v3 = false;        ///< OAuth client credentials; else the v2 API
  std::string host;       ///< "https://demo.notakey.com", with or without /api and trailing slash
  std::string access_id;  ///< application access id (v2), service id (v3)
  std::string client_id;
  Secret client_secret;
  std::uint32_t timeout_ms = 5'000;
  std::uint32_t ttl_ms = 60'000;
  std::string action;                   ///< template
  std::string description;              ///< template
  std::string number_description = {};  ///< in its place where a question has a number
  std::string profile;                  ///< v3: replaces action, description and ttl
  std::string proxy;
  std::string ca_file;
};

struct PoolSettings {
  NotakeySettings notakey;
  std::uint32_t threads = 1;
  std::optional<PushLimitSettings> limits = {};  ///< none: whoever asks has limits of his own
  std::uint32_t max_pending =
      131'072;  ///< over all threads; beyond it a question is `unavailable`, no push out
};

/// The five states that the original service showed, in its order.
enum class HealthState : std::uint8_t {
  ok,           ///< the API answered and is well
  not_running,  ///< the health check itself timed out: the daemon (or its verify thread) does not
                ///< run
  cannot_connect,  ///< no connection to the API
  call_timed_out,  ///< connected, but no answer in time
  other_error,     ///< answered with an error; `text` has it
};
[[nodiscard]] const char* to_text(HealthState state) noexcept;  ///< "ok", "not_running", …

struct Health {
  HealthState state = HealthState::not_running;
  std::string text;                   ///< for people: what was seen; never a secret
  std::uint64_t checked_unix_ms = 0;  ///< 0: not yet
  std::uint32_t next_check_ms = 0;    ///< from then: 10 s while well, growing while it fails
};

class Pool final : public Verifier {
 public:
  /// `sink` outlives the pool. Nothing runs before start().
  Pool(PoolSettings settings, VerdictSink& sink);
  /// For tests, which shorten the inner times (pool_tuning.h).
  Pool(PoolSettings settings, VerdictSink& sink, const PoolTuning& tuning);
  ~Pool() override;  ///< stops

  void start();
  void stop();  ///< ends the threads; verifications still waiting get no verdict

  [[nodiscard]] bool ask(const Question& question) noexcept override;
  void release(Ticket ticket, const JoinKey& key, std::uint64_t user_hash) noexcept override;

  [[nodiscard]] std::vector<const VerifyMetrics*> metrics() const;
  [[nodiscard]] Health health() const;  ///< any thread

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::verify
