#pragma once
// One verify thread: it owns the users whose hash falls to it, their verifications, a libcurl multi
// and an access token. Shards reach it through a lock-free inbox; it answers through the sink. What
// it decides is in notakey/dialogue.h; here is only who waits, and what is carried out.

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "verify/approval_memory.h"
#include "verify/asker.h"
#include "verify/bounded_queue.h"
#include "verify/deadline_heap.h"
#include "verify/health_check.h"
#include "verify/metrics.h"
#include "verify/multi.h"
#include "verify/notakey/token_cache.h"
#include "verify/notakey_api.h"
#include "verify/pool_tuning.h"
#include "verify/push_limits.h"
#include "verify/transfer.h"
#include "verify/verification_table.h"

namespace sallyport::verify {

/// Verifications that are not yet decided, in all workers together.
class PendingBound {
 public:
  explicit PendingBound(std::uint32_t max) noexcept : max_(max) {}
  [[nodiscard]] bool take() noexcept {
    if (pending_.fetch_add(1, std::memory_order_relaxed) < max_) return true;
    give_back();
    return false;
  }
  void give_back() noexcept { pending_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  const std::uint32_t max_;
  std::atomic<std::uint32_t> pending_{0};
};

/// What the workers of a pool have in common. Outlives them.
struct WorkerContext {
  const NotakeySettings& notakey;
  const std::optional<PushLimitSettings>& limits;
  const PoolTuning& tuning;
  VerdictSink& sink;
  PendingBound& bound;
  HealthBoard& board;
};

class Worker {
 public:
  /// The worker that `checks_health` calls the API from time to time and tells the board.
  Worker(const WorkerContext& context, bool checks_health);
  ~Worker();  ///< stops

  void start();
  void stop();

  /// Any thread; lock-free. False: the inbox is full.
  [[nodiscard]] bool ask(const Question& question) noexcept;
  void release(Ticket ticket, const JoinKey& key) noexcept;

  [[nodiscard]] const VerifyMetrics& metrics() const noexcept { return metrics_; }

 private:
  struct Command {
    enum class Kind : std::uint8_t { ask, release } kind;
    Question question;  ///< release: ticket and join_key only
  };
  /// Waits for an access token on behalf of the health check.
  static constexpr std::uint32_t kHealthWaiter = 0xffff'fffe;
  /// Idle handles of each kind kept for the next calls. A burst makes more, some 7 KB each; while
  /// its users think, those are given back.
  static constexpr std::size_t kMaxIdleTransfers = 512;
  /// Places where users have approved logins, of some 250 octets each; and windows of each table of
  /// PushLimits.
  static constexpr std::size_t kMaxKnownPairs = 131'072;
  static constexpr std::size_t kMaxLimitEntries = 16'384;
  /// Calls started in one turn: thousands at once would starve what is in flight.
  static constexpr std::size_t kStartsPerTurn = 256;

  // The loop and its parts, in their order.
  void run();
  [[nodiscard]] std::uint64_t wake_at_ms();
  void harvest();
  void read_inbox();
  void run_timers();
  void start_calls();
  void redeliver();
  void clear();

  void on_question(const Question& question);
  /// The verdict on a question that need not be put, or may not; empty: it is put.
  [[nodiscard]] std::optional<Decision> decide_unasked(const Question& question,
                                                       const Asker& asker);
  /// What a verdict on a question that was put means for later ones.
  void learn(const Verification& verification);
  void on_release(Ticket ticket, const JoinKey& key);
  void on_due(std::uint32_t index);
  void on_call(Transfer& transfer, const CallOutcome& outcome);
  void on_token(Transfer& transfer, const CallOutcome& outcome);
  void on_health(Transfer& transfer, const CallOutcome& outcome);

  /// Gives the event to the dialogue and carries out what it wants, until it waits or has decided.
  void drive(std::uint32_t index, notakey::Event event);
  /// Puts the call that the dialogue waits for in line.
  void want_call(std::uint32_t index);
  /// Starts the first call of a line that is not empty.
  void start_next(std::deque<std::uint32_t>& line);
  [[nodiscard]] bool may_create() const noexcept;
  /// Empty: the request is on its way. Else why it could not be made.
  [[nodiscard]] notakey::Fault send(std::uint32_t index);
  void give_up_call(Verification& verification);
  void conclude(std::uint32_t index, const Decision& decision);
  void reschedule(std::uint32_t index);
  void drop(std::uint32_t index);
  void answer(const Waiter& waiter, const Decision& decision);

  [[nodiscard]] notakey::Event event(notakey::EventKind kind, const Verification& verification);
  void fill_answer(notakey::Event& event, Transfer& transfer, const CallOutcome& outcome);
  void want_token(std::uint32_t waiter, notakey::TokenCache::Need& need);
  void begin_health();
  void end_health(const notakey::Fault& fault, const std::string& cause);
  void send_health();

  [[nodiscard]] Transfer& idle_transfer(Purpose purpose);
  /// Sends request_.
  void launch(Transfer& transfer, std::uint32_t timeout_ms);
  void put_back(Transfer& transfer);
  void count(const Transfer& transfer, const CallOutcome& outcome);

  const WorkerContext context_;
  const bool checks_health_;
  VerifyMetrics metrics_;
  BoundedQueue<Command> inbox_;
  std::atomic<bool> parked_{false};  ///< asleep, or about to: producers must wake it
  std::atomic<bool> stopping_{false};
  std::thread thread_;

  // All below: the worker's thread only.
  std::vector<std::unique_ptr<Transfer>> transfers_;
  std::array<std::vector<Transfer*>, 2> idle_;  ///< that read only, that post
  std::deque<std::uint32_t> creates_in_line_;
  std::deque<std::uint32_t> polls_in_line_;
  std::uint32_t creates_on_their_way_ = 0;
  Multi multi_;
  HttpRequest request_;  ///< the one being made
  NotakeyApi api_;
  sallyport::notakey::AnswerReader reader_;
  notakey::TokenCache tokens_;
  Headers plain_headers_;
  Headers token_headers_;
  std::uint32_t token_headers_generation_ = 0;
  VerificationTable table_;
  const AskerKeys asker_keys_;
  ApprovalMemory approvals_{kMaxKnownPairs};
  std::optional<PushLimits> limits_;
  DeadlineHeap deadlines_;
  std::vector<Answer> undelivered_;
  HealthPace health_pace_;
  HealthState health_state_ = HealthState::not_running;  ///< last told to the log
  std::uint64_t next_health_ms_ = 0;
  bool health_running_ = false;
  std::uint32_t pending_ = 0;
  std::uint32_t random_;
};

}  // namespace sallyport::verify
