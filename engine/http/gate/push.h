#pragma once
// Asks phones for the gate: a pool of verify's own, whose verdicts come back here.

#include <cstdint>
#include <functional>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "verify/gate/gate.h"
#include "verify/pool.h"

namespace sallyport::http_door {

class Push final : public verify::PushSender, private verify::VerdictSink {
 public:
  /// Runs a job soon; false: no room now.
  using Later = std::function<bool(std::function<void()> job)>;

  /// `settings`: as for the RADIUS door; the description gets the device and the number behind it.
  /// What the gate does with a verdict waits for the store, so it goes through `later`.
  Push(verify::PoolSettings settings, Later later);
  ~Push() override;

  void start() { pool_.start(); }
  void stop() { pool_.stop(); }
  [[nodiscard]] const verify::Pool& pool() const noexcept { return pool_; }
  /// Whether anybody is being asked. Any thread.
  [[nodiscard]] bool asks() noexcept {
    const std::scoped_lock lock(mutex_);
    return !waiting_.empty();
  }

  // PushSender.
  [[nodiscard]] bool ask(std::string_view user, const IpAddress& address, std::string_view device,
                         std::string_view number,
                         std::function<void(verify::Verdict verdict)> decided) override;

 private:
  using Decided = std::function<void(verify::Verdict verdict)>;

  [[nodiscard]] bool deliver(const verify::Answer& answer) noexcept override;

  const std::size_t most_;
  const Later later_;
  std::mutex mutex_;
  std::uint64_t last_ticket_ = 0;
  std::unordered_map<std::uint64_t, Decided> waiting_;
  verify::Pool pool_;  ///< last: its threads end first
};

/// Those of a pool for the gate's pushes.
[[nodiscard]] verify::PoolSettings push_settings(verify::PoolSettings settings);
/// What is asked; `number` is empty where none is to be compared.
[[nodiscard]] verify::Question push_question(std::string_view user, const IpAddress& address,
                                             std::string_view device, std::string_view number);

}  // namespace sallyport::http_door
