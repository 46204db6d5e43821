#pragma once
// The thread that writes the audit log: pops decisions from the shards' queue, writes one line
// each, in batches. It never drops a record while it runs: when the place is full it keeps what it
// holds and tries again, the queue fills, and the doors then refuse what only the audit log would
// have witnessed. At the end it drains the queue.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "engine/http/access_record.h"
#include "engine/http/audit_event.h"
#include "engine/log/output.h"
#include "engine/log/refusal_report.h"
#include "engine/log/text.h"
#include "engine/radius/coa/coa_record.h"
#include "engine/radius/server.h"

namespace sallyport::log {

/// Records between the shards and the disk: a third of a second at 100,000 decisions a second.
inline constexpr std::size_t kAuditQueueRecords = 32'768;
/// The same for the access log: 100 ms of 80,000 requests a second, twice the writer's longest
/// pause.
inline constexpr std::size_t kAccessQueueRecords = 8'192;
/// And for dynamic authorization, which is rare.
inline constexpr std::size_t kCoaQueueRecords = 4'096;

/// start() and stop() on one thread, the counters on any.
class AuditWriter {
 public:
  /// Both outlive the writer.
  AuditWriter(radius_door::AuditQueue& queue, Output& output, LineStyle style);
  /// Before start(): writes the access log, too. It loses what finds its queue full: requests do
  /// not wait for it.
  void write_access_of(http_door::AccessQueue& queue) { access_ = &queue; }
  /// Before start(): writes what the HTTP door's own threads have for the audit log, too.
  void write_events_of(http_door::AuditEvents& events) { events_ = &events; }
  /// Before start(): writes what came of CoA-Requests and Disconnect-Requests, too.
  void write_coa_of(radius_door::CoaAuditQueue& queue) { coa_ = &queue; }
  /// Before start(): tells the log, not the audit log, of these. The thread is there.
  void report_refusals_of(std::vector<const radius_door::RefusalNotes*> shards) {
    refusals_.emplace(std::move(shards));
  }
  ~AuditWriter();  ///< stops
  AuditWriter(const AuditWriter&) = delete;
  AuditWriter& operator=(const AuditWriter&) = delete;

  void start();
  /// Writes all that is queued, giving a full disk two seconds, and ends the thread. The producers
  /// have stopped.
  void stop();

  /// Lines, those of the access log included.
  [[nodiscard]] std::uint64_t written() const noexcept { return written_.load(); }
  /// Popped but not written: only when the disk was full to the end.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_.load(); }

 private:
  void run();
  [[nodiscard]] std::size_t take_batch(fmt::memory_buffer& out);
  [[nodiscard]] std::size_t take_access(fmt::memory_buffer& out);
  [[nodiscard]] std::size_t take_coa(fmt::memory_buffer& out);
  [[nodiscard]] std::size_t take_events(fmt::memory_buffer& out);
  void write_batch(std::string_view lines);
  /// False: the program is stopping and the place had its last chance.
  [[nodiscard]] bool pause_before_retry();
  /// False: stop() was called, before or while waiting.
  bool wait(std::chrono::milliseconds time);

  radius_door::AuditQueue& queue_;
  http_door::AccessQueue* access_ = nullptr;
  http_door::AuditEvents* events_ = nullptr;
  radius_door::CoaAuditQueue* coa_ = nullptr;
  std::optional<RefusalReport> refusals_;
  Output& output_;
  const LineStyle style_;
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> lost_{0};
  std::optional<std::chrono::steady_clock::time_point> give_up_;  ///< set once, while stopping
  std::mutex mutex_;
  std::condition_variable stop_requested_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sallyport::log
