#include "bench/verify/pending.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "bench/simulators/clock.h"
#include "bench/simulators/text.h"
#include "bench/verify/json_file.h"
#include "bench/verify/pool_question.h"
#include "bench/verify/usage.h"
#include "verify/pool.h"

namespace sallyport::lab {
namespace {

using Outcome = std::expected<void, std::string>;

constexpr std::uint64_t kPatienceMs = 120'000;
constexpr std::chrono::milliseconds kTurn{5};

/// Nobody is to get an answer while we measure.
class NoAnswers final : public verify::VerdictSink {
 public:
  bool deliver(const verify::Answer& answer) noexcept override {
    early_.store(true, std::memory_order_relaxed);
    detail_ = answer.detail;
    return true;
  }
  [[nodiscard]] bool early() const { return early_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::string_view detail() const { return detail_.view(); }

 private:
  std::atomic<bool> early_{false};
  verify::ShortText<63> detail_;
};

struct Figures {
  std::uint64_t baseline_octets = 0;
  std::uint64_t peak_octets = 0;  ///< while all are pending
  double octets_per_pending = 0;
  double cpu_us_per_pending_second = 0;
  double polls_per_s = 0;
  double start_cpu_us = 0;  ///< per verification, from its question until it waits
  double start_s = 0;
};

std::uint64_t sum(const verify::Pool& pool, verify::Counter verify::VerifyMetrics::* counter) {
  std::uint64_t total = 0;
  for (const verify::VerifyMetrics* metrics : pool.metrics()) total += (metrics->*counter).value();
  return total;
}

class Measurement {
 public:
  explicit Measurement(const PendingOptions& options, const SimulatorChild& simulator)
      : options_(options), held_(options.mode == "held"), pool_(settings(simulator), sink_) {}

  std::expected<Figures, std::string> run(std::uint64_t steady_ms) {
    pool_.start();
    if (!wait([&] { return pool_.health().state == verify::HealthState::ok; }))
      return std::unexpected("the pool has no connection to the simulator");
    figures_.baseline_octets = resident_octets();
    const std::uint64_t cpu_us = process_cpu_us();
    const std::uint64_t begin_ms = monotonic_ms();
    if (!ask_all() || !wait([&] { return all_pending() || sink_.early(); }))
      return std::unexpected("not all verifications became pending within two minutes");
    figures_.start_s = static_cast<double>(monotonic_ms() - begin_ms) / 1'000;
    figures_.start_cpu_us =
        static_cast<double>(process_cpu_us() - cpu_us) / static_cast<double>(options_.pending);
    watch(steady_ms);
    if (sink_.early())
      return std::unexpected(fmt::format("a verification ended early: {}", sink_.detail()));
    return figures_;
  }

 private:
  [[nodiscard]] verify::PoolSettings settings(const SimulatorChild& simulator) const {
    verify::PoolSettings made = pool_settings(simulator);
    made.threads = options_.threads;
    made.notakey.timeout_ms = kBenchTtlMs / 4;  // a simulator on a busy machine may take its time
    made.max_pending = std::max(made.max_pending, options_.pending);
    return made;
  }

  bool ask_all() {
    const std::uint64_t begin_ms = monotonic_ms();
    std::uint64_t asked = 0;
    while (asked < options_.pending) {
      const std::uint64_t passed_ms = monotonic_ms() - begin_ms;
      if (passed_ms > kPatienceMs) return false;
      const std::uint64_t due =
          std::min<std::uint64_t>(options_.pending, 1 + passed_ms * options_.rate / 1'000);
      while (asked < due && pool_.ask(pool_question(asked))) ++asked;
      std::this_thread::sleep_for(kTurn);
    }
    return true;
  }

  [[nodiscard]] bool all_pending() const {
    const bool created = sum(pool_, &verify::VerifyMetrics::pushes) == options_.pending;
    return created && (!held_ || sum(pool_, &verify::VerifyMetrics::polls) >= options_.pending);
  }

  template <typename Condition>
  static bool wait(Condition&& condition) {
    const std::uint64_t deadline_ms = monotonic_ms() + kPatienceMs;
    while (!condition()) {
      if (monotonic_ms() > deadline_ms) return false;
      std::this_thread::sleep_for(kTurn);
    }
    return true;
  }

  void watch(std::uint64_t steady_ms) {
    std::this_thread::sleep_for(std::chrono::seconds(1));  // the last creates' answers settle
    const std::uint64_t cpu_us = process_cpu_us();
    const std::uint64_t polls = sum(pool_, &verify::VerifyMetrics::polls);
    const std::uint64_t begin_ms = monotonic_ms();
    do {
      std::this_thread::sleep_for(std::chrono::milliseconds(250));
      figures_.peak_octets = std::max(figures_.peak_octets, resident_octets());
    } while (monotonic_ms() - begin_ms < steady_ms);
    const double seconds = static_cast<double>(monotonic_ms() - begin_ms) / 1'000;
    const double pending = options_.pending;
    figures_.cpu_us_per_pending_second =
        static_cast<double>(process_cpu_us() - cpu_us) / seconds / pending;
    figures_.polls_per_s =
        static_cast<double>(sum(pool_, &verify::VerifyMetrics::polls) - polls) / seconds;
    const std::uint64_t grown =
        figures_.peak_octets - std::min(figures_.peak_octets, figures_.baseline_octets);
    figures_.octets_per_pending = static_cast<double>(grown) / pending;
  }

  const PendingOptions& options_;
  const bool held_;
  NoAnswers sink_;
  verify::Pool pool_;
  Figures figures_;
};

std::string json(const PendingOptions& options, const Figures& figures) {
  return fmt::format(
      R"({{"schema":1,"kind":"verify-pending","pending":{},"mode":"{}","threads":{},)"
      R"("rss_bytes_per_pending":{:.1f},"baseline_rss":{},"peak_rss":{},)"
      R"("cpu_us_per_pending_second":{:.3f},"polls_per_s":{:.0f},"start_s":{:.2f},)"
      R"("start_cpu_us_per_pending":{:.1f}}})",
      options.pending, options.mode, options.threads, figures.octets_per_pending,
      figures.baseline_octets, figures.peak_octets, figures.cpu_us_per_pending_second,
      figures.polls_per_s, figures.start_s, figures.start_cpu_us);
}

}  // namespace

Outcome bench_pending(const PendingOptions& options) {
  const auto steady_ms = parse_duration_ms(options.steady);
  if (!steady_ms) return std::unexpected("--steady: " + steady_ms.error());
  raise_descriptor_limit();
  const bool held = options.mode == "held";
  const auto simulator = SimulatorChild::start(held ? "never" : "expire", 1'000);
  if (!simulator) return std::unexpected(simulator.error());
  const auto figures = Measurement(options, *simulator).run(*steady_ms);
  if (!figures) return std::unexpected(figures.error());
  fmt::print(
      "{} verifications pending, polls {}: {:.2f} KB each (RSS {:.0f} MB over {:.0f} MB), "
      "{:.2f} us CPU each per second ({:.0f} polls/s); all there after {:.1f} s, {:.0f} us "
      "CPU each\n",
      options.pending, held ? "held" : "at intervals", figures->octets_per_pending / 1e3,
      static_cast<double>(figures->peak_octets) / 1e6,
      static_cast<double>(figures->baseline_octets) / 1e6, figures->cpu_us_per_pending_second,
      figures->polls_per_s, figures->start_s, figures->start_cpu_us);
  return write_json(options.json_file, json(options, *figures));
}

}  // namespace sallyport::lab
