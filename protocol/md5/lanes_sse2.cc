#if defined(__x86_64__)

#include <immintrin.h>

// From here on the compiler may use SSE2. What the headers above define stays as it is.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("sse2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("sse2")
#endif

#include "protocol/md5/lanes.h"

namespace sallyport::md5 {
namespace {

/// Four lanes.
struct Sse2 {
  using Vector = __m128i;
  static constexpr std::size_t kLanes = 4;

  static Vector add(Vector a, Vector b) { return _mm_add_epi32(a, b); }
  /// Ends what the compiler may reorder sums across.
  static void pin(Vector& value) { __asm__("" : "+x"(value)); }
  template <std::size_t Step>
  static Vector sine(const std::uint32_t* sines) {
    return _mm_set1_epi32(static_cast<int>(sines[Step] - (Step / 16 == 3 ? 1 : 0)));
  }
  template <std::size_t Round>
  static Vector add_mixed(Vector sum, Vector b, Vector c, Vector d) {
    if constexpr (Round == 0) {
      return add(sum, _mm_xor_si128(_mm_and_si128(_mm_xor_si128(c, d), b), d));
    } else if constexpr (Round == 1) {
      // The two halves have no bit in common: added one by one, b is waited for less.
      return add(add(sum, _mm_andnot_si128(d, c)), _mm_and_si128(b, d));
    } else if constexpr (Round == 2) {
      return add(sum, _mm_xor_si128(_mm_xor_si128(c, d), b));
    } else {
      // c ^ (b | ~d) is ~(c ^ (~b & d)), and sum + ~x is sum - x - 1: the 1 is taken off the sine.
      return _mm_sub_epi32(sum, _mm_xor_si128(_mm_andnot_si128(b, d), c));
    }
  }
  template <int Bits>
  static Vector rotate(Vector value) {
    return _mm_or_si128(_mm_slli_epi32(value, Bits), _mm_srli_epi32(value, 32 - Bits));
  }
  static Vector unpack_low_32(Vector a, Vector b) { return _mm_unpacklo_epi32(a, b); }
  static Vector unpack_high_32(Vector a, Vector b) { return _mm_unpackhi_epi32(a, b); }
  static Vector unpack_low_64(Vector a, Vector b) { return _mm_unpacklo_epi64(a, b); }
  static Vector unpack_high_64(Vector a, Vector b) { return _mm_unpackhi_epi64(a, b); }

  static Vector load(const std::uint32_t* from) {
    return _mm_load_si128(reinterpret_cast<const Vector*>(from));
  }
  static void store(std::uint32_t* to, Vector value) {
    _mm_store_si128(reinterpret_cast<Vector*>(to), value);
  }
  template <class Pointer>
  static __m128i load_lane(Pointer lane, std::size_t offset) {
    return _mm_loadu_si128(
        reinterpret_cast<const __m128i*>(reinterpret_cast<const std::uint8_t*>(lane) + offset));
  }
  template <class Pointer>
  static Vector load_row(const Pointer* lanes, std::size_t offset) {
    return load_lane(lanes[0], offset);
  }
  static void store_row(State* const* lanes, Vector row) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(lanes[0]), row);
  }
};

}  // namespace

const Kernels kSse2Kernels = {.single = single_scalar,
                              .narrow = LaneSets<Sse2, 1>::run,
                              .wide = LaneSets<Sse2, 2>::run,
                              .narrow_lanes = 4,
                              .wide_lanes = 8};

}  // namespace sallyport::md5

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
