#pragma once
// The gate's threads. A shard hands an errand in and goes on; a thread asks the gate, which may
// wait for the store or a directory, and the answer goes back by the shard's mailbox. An errand
// that the gate wants held waits here until its visit changes. Everything is bounded.

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <semaphore.h>

#include "engine/http/gate/errand.h"
#include "engine/http/gate/gate_path.h"
#include "engine/http/gate/held_errands.h"
#include "verify/bounded_queue.h"

namespace sallyport::http_door {

struct DeskPlan {
  std::uint32_t threads = 8;
  std::uint32_t questions = 1'024;  ///< that wait for a thread; a power of two
  std::uint32_t jobs = 4'096;       ///< of the gate's, that wait for a thread
  std::uint32_t held = 65'536;
  std::uint32_t held_of_visit = 8;
  std::uint32_t patience_ms = 25'000;  ///< held at most: less than what proxies between us allow
};

/// What came of a question.
enum class GateOutcome : std::uint8_t { page, error, redirect, octets, held };
inline constexpr std::size_t kGateOutcomes = 5;
[[nodiscard]] const char* to_text(GateOutcome outcome) noexcept;

/// What the desk has done and has to do. Any thread.
struct DeskCounts {
  std::array<std::array<std::uint64_t, kGateOutcomes>, kGatePaths.size()> answers{};
  std::uint64_t refused = 0;       ///< questions that found the queue full
  std::uint64_t jobs_refused = 0;  ///< the same of jobs
  std::uint64_t waiting = 0;       ///< now: questions and jobs
  std::uint64_t held = 0;          ///< now
};

class Desk {
 public:
  /// On the desk's threads, several at once.
  struct Work {
    std::function<void(GateErrand& errand)> answer;  ///< fills in `reply`; may wait
    std::function<void(GateErrand& errand)> finish;  ///< makes `answer` of it
    /// Takes the errand over. False: no room in the mailbox now, it stays ours.
    std::function<bool(GateErrand* errand)> deliver;
  };

  explicit Desk(const DeskPlan& plan);
  ~Desk();  ///< stops
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  void start(Work work);
  /// Answers all that is held, and holds nothing any more.
  void let_go();
  /// Ends the threads. Questions that are still here get no answer; the doors have ended.
  void stop();

  // Shards: neither locks nor waits.

  /// False: too many wait already; `errand` stays the caller's.
  [[nodiscard]] bool ask(std::unique_ptr<GateErrand>& errand) noexcept;
  /// The visitor has gone away. An answer may still come.
  void release(const GateTicket& ticket) noexcept;

  // Any thread but a shard's; they do not wait for the gate.

  /// Runs it soon. False: too many wait already.
  [[nodiscard]] bool later(std::function<void()> job);
  /// The visit's record has changed: who is held for it asks again.
  void notify(std::string_view visit);
  [[nodiscard]] DeskCounts counts() const;

 private:
  using Errand = std::unique_ptr<GateErrand>;
  struct Message {
    GateErrand* errand;  ///< null: `gone` is all there is
    GateTicket gone;
  };
  struct Notice {
    std::uint64_t number;
    std::string visit;
  };
  struct Task {
    Errand errand;
    std::function<void()> job;
  };

  void run();
  [[nodiscard]] std::optional<Task> take();
  [[nodiscard]] bool pop(Message& message);
  void wait();
  void serve(Errand errand);
  [[nodiscard]] bool keep(Errand& errand, std::uint64_t seen);
  void deliver(Errand errand);
  [[nodiscard]] bool noticed_since(std::uint64_t seen, std::string_view visit) const;
  void count(const GateErrand& errand) noexcept;

  const DeskPlan plan_;
  Work work_;
  sem_t wake_;  ///< not std::counting_semaphore: GCC 12's can sleep for ever (PR 104928)
  verify::BoundedQueue<Message> inbox_;
  std::mutex inbox_reader_;  ///< the queue has room for one reader at a time

  mutable std::mutex mutex_;  ///< over what follows; never held while the gate is asked
  std::deque<Errand> again_;  ///< were held, and ask again
  std::deque<std::function<void()>> jobs_;
  HeldErrands held_;
  std::deque<Notice> notices_;  ///< the last ones
  std::uint64_t next_notice_ = 1;
  std::uint32_t jobs_running_ = 0;
  bool holding_ = true;

  std::atomic<bool> stopping_{false};
  std::atomic<std::uint32_t> questions_{0};  ///< in the inbox
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> jobs_refused_{0};
  std::array<std::array<std::atomic<std::uint64_t>, kGateOutcomes>, kGatePaths.size()> answers_{};
  std::vector<std::thread> threads_;
};

}  // namespace sallyport::http_door
