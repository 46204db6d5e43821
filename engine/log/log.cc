#include "engine/log/log.h"

#include <chrono>
#include <utility>

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace sallyport::log {
namespace {

using std::chrono::milliseconds;

/// How long the log thread waits for a terminal or pipe to take a line. Others never wait for it.
constexpr milliseconds kPatience{1000};
constexpr const char* kProgram = "sallyport";

std::string_view level_name(spdlog::level::level_enum level) noexcept {
  switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug: return "debug";
    case spdlog::level::info: return "info";
    case spdlog::level::warn: return "warning";
    case spdlog::level::err: return "error";
    case spdlog::level::critical: return "critical";
    case spdlog::level::off:
    case spdlog::level::n_levels: break;
  }
  return "info";
}

spdlog::level::level_enum level_for(config::LogLevel level) noexcept {
  switch (level) {
    case config::LogLevel::debug: return spdlog::level::debug;
    case config::LogLevel::info: return spdlog::level::info;
    case config::LogLevel::warning: return spdlog::level::warn;
    case config::LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

/// SGR of ECMA-48 for a level on a terminal.
std::string_view colour_of(std::string_view level) noexcept {
  if (level == "warning") return "\x1b[33m";
  if (level == "error" || level == "critical") return "\x1b[31m";
  if (level == "debug") return "\x1b[2m";
  return "\x1b[32m";
}

/// spdlog's end of an Output. Called by the one thread of the pool.
class OutputSink final : public spdlog::sinks::sink {
 public:
  OutputSink(Output& output, LineStyle style, std::atomic<std::uint64_t>& unwritten)
      : output_(output), style_(style), unwritten_(unwritten) {}

  void log(const spdlog::details::log_msg& message) override {
    const auto at = std::chrono::floor<milliseconds>(message.time.time_since_epoch());
    const std::string_view payload{message.payload.data(), message.payload.size()};
    const Spoken spoken =
        style_ == LineStyle::json ? split_component(payload) : Spoken{{}, payload};
    const Line line{
        .unix_ms = static_cast<std::uint64_t>(at.count()),
        .level = level_name(message.level),
        .component = spoken.component,
        .message = spoken.message,
    };
    text_.clear();
    append_line(text_, style_, line);
    if (output_.write({text_.data(), text_.size()}, kPatience) != text_.size())
      unwritten_.fetch_add(1, std::memory_order_relaxed);
  }
  void flush() override {}  // nothing is held back
  // The form of a line is ours, not a pattern.
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  Output& output_;
  const LineStyle style_;
  std::atomic<std::uint64_t>& unwritten_;
  fmt::memory_buffer text_;
};

}  // namespace

Spoken split_component(std::string_view message) noexcept {
  static constexpr std::string_view kParts[] = {"admin",  "audit",  "coa",     "grants", "notakey",
                                                "radius", "reload", "upgrade", "verify"};
  for (const std::string_view part : kParts) {
    if (!message.starts_with(part) || !message.substr(part.size()).starts_with(": ")) continue;
    return {.component = part, .message = message.substr(part.size() + 2)};
  }
  return {.component = kProgram, .message = message};
}

void append_line(fmt::memory_buffer& out, LineStyle style, const Line& line) {
  if (style == LineStyle::json) {
    append(out, R"({"time":")");
    append_time(out, line.unix_ms);
    out.push_back('"');
    append_json_member(out, "level", line.level);
    append_json_member(out, "component", line.component);
    append_json_member(out, "message", line.message);
    append(out, "}\n");
    return;
  }
  append_time(out, line.unix_ms);
  const bool coloured = style == LineStyle::coloured;
  fmt::format_to(std::back_inserter(out), " {}{:<8}{} ", coloured ? colour_of(line.level) : "",
                 line.level, coloured ? "\x1b[0m" : "");
  append_escaped(out, line.message, Escape::plain);
  out.push_back('\n');
}

LineStyle style_for(config::LogFormat format, bool terminal) noexcept {
  const LineStyle human = terminal ? LineStyle::coloured : LineStyle::human;
  switch (format) {
    case config::LogFormat::automatic: return terminal ? human : LineStyle::json;
    case config::LogFormat::human: return human;
    case config::LogFormat::json: return LineStyle::json;
  }
  return LineStyle::json;
}

Log::Log(std::unique_ptr<Output> output, LineStyle style)
    : output_(std::move(output)),
      style_(style),
      writer_(std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1)) {}

std::expected<std::unique_ptr<Log>, std::string> Log::start(const config::Log& settings) {
  auto output = Output::open(settings.file);
  if (!output) return std::unexpected(std::move(output.error()));
  const LineStyle style = style_for(settings.format, (*output)->terminal());
  std::unique_ptr<Log> log(new Log(std::move(*output), style));
  auto sink = std::make_shared<OutputSink>(*log->output_, style, log->unwritten_);
  spdlog::set_default_logger(std::make_shared<spdlog::async_logger>(
      kProgram, std::move(sink), log->writer_, spdlog::async_overflow_policy::overrun_oldest));
  set_level(settings.level);
  return log;
}

Log::~Log() {
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      kProgram, std::make_shared<spdlog::sinks::stderr_sink_mt>()));
  writer_.reset();  // writes the queue, joins
}

void Log::set_level(config::LogLevel level) { spdlog::set_level(level_for(level)); }

std::uint64_t Log::lost_lines() const {
  return unwritten_.load(std::memory_order_relaxed) + writer_->overrun_counter();
}

}  // namespace sallyport::log
