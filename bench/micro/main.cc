// micro_benchmarks: times every hot function (the options are Google Benchmark's), or with
// --count-instructions, under callgrind, dumps the instructions of each. scripts/bench-instructions
// runs the latter and knows what the dumps look like.

#include <cstdio>
#include <string_view>

#include <benchmark/benchmark.h>
#include <valgrind/callgrind.h>

#include "bench/micro/hot_function.h"
#include "protocol/md5/md5.h"

namespace {

using sallyport::micro::Calls;
using sallyport::micro::HotFunction;
using sallyport::micro::HotFunctions;

/// Before what is counted: pools and wheels come to rest, lazily made things are made.
constexpr std::uint32_t kWarmUpCalls = 1'200;
constexpr std::uint32_t kCountedCalls = 512;
/// Calls between two looks at the clock's state; large enough that what is done once for each batch
/// does not show.
constexpr std::uint32_t kTimedBatch = 256;

HotFunctions all_hot_functions() {
  HotFunctions all;
  sallyport::micro::add_md5(all);
  sallyport::micro::add_packet(all);
  sallyport::micro::add_hop_key(all);
  sallyport::micro::add_translate(all);
  sallyport::micro::add_answer(all);
  sallyport::micro::add_request(all);
  sallyport::micro::add_dialogue(all);
  sallyport::micro::add_verification_table(all);
  sallyport::micro::add_push_limits(all);
  sallyport::micro::add_mailbox(all);
  sallyport::micro::add_timer_wheel(all);
  sallyport::micro::add_client_table(all);
  sallyport::micro::add_duplicate_table(all);
  sallyport::micro::add_exchange_parts(all);
  sallyport::micro::add_fingerprint(all);
  sallyport::micro::add_door(all);
  sallyport::micro::add_audit(all);
  sallyport::micro::add_http_head(all);
  return all;
}

/// One dump for each function, triggered by its name. The first line of output says what the counts
/// hold for: compiler, build type and the instructions that MD5 chose; the second how many calls
/// each dump holds.
int count_instructions(const HotFunctions& all) {
  if (RUNNING_ON_VALGRIND == 0) {
    std::fputs("--count-instructions counts under callgrind only: use scripts/bench-instructions\n",
               stderr);
    return 1;
  }
  std::printf("counted_with %s, MD5 %s\ncalls %u\n", SALLYPORT_MICRO_COMPILER,
              to_text(sallyport::md5::best_isa()), kCountedCalls);
  for (const HotFunction& function : all) {
    if (!function.counted) continue;
    Calls calls = function.prepare();
    calls(kWarmUpCalls);
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
    calls(kCountedCalls);
    CALLGRIND_DUMP_STATS_AT(function.name.c_str());
    CALLGRIND_STOP_INSTRUMENTATION;
  }
  return 0;
}

/// The fixture at hand: Google Benchmark runs a function several times, and a million clients are
/// made once only.
struct Prepared {
  const HotFunction* function = nullptr;
  Calls calls;
};

void time_one(benchmark::State& state, const HotFunction& function, Prepared& prepared) {
  if (prepared.function != &function) {
    prepared.calls = {};
    prepared = {.function = &function, .calls = function.prepare()};
    prepared.calls(kWarmUpCalls);
  }
  while (state.KeepRunningBatch(kTimedBatch)) prepared.calls(kTimedBatch);
}

}  // namespace

int main(int argc, char** argv) {
  const HotFunctions all = all_hot_functions();
  if (argc == 2 && std::string_view(argv[1]) == "--count-instructions")
    return count_instructions(all);
  Prepared prepared;
  for (const HotFunction& function : all)
    benchmark::RegisterBenchmark(
        function.name.c_str(),
        [&function, &prepared](benchmark::State& state) { time_one(state, function, prepared); });
  sallyport::micro::time_client_tables();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
