#if defined(__x86_64__)

#include <immintrin.h>

// From here on the compiler may use AVX-512VL. What the headers above define stays as it is.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,prefer-vector-width=256")
#endif

#include "protocol/md5/lanes.h"

namespace sallyport::md5 {
namespace {

/// Truth tables for ternlog over (d, c, b): F, G, H, I of RFC 1321 §3.4. Its result overwrites a
/// copy of the first operand: d, which has been ready longest.
constexpr int kMix[4] = {0xd8, 0xac, 0x96, 0x63};

/// Eight lanes. Not sixteen: one instruction of 512 bits, even in a copied array, takes 3 to 14 %
/// off the clock of all that the thread does in the next milliseconds (measured on Cascade Lake).
struct Avx512 {
  using Vector = __m256i;
  static constexpr std::size_t kLanes = 8;

  static Vector add(Vector a, Vector b) { return _mm256_add_epi32(a, b); }
  /// Ends what the compiler may reorder sums across.
  static void pin(Vector& value) { __asm__("" : "+v"(value)); }
  template <std::size_t Step>
  static Vector sine(const std::uint32_t* sines) {
    return _mm256_set1_epi32(static_cast<int>(sines[Step]));
  }
  template <std::size_t Round>
  static Vector add_mixed(Vector sum, Vector b, Vector c, Vector d) {
    constexpr int kTable = kMix[Round];  // without optimisation, only this is an immediate
    return add(sum, _mm256_ternarylogic_epi32(d, c, b, kTable));
  }
  template <int Bits>
  static Vector rotate(Vector value) {
    return _mm256_rol_epi32(value, Bits);
  }
  static Vector unpack_low_32(Vector a, Vector b) { return _mm256_unpacklo_epi32(a, b); }
  static Vector unpack_high_32(Vector a, Vector b) { return _mm256_unpackhi_epi32(a, b); }
  static Vector unpack_low_64(Vector a, Vector b) { return _mm256_unpacklo_epi64(a, b); }
  static Vector unpack_high_64(Vector a, Vector b) { return _mm256_unpackhi_epi64(a, b); }

  static Vector load(const std::uint32_t* from) {
    return _mm256_load_si256(reinterpret_cast<const Vector*>(from));
  }
  static void store(std::uint32_t* to, Vector value) {
    _mm256_store_si256(reinterpret_cast<Vector*>(to), value);
  }
  template <class Pointer>
  static __m128i load_lane(Pointer lane, std::size_t offset) {
    return _mm_loadu_si128(
        reinterpret_cast<const __m128i*>(reinterpret_cast<const std::uint8_t*>(lane) + offset));
  }
  template <class Pointer>
  static Vector load_row(const Pointer* lanes, std::size_t offset) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(load_lane(lanes[0], offset)),
                                   load_lane(lanes[4], offset), 1);
  }
  static void store_row(State* const* lanes, Vector row) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(lanes[0]), _mm256_castsi256_si128(row));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(lanes[4]), _mm256_extracti128_si256(row, 1));
  }
};

/// One message in element 0: rotation and three-operand logic beat the general registers.
struct Single {
  using Vector = __m128i;

  static Vector add(Vector a, Vector b) { return _mm_add_epi32(a, b); }
  static void pin(Vector& value) { __asm__("" : "+v"(value)); }
  template <std::size_t Step>
  static Vector sine(const std::uint32_t* sines) {
    return _mm_set1_epi32(static_cast<int>(sines[Step]));
  }
  template <std::size_t Round>
  static Vector add_mixed(Vector sum, Vector b, Vector c, Vector d) {
    constexpr int kTable = kMix[Round];  // without optimisation, only this is an immediate
    return add(sum, _mm_ternarylogic_epi32(d, c, b, kTable));
  }
  template <int Bits>
  static Vector rotate(Vector value) {
    return _mm_rol_epi32(value, Bits);
  }
  static Vector load_word(const void* from) {
    int word = 0;
    __builtin_memcpy(&word, from, sizeof word);
    return _mm_set1_epi32(word);
  }

  static void run(State& state, const std::uint8_t* blocks, std::uint32_t block_count) noexcept {
    Chain<Single> chain;
    repeat<4>([&](auto i)
                  __attribute__((always_inline)) { chain[i] = load_word(&state.words[i]); });
    for (; block_count > 0; --block_count, blocks += kBlockOctets) {
      const Vector starts[4] = {chain[0], chain[1], chain[2], chain[3]};
      repeat<64>([&](auto at) __attribute__((always_inline)) {
        step<Single, at>(chain, load_word(blocks + 4 * word_of(at)), kSines);
      });
      repeat<4>([&](auto i)
                    __attribute__((always_inline)) { chain[i] = add(chain[i], starts[i]); });
    }
    repeat<4>([&](auto i) __attribute__((always_inline)) {
      state.words[i] = static_cast<std::uint32_t>(_mm_cvtsi128_si32(chain[i]));
    });
  }
};

}  // namespace

const Kernels kAvx512Kernels = {.single = Single::run,
                                .narrow = LaneSets<Avx512, 1>::run,
                                .wide = LaneSets<Avx512, 2>::run,
                                .narrow_lanes = 8,
                                .wide_lanes = 16};

}  // namespace sallyport::md5

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
