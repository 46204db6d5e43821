#include "engine/log/audit_writer.h"

#include <algorithm>
#include <chrono>

#include <pthread.h>
#include <spdlog/spdlog.h>

#include "engine/log/access_format.h"
#include "engine/log/audit_format.h"
#include "engine/log/coa_format.h"
#include "engine/log/event_format.h"
#include "verify/clock.h"

namespace sallyport::log {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kBatchRecords = 1024;
/// The shards do not wake us (that would cost them a system call), so we look: at once while there
/// is traffic, every 50 ms when there is none. 50 ms of 100,000 a second is a sixth of the queue.
constexpr milliseconds kShortestPause{1};
constexpr milliseconds kLongestPause{50};
static_assert(kAuditQueueRecords >= std::size_t{6} * 100 * kLongestPause.count());

constexpr milliseconds kPatience{1000};    ///< for a pipe that takes nothing
constexpr milliseconds kRetryPause{200};   ///< while the place is full
constexpr milliseconds kLastChance{2000};  ///< after stop()

std::uint64_t lines_in(std::string_view text) {
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

}  // namespace

AuditWriter::AuditWriter(radius_door::AuditQueue& queue, Output& output, LineStyle style)
    : queue_(queue), output_(output), style_(style) {}

AuditWriter::~AuditWriter() { stop(); }

void AuditWriter::start() {
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "audit");
}

void AuditWriter::stop() {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  stop_requested_.notify_one();
  thread_.join();
}

void AuditWriter::run() {
  fmt::memory_buffer lines;
  milliseconds pause = kShortestPause;
  bool running = true;
  for (;;) {
    lines.clear();
    if (refusals_) refusals_->look(verify::monotonic_ms());
    if (take_batch(lines) + take_access(lines) + take_coa(lines) + take_events(lines) > 0) {
      write_batch({lines.data(), lines.size()});
      pause = kShortestPause;
      continue;
    }
    if (!running) return;  // asked to stop, and empty since
    running = wait(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

std::size_t AuditWriter::take_batch(fmt::memory_buffer& out) {
  const std::uint64_t now = verify::unix_ms();
  radius_door::AuditRecord record;
  std::size_t taken = 0;
  for (; taken < kBatchRecords && queue_.try_pop(record); ++taken) {
    if (record.at_unix_ms == 0) record.at_unix_ms = now;
    append_audit_line(out, style_, record);
  }
  return taken;
}

std::size_t AuditWriter::take_access(fmt::memory_buffer& out) {
  if (access_ == nullptr) return 0;
  http_door::AccessRecord record;
  std::size_t taken = 0;
  for (; taken < kBatchRecords && access_->try_pop(record); ++taken) {
    append_access_line(out, style_, record);
  }
  return taken;
}

std::size_t AuditWriter::take_coa(fmt::memory_buffer& out) {
  if (coa_ == nullptr) return 0;
  const std::uint64_t now = verify::unix_ms();
  radius_door::CoaRecord record;
  std::size_t taken = 0;
  for (; taken < kBatchRecords && coa_->try_pop(record); ++taken) {
    if (record.at_unix_ms == 0) record.at_unix_ms = now;
    append_coa_line(out, style_, record);
  }
  return taken;
}

std::size_t AuditWriter::take_events(fmt::memory_buffer& out) {
  if (events_ == nullptr) return 0;
  http_door::AuditEvent event;
  std::size_t taken = 0;
  for (; taken < kBatchRecords && events_->try_pop(event); ++taken) {
    append_event_line(out, style_, event);
  }
  return taken;
}

void AuditWriter::write_batch(std::string_view lines) {
  std::size_t out = output_.write(lines, kPatience);
  if (out < lines.size()) {
    constexpr std::string_view kWaiting =
        "audit: records cannot be written: they wait, trying again";
    spdlog::error(kWaiting);
    output_.tell_beside(kWaiting);
    while (out < lines.size() && pause_before_retry())
      out += output_.write(lines.substr(out), kPatience);
    constexpr std::string_view kAgain = "audit: records are written again";
    if (out == lines.size()) {
      spdlog::info(kAgain);
      output_.tell_beside(kAgain);
    }
  }
  written_ += lines_in(lines.substr(0, out));
  lost_ += lines_in(lines.substr(out));
}

bool AuditWriter::pause_before_retry() {
  if (wait(kRetryPause)) return true;
  const auto now = steady_clock::now();
  if (!give_up_) give_up_ = now + kLastChance;
  if (now >= *give_up_) return false;
  std::this_thread::sleep_for(kRetryPause);  // wait() returns at once by now
  return true;
}

bool AuditWriter::wait(milliseconds time) {
  std::unique_lock lock(mutex_);
  return !stop_requested_.wait_for(lock, time, [this] { return stopping_; });
}

}  // namespace sallyport::log
