#if defined(__x86_64__)

#include <immintrin.h>

// From here on the compiler may use AVX2. What the headers above define stays as it is.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif

#include "protocol/md5/lanes.h"

namespace sallyport::md5 {
namespace {

/// Eight lanes.
struct Avx2 {
  using Vector = __m256i;
  static constexpr std::size_t kLanes = 8;

  static Vector add(Vector a, Vector b) { return _mm256_add_epi32(a, b); }
  /// Ends what the compiler may reorder sums across.
  static void pin(Vector& value) { __asm__("" : "+x"(value)); }
  template <std::size_t Step>
  static Vector sine(const std::uint32_t* sines) {
    return _mm256_set1_epi32(static_cast<int>(sines[Step] - (Step / 16 == 3 ? 1 : 0)));
  }
  template <std::size_t Round>
  static Vector add_mixed(Vector sum, Vector b, Vector c, Vector d) {
    if constexpr (Round == 0) {
      return add(sum, _mm256_xor_si256(_mm256_and_si256(_mm256_xor_si256(c, d), b), d));
    } else if constexpr (Round == 1) {
      // The two halves have no bit in common: added one by one, b is waited for less.
      return add(add(sum, _mm256_andnot_si256(d, c)), _mm256_and_si256(b, d));
    } else if constexpr (Round == 2) {
      return add(sum, _mm256_xor_si256(_mm256_xor_si256(c, d), b));
    } else {
      // c ^ (b | ~d) is ~(c ^ (~b & d)), and sum + ~x is sum - x - 1: the 1 is taken off the sine.
      return _mm256_sub_epi32(sum, _mm256_xor_si256(_mm256_andnot_si256(b, d), c));
    }
  }
  template <int Bits>
  static Vector rotate(Vector value) {
    return _mm256_or_si256(_mm256_slli_epi32(value, Bits), _mm256_srli_epi32(value, 32 - Bits));
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

}  // namespace

const Kernels kAvx2Kernels = {.single = single_scalar,
                              .narrow = LaneSets<Avx2, 1>::run,
                              .wide = LaneSets<Avx2, 2>::run,
                              .narrow_lanes = 8,
                              .wide_lanes = 16};

}  // namespace sallyport::md5

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
