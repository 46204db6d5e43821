#pragma once
// A whole measurement: one stage, a ramp of them, or the search for the highest rate. Owns threads,
// sockets and the watch over them.

#include <csignal>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/load/generator.h"
#include "bench/load/progress.h"
#include "bench/load/run_control.h"
#include "bench/load/stage.h"
#include "bench/load/workload/workload.h"
#include "protocol/ip_address.h"

namespace sallyport::lab {

/// What a rate must do to be held.
struct Bounds {
  double loss = 0.0001;               ///< at most, as a share
  std::uint64_t p99_ns = 10'000'000;  ///< at most
};

struct LoadSettings {
  Endpoint target;
  std::uint32_t clients = 1;
  std::optional<Prefix> source_network;
  std::uint32_t ports = 16;  ///< of each client
  std::uint32_t threads = 1;
  std::vector<unsigned> cores;  ///< thread n runs on the n-th; empty: anywhere
  bool gso = false;
  WorkloadSettings workload;
  ExchangeSettings exchanges;

  Stage stage;               ///< pace, duration and warm-up; of a ramp, of each step
  std::vector<double> ramp;  ///< rates, one after the other; empty: no ramp
  bool search = false;       ///< from stage.rate on
  double highest_rate = 2'000'000;
  double precision = 0.02;
  Bounds bounds;
  bool show_progress = true;
};

struct Step {
  double offered = 0;
  StageResult result;
  bool held = false;
};

struct SecondOfAll {
  std::int64_t number;
  double rate;
  std::uint64_t p50_ns;
  std::uint64_t p99_ns;
};

struct LoadResult {
  std::uint64_t started_unix_ms = 0;
  double offered = 0;  ///< requests a second; 0: closed loop
  StageResult stage;   ///< of a ramp or search: the highest rate that held, else the last one tried
  std::vector<Step> steps;
  std::vector<SecondOfAll> series;
  Limit limit = Limit::none;  ///< of a ramp or search: of the lowest rate that was not held
  bool interrupted = false;
  std::optional<std::string> failure;  ///< one line; the result is of the time before it
};

/// One line about a result that cannot be believed, if it is one: nothing came back at all.
[[nodiscard]] std::optional<std::string> nothing_answered(const LoadSettings& settings,
                                                          const StageResult& result);
[[nodiscard]] bool is_held(const StageResult& result, const Bounds& bounds) noexcept;

class RadiusLoad {
 public:
  /// Opens the sockets and starts the threads; SIGINT and SIGTERM become an early end. An error is
  /// one line: cause and remedy.
  [[nodiscard]] static std::expected<std::unique_ptr<RadiusLoad>, std::string> open(
      const LoadSettings& settings);
  ~RadiusLoad();
  RadiusLoad(const RadiusLoad&) = delete;
  RadiusLoad& operator=(const RadiusLoad&) = delete;

  [[nodiscard]] LoadResult run();

 private:
  explicit RadiusLoad(const LoadSettings& settings);
  [[nodiscard]] std::expected<void, std::string> build();
  [[nodiscard]] StageResult run_stage(Stage stage);
  [[nodiscard]] Step run_step(double rate);
  void run_ramp();
  void run_search();
  void choose_best();
  void take_seconds();

  struct Gathered {
    std::uint32_t threads = 0;
    Second second;
  };

  const LoadSettings settings_;
  RunControl control_;
  sigset_t signals_{};
  std::vector<std::unique_ptr<Generator>> generators_;
  std::map<std::int64_t, Gathered> gathering_;  ///< seconds that some threads have not told yet
  Progress progress_;
  LoadResult result_;
};

}  // namespace sallyport::lab
