#include "bench/load/radius_load.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "bench/load/client_sockets.h"
#include "bench/load/rate_search.h"
#include "bench/simulators/clock.h"
#include "protocol/check.h"
#include "verify/clock.h"

namespace sallyport::lab {
namespace {

/// Until all threads have heard of a stage, so that they begin together.
constexpr std::uint64_t kHeadStartNs = 2'000'000;
constexpr long kLookEveryNs = 20'000'000;

}  // namespace

bool is_held(const StageResult& result, const Bounds& bounds) noexcept {
  return result.tally.answers > 0 && result.tally.unsent == 0 && result.loss() <= bounds.loss &&
         result.tally.latency.quantile(0.99) <= bounds.p99_ns;
}

std::optional<std::string> nothing_answered(const LoadSettings& settings,
                                            const StageResult& result) {
  const Tally& tally = result.tally;
  if (tally.requests == 0 || tally.answers > 0 || tally.lost == 0) return std::nullopt;
  if (tally.refused > 0) {
    return fmt::format("none of {} requests was answered: nothing listens on {}", tally.requests,
                       settings.target.text());
  }
  return fmt::format(
      "none of {} requests was answered: is {} right, is the secret, and does the server know us "
      "as its client?",
      tally.requests, settings.target.text());
}

RadiusLoad::RadiusLoad(const LoadSettings& settings)
    : settings_(settings), progress_(settings.show_progress) {
  sigemptyset(&signals_);
  for (const int number : {SIGINT, SIGTERM}) sigaddset(&signals_, number);
  CHECK(pthread_sigmask(SIG_BLOCK, &signals_, nullptr) == 0);
}

RadiusLoad::~RadiusLoad() {
  for (const auto& generator : generators_) generator->join();
}

std::expected<std::unique_ptr<RadiusLoad>, std::string> RadiusLoad::open(
    const LoadSettings& settings) {
  std::unique_ptr<RadiusLoad> load(new RadiusLoad(settings));
  if (auto built = load->build(); !built) return std::unexpected(built.error());
  return load;
}

std::expected<void, std::string> RadiusLoad::build() {
  const std::uint64_t count = std::uint64_t{settings_.clients} * settings_.ports;
  if (count < settings_.threads) {
    return std::unexpected(
        fmt::format("{} threads need a socket each: --clients times --ports is "
                    "{}",
                    settings_.threads, count));
  }
  const auto sources =
      source_addresses(settings_.target.address, settings_.clients, settings_.source_network);
  if (!sources) return std::unexpected(sources.error());
  constexpr std::uint64_t kOtherFiles = 64;
  if (auto allowed = allow_open_files(count + kOtherFiles); !allowed) {
    return std::unexpected(allowed.error());
  }
  const auto sockets = open_client_sockets(settings_.target, *sources, settings_.ports);
  if (!sockets) return std::unexpected(sockets.error());

  std::size_t first = 0;
  for (std::uint32_t thread = 0; thread < settings_.threads; ++thread) {
    WorkloadSettings workload_settings = settings_.workload;
    workload_settings.seed += thread;
    auto workload = Workload::make(workload_settings);
    if (!workload) return std::unexpected(workload.error());
    GeneratorPlan plan{.thread = thread,
                       .threads = settings_.threads,
                       .core = std::nullopt,
                       .gso = settings_.gso,
                       .exchanges = settings_.exchanges};
    if (!settings_.cores.empty()) plan.core = settings_.cores[thread % settings_.cores.size()];
    const std::size_t end = sockets->size() * (thread + 1) / settings_.threads;
    const auto own = std::span(*sockets).subspan(first, end - first);
    first = end;
    auto generator = Generator::open(plan, std::move(*workload), own, control_);
    if (!generator) return std::unexpected(generator.error());
    generators_.push_back(std::move(*generator));
  }
  for (const auto& generator : generators_) generator->start();
  return {};
}

LoadResult RadiusLoad::run() {
  result_.started_unix_ms = unix_ms();
  if (!settings_.ramp.empty()) {
    run_ramp();
    choose_best();
  } else if (settings_.search) {
    run_search();
    choose_best();
  } else {
    result_.offered = settings_.stage.pace == Pace::rate ? settings_.stage.rate : 0;
    result_.stage = run_stage(settings_.stage);
    result_.limit = limit_of(result_.stage);
  }
  progress_.end();
  result_.interrupted = control_.interrupted();
  result_.failure = control_.failure();
  if (!result_.failure) result_.failure = nothing_answered(settings_, result_.stage);
  return std::move(result_);
}

StageResult RadiusLoad::run_stage(Stage stage) {
  stage.start_ns = verify::monotonic_ns() + kHeadStartNs;
  for (const auto& generator : generators_) generator->begin(stage);
  const timespec look_every{.tv_sec = 0, .tv_nsec = kLookEveryNs};
  StageResult sum;
  for (std::size_t finished = 0; finished < generators_.size();) {
    if (sigtimedwait(&signals_, nullptr, &look_every) > 0) control_.interrupt();
    take_seconds();
    while (finished < generators_.size() && generators_[finished]->done()) {
      sum.merge(generators_[finished++]->result());
    }
  }
  take_seconds();
  gathering_.clear();
  return sum;
}

Step RadiusLoad::run_step(double rate) {
  Stage stage = settings_.stage;
  stage.rate = rate;
  if (!result_.steps.empty()) stage.warm_up_ns = 0;
  Step step{.offered = rate, .result = run_stage(stage), .held = false};
  step.held = is_held(step.result, settings_.bounds);
  progress_.show_step(rate, step.result, step.held);
  return step;
}

void RadiusLoad::run_ramp() {
  for (const double rate : settings_.ramp) {
    result_.steps.push_back(run_step(rate));
    if (control_.stopping()) return;
  }
}

void RadiusLoad::run_search() {
  RateSearch search(settings_.stage.rate, settings_.highest_rate, settings_.precision);
  while (const auto rate = search.next()) {
    result_.steps.push_back(run_step(*rate));
    if (control_.stopping()) return;
    search.report(result_.steps.back().held);
  }
}

void RadiusLoad::choose_best() {
  const Step* best = &result_.steps.back();
  const Step* lowest_failed = nullptr;
  for (const Step& step : result_.steps) {
    if (step.held && (!best->held || step.offered > best->offered)) best = &step;
    if (!step.held && (lowest_failed == nullptr || step.offered < lowest_failed->offered)) {
      lowest_failed = &step;
    }
  }
  result_.offered = best->offered;
  result_.stage = best->result;
  result_.limit = limit_of(lowest_failed != nullptr ? lowest_failed->result : best->result);
}

void RadiusLoad::take_seconds() {
  for (Second& second : control_.take_seconds()) {
    Gathered& gathered = gathering_[second.number];
    if (gathered.threads++ == 0) {
      gathered.second = std::move(second);
    } else {
      gathered.second.answers += second.answers;
      gathered.second.lost += second.lost;
      gathered.second.latency.merge(second.latency);
    }
    if (gathered.threads < generators_.size()) continue;
    const Second& whole = gathered.second;
    const SecondOfAll line{
        .number = whole.number,
        .rate = static_cast<double>(whole.answers) * 1e9 / static_cast<double>(whole.elapsed_ns),
        .p50_ns = whole.latency.quantile(0.5),
        .p99_ns = whole.latency.quantile(0.99)};
    progress_.show_second(line.number, line.rate, line.p50_ns, line.p99_ns, whole.lost);
    if (line.number > 0 && result_.steps.empty() && settings_.ramp.empty() && !settings_.search) {
      result_.series.push_back(line);
    }
    gathering_.erase(line.number);
  }
}

}  // namespace sallyport::lab
