#include "bench/verify/transfers.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include <curl/curl.h>
#include <fmt/format.h>

#include "bench/verify/bare_multi.h"
#include "bench/verify/json_file.h"
#include "bench/verify/pool_question.h"
#include "bench/verify/usage.h"
#include "verify/pool.h"
#include "verify/pool_tuning.h"

namespace sallyport::lab {
namespace {

/// Puts the next question in when one was approved, on the verify thread itself: the thread that
/// waits for the end costs nothing.
class Feeder final : public verify::VerdictSink {
 public:
  void attach(verify::Pool& pool) { pool_ = &pool; }

  /// Returns when all are approved; what went wrong, if anything did.
  std::expected<void, std::string> run(std::uint64_t verifications, std::uint32_t concurrency) {
    last_ = next_ + verifications;
    left_.store(verifications);
    const std::uint64_t first = std::min<std::uint64_t>(verifications, concurrency);
    next_ += first;
    for (std::uint64_t i = 0; i < first; ++i) {
      while (!pool_->ask(pool_question(next_ - first + i))) continue;
    }
    for (std::uint64_t left = verifications; left > 0; left = left_.load()) left_.wait(left);
    if (wrong_) return std::unexpected(fmt::format("a verification ended {}", wrong_text_.view()));
    return {};
  }

  bool deliver(const verify::Answer& answer) noexcept override {
    if (answer.verdict != verify::Verdict::approved) {
      wrong_ = true;
      wrong_text_.assign(std::string_view(to_text(answer.verdict)));
    }
    if (next_ < last_) {
      if (!pool_->ask(pool_question(next_))) return false;
      ++next_;
    }
    if (left_.fetch_sub(1) == 1) left_.notify_all();
    return true;
  }

 private:
  verify::Pool* pool_ = nullptr;
  std::uint64_t next_ = 0;  ///< the verify thread's while a run goes on
  std::uint64_t last_ = 0;
  std::atomic<std::uint64_t> left_{0};
  bool wrong_ = false;
  verify::ShortText<32> wrong_text_;
};

struct Round {
  const char* system;
  double cpu_us_per_transfer;
};

using Measured = std::expected<Round, std::string>;

Measured pool_round(const TransfersOptions& options, const SimulatorChild& simulator) {
  // The simulated users approve at once, so the first poll goes out as soon as the create is
  // answered, as the bare program's does.
  verify::PoolTuning tuning;
  tuning.poll.first_ms = 0;
  Feeder feeder;
  verify::Pool pool(pool_settings(simulator), feeder, tuning);
  feeder.attach(pool);
  pool.start();
  if (const auto warm = feeder.run(options.concurrency, options.concurrency); !warm)
    return std::unexpected(warm.error());
  const verify::VerifyMetrics& metrics = *pool.metrics().front();
  const std::uint64_t before = metrics.pushes.value() + metrics.polls.value();
  const std::uint64_t cpu_us = process_cpu_us();
  if (const auto done = feeder.run(options.verifications, options.concurrency); !done)
    return std::unexpected(done.error());
  const std::uint64_t used_us = process_cpu_us() - cpu_us;
  const std::uint64_t transfers = metrics.pushes.value() + metrics.polls.value() - before;
  return Round{"pool", static_cast<double>(used_us) / static_cast<double>(transfers)};
}

Measured bare_round(const TransfersOptions& options, const SimulatorChild& simulator) {
  BareMulti bare(simulator.origin(), simulator.ca_file());
  if (const auto warm = bare.run(options.concurrency, options.concurrency); !warm)
    return std::unexpected(warm.error());
  const std::uint64_t cpu_us = process_cpu_us();
  const auto transfers = bare.run(options.verifications, options.concurrency);
  if (!transfers) return std::unexpected(transfers.error());
  const std::uint64_t used_us = process_cpu_us() - cpu_us;
  return Round{"bare", static_cast<double>(used_us) / static_cast<double>(*transfers)};
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/// The median over rounds of one system; 0 when it did not run.
double median_of(const std::vector<Round>& rounds, std::string_view system) {
  std::vector<double> values;
  for (const Round& round : rounds)
    if (round.system == system) values.push_back(round.cpu_us_per_transfer);
  return values.empty() ? 0 : median(std::move(values));
}

/// Pool over bare in each pair of rounds, and of that the median: what changed on the machine
/// between the pairs falls out.
double ratio_of(const std::vector<Round>& rounds) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i + 1 < rounds.size(); i += 2)
    ratios.push_back(rounds[i].cpu_us_per_transfer / rounds[i + 1].cpu_us_per_transfer);
  return median(std::move(ratios));
}

std::string json(const TransfersOptions& options, const std::vector<Round>& rounds, double ratio) {
  std::string text = fmt::format(
      R"({{"schema":1,"kind":"verify-transfers","verifications":{},"concurrency":{},"rounds":[)",
      options.verifications, options.concurrency);
  for (const Round& round : rounds) {
    if (!text.ends_with('[')) text += ',';
    text += fmt::format(R"({{"system":"{}","cpu_us_per_transfer":{:.3f}}})", round.system,
                        round.cpu_us_per_transfer);
  }
  return text + (ratio > 0 ? fmt::format(R"(],"ratio":{:.4f}}})", ratio) : "]}");
}

}  // namespace

std::expected<void, std::string> bench_transfers(const TransfersOptions& options) {
  const auto simulator = SimulatorChild::start("approve:0", 1'000);
  if (!simulator) return std::unexpected(simulator.error());
  curl_global_init(CURL_GLOBAL_ALL);
  std::vector<Round> rounds;
  for (std::uint32_t i = 0; i < options.rounds; ++i) {
    for (const bool of_pool : {true, false}) {
      if (of_pool ? options.bare : options.pool) continue;
      const Measured round =
          of_pool ? pool_round(options, *simulator) : bare_round(options, *simulator);
      if (!round) return std::unexpected(round.error());
      fmt::print(stderr, "{} {:.2f} us CPU per transfer\n", round->system,
                 round->cpu_us_per_transfer);
      rounds.push_back(*round);
    }
  }
  const bool both = !options.bare && !options.pool;
  const double ratio = both ? ratio_of(rounds) : 0;
  for (const char* system : {"pool", "bare"}) {
    if (const double us = median_of(rounds, system); us > 0)
      fmt::print("{}: {:.2f} us CPU per transfer\n", system, us);
  }
  if (both) fmt::print("pool / bare: {:.3f}\n", ratio);
  return write_json(options.json_file, json(options, rounds, ratio));
}

}  // namespace sallyport::lab
