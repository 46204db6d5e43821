#include "protocol/md5/md5.h"

#include <bit>
#include <cstring>
#include <type_traits>

#include <openssl/md5.h>

#include "protocol/check.h"
#include "protocol/md5/kernels.h"
#include "protocol/md5/schedule.h"
#include "protocol/octets.h"

namespace sallyport::md5 {
namespace {

static_assert(std::endian::native == std::endian::little);  // a State's memory is the digest

#if defined(__x86_64__)

/// nullptr: not supported, or scalar. __builtin_cpu_supports knows, too, whether the operating
/// system keeps the registers.
const Kernels* lanes_of(Isa isa) {
  switch (isa) {
    case Isa::scalar: return nullptr;
    case Isa::sse2: return &kSse2Kernels;
    case Isa::avx2: return __builtin_cpu_supports("avx2") ? &kAvx2Kernels : nullptr;
    case Isa::avx512: {
      const bool all = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
      return all ? &kAvx512Kernels : nullptr;
    }
  }
  return nullptr;
}

#else

const Kernels* lanes_of(Isa) { return nullptr; }

#endif

Isa ask_processor() {
  Isa best = Isa::scalar;
  for (const Isa isa : kAllIsas) {
    if (supported(isa)) best = isa;
  }
  return best;
}

}  // namespace

const std::uint32_t kSines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

const char* to_text(Isa isa) noexcept {
  switch (isa) {
    case Isa::scalar: return "scalar";
    case Isa::sse2: return "sse2";
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
  }
  return "unknown";
}

bool supported(Isa isa) noexcept { return isa == Isa::scalar || lanes_of(isa) != nullptr; }

Isa best_isa() noexcept {
  static const Isa best = ask_processor();
  return best;
}

void single_scalar(State& state, const std::uint8_t* blocks, std::uint32_t block_count) noexcept {
  MD5_CTX context{};
  std::memcpy(context.h, state.words, sizeof context.h);
  MD5_Update(&context, blocks, block_count * kBlockOctets);
  std::memcpy(state.words, context.h, sizeof context.h);
  // Whole blocks are hashed where they stand: nothing but the state can be left behind.
  static_assert(std::is_trivially_copyable_v<MD5_CTX>);
  wipe({reinterpret_cast<std::uint8_t*>(&context), sizeof context});
}

void run(std::span<const Job> jobs, Isa isa) noexcept {
  if (const Kernels* lanes = lanes_of(isa)) {
    run_in_lanes(jobs, *lanes);
    return;
  }
  CHECK(isa == Isa::scalar);  // else not supported
  for (const Job& job : jobs) single_scalar(*job.state, job.blocks, job.block_count);
}

}  // namespace sallyport::md5
