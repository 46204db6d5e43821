#pragma once
// What a micro-benchmark measures: one function of the packet path with all that it needs, ready to
// be called any number of times. Google Benchmark times it, callgrind counts its instructions
// (docs/benchmarking.md). Each call CHECKs what it got: an error is never measured.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sallyport::micro {

/// Calls the function `calls` times. Every call does the same work, whatever was called before.
using Calls = std::move_only_function<void(std::uint32_t calls)>;

struct HotFunction {
  std::string name;                ///< folder/function/case; the key in instructions.json
  std::function<Calls()> prepare;  ///< makes the fixture, which lives as long as what it returns
  bool counted = true;             ///< false: too large for callgrind, or one of many alike
};
using HotFunctions = std::vector<HotFunction>;

// Each adds the functions of one file of this folder.
void add_md5(HotFunctions& all);
void add_hop_key(HotFunctions& all);
void add_packet(HotFunctions& all);
void add_translate(HotFunctions& all);
void add_answer(HotFunctions& all);
void add_request(HotFunctions& all);
void add_dialogue(HotFunctions& all);
void add_verification_table(HotFunctions& all);
void add_push_limits(HotFunctions& all);
void add_mailbox(HotFunctions& all);
void add_timer_wheel(HotFunctions& all);
void add_client_table(HotFunctions& all);
void add_duplicate_table(HotFunctions& all);
void add_exchange_parts(HotFunctions& all);
void add_fingerprint(HotFunctions& all);
void add_door(HotFunctions& all);
void add_audit(HotFunctions& all);
void add_http_head(HotFunctions& all);

/// What is not hot, and takes long: registered with Google Benchmark, never counted.
void time_client_tables();

}  // namespace sallyport::micro
