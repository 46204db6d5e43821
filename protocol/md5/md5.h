#pragma once
// MD5 (RFC 1321) of many messages side by side. One block after the other costs pure latency: the
// 64 steps of a block wait for each other. Blocks of different messages do not, so they run in the
// lanes of a vector register. Pure: no heap, nothing remembered but which instructions to use.

#include <cstddef>
#include <cstdint>
#include <span>

namespace sallyport::md5 {

inline constexpr std::size_t kBlockOctets = 64;
inline constexpr std::size_t kDigestOctets = 16;

/// The chaining value A, B, C, D (RFC 1321 §3.3). After the last block its memory is the digest:
/// all machines we run on are little-endian. After a key's pad it is key material: the owner wipes.
struct State {
  std::uint32_t words[4];
};

inline constexpr State kInitial{{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}};

/// Whole blocks (padding, where there is any, included) taken into `*state`. States of jobs that
/// run together must not overlap. Views: nothing is owned. The blocks need no alignment.
struct Job {
  State* state;
  const std::uint8_t* blocks;  ///< block_count * kBlockOctets readable octets
  std::uint32_t block_count;   ///< 0 leaves the state as it is
};

/// The instructions a run may use.
enum class Isa : std::uint8_t {
  scalar,  ///< BoringSSL, one job after the other: any processor, and the reference for the others
  sse2,    ///< 4 lanes: every x86-64
  avx2,    ///< 8 lanes
  avx512,  ///< 8 lanes with rotation and three-operand logic (AVX-512VL)
};
inline constexpr Isa kAllIsas[] = {Isa::scalar, Isa::sse2, Isa::avx2, Isa::avx512};

[[nodiscard]] const char* to_text(Isa isa) noexcept;

/// Whether this build, this processor and its operating system can run it.
[[nodiscard]] bool supported(Isa isa) noexcept;

/// The fastest that is supported. Asks the processor once.
[[nodiscard]] Isa best_isa() noexcept;

/// Finishes all jobs, in whatever order. Any number, any lengths, any mixture; equal lengths and
/// more than one are fastest. `isa` must be supported. Wipes what it has copied of the blocks.
/// Any thread.
void run(std::span<const Job> jobs, Isa isa = best_isa()) noexcept;

}  // namespace sallyport::md5
