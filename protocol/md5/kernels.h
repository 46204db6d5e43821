#pragma once
// What one instruction set offers the scheduler (schedule.h): the inner loops over whole blocks.
// Each set has a file of its own (lanes_*.cc), compiled for it, and is called only where it is
// supported.

#include <cstddef>
#include <cstdint>

#include "protocol/md5/md5.h"

namespace sallyport::md5 {

/// Lanes of the widest kernel.
inline constexpr std::size_t kMaxLanes = 16;

/// What each lane works on. Lanes that nobody needs point at any readable block and a state of
/// their own that nobody reads.
struct Lanes {
  State* states[kMaxLanes];
  const std::uint8_t* blocks[kMaxLanes];
};

/// Where kernels keep what they copy of blocks and states, so that it can be wiped.
struct Scratch {
  static constexpr std::size_t kAlignment = 64;
  alignas(kAlignment) std::uint32_t words[16][kMaxLanes];
  alignas(kAlignment) std::uint32_t starts[4][kMaxLanes];
};

/// Takes `block_count` >= 1 blocks of each lane into its state.
using LanesKernel = void (*)(const Lanes& lanes, std::uint32_t block_count,
                             Scratch& scratch) noexcept;
/// The same for one message, faster than in a lane.
using SingleKernel = void (*)(State& state, const std::uint8_t* blocks,
                              std::uint32_t block_count) noexcept;

struct Kernels {
  SingleKernel single;
  LanesKernel narrow;
  LanesKernel wide;
  std::size_t narrow_lanes;
  std::size_t wide_lanes;
};

/// floor(2^32 * abs(sin(i + 1))), i in radians (RFC 1321 §3.4). Defined out of the kernels' sight,
/// or GCC makes immediate operands of them, which cost an instruction more for each step.
extern const std::uint32_t kSines[64];

extern const Kernels kSse2Kernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;

/// BoringSSL's.
void single_scalar(State& state, const std::uint8_t* blocks, std::uint32_t block_count) noexcept;

}  // namespace sallyport::md5
