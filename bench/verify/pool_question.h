#pragma once
// The pool under measurement: its settings towards the simulator, and one question for each number.

#include <cstdint>

#include "bench/verify/simulator_child.h"
#include "verify/pool.h"

namespace sallyport::lab {

inline constexpr const char* kBenchAccessId = "bench";
inline constexpr const char* kBenchAction = "VPN";
inline constexpr const char* kBenchDescription = "Log in from office-gateway?";
inline constexpr std::uint32_t kBenchTtlMs = 600'000;

/// The product's defaults, towards the simulator; API v2, users have ten minutes to answer.
[[nodiscard]] verify::PoolSettings pool_settings(const SimulatorChild& simulator);
/// User and join key of their own; every text of the length that a VPN gateway sends.
[[nodiscard]] verify::Question pool_question(std::uint64_t number);

}  // namespace sallyport::lab
