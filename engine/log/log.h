#pragma once
// The log of the whole program: spdlog's default logger over our Output. Whoever logs only formats
// and queues; one thread of its own writes. The queue is bounded: when the writer cannot keep up
// the oldest lines are lost and counted, and nobody waits. main() owns the one Log.

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "engine/config/config.h"
#include "engine/log/output.h"
#include "engine/log/text.h"

namespace spdlog::details {
class thread_pool;
}

namespace sallyport::log {

/// One line before it is text.
struct Line {
  std::uint64_t unix_ms = 0;
  std::string_view level;      ///< "info"
  std::string_view component;  ///< "sallyport", or who speaks: "notakey"
  std::string_view message;
};

/// Who speaks: a message may begin with the name of a part and a colon ("notakey: …"). In JSON the
/// name becomes the component. Other beginnings are text.
struct Spoken {
  std::string_view component;
  std::string_view message;
};
[[nodiscard]] Spoken split_component(std::string_view message) noexcept;

/// Pure: the line as it is written, with its '\n'.
void append_line(fmt::memory_buffer& out, LineStyle style, const Line& line);

/// `automatic` is human on a terminal and JSON otherwise.
[[nodiscard]] LineStyle style_for(config::LogFormat format, bool terminal) noexcept;

/// Main thread, but for lost_lines().
class Log {
 public:
  static constexpr std::size_t kQueuedLines = 8192;

  /// Sets spdlog's default logger up and starts its thread (block signals before).
  [[nodiscard]] static std::expected<std::unique_ptr<Log>, std::string> start(
      const config::Log& settings);
  /// Writes what is queued, then gives spdlog a plain logger on standard error.
  ~Log();

  [[nodiscard]] std::expected<void, std::string> reopen() { return output_->reopen(); }
  static void set_level(config::LogLevel level);
  [[nodiscard]] Output& output() noexcept { return *output_; }
  [[nodiscard]] LineStyle style() const noexcept { return style_; }
  /// Lines that were not written: queue overrun, or the place they go to refused. Any thread.
  [[nodiscard]] std::uint64_t lost_lines() const;

 private:
  Log(std::unique_ptr<Output> output, LineStyle style);

  std::unique_ptr<Output> output_;
  LineStyle style_;
  std::atomic<std::uint64_t> unwritten_{0};
  std::shared_ptr<spdlog::details::thread_pool> writer_;  ///< last: ends first
};

}  // namespace sallyport::log
