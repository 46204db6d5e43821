#pragma once
// The 64 steps of MD5 (RFC 1321 §3.4) over vectors: element i of every vector belongs to lane i.
// Included by the file of each instruction set, behind the pragma that turns its instructions on.
// `Isa` is a struct of that file's unnamed namespace, so nothing here is shared between the files.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "protocol/md5/kernels.h"

namespace sallyport::md5 {

inline constexpr int kShifts[4][4] = {
    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

/// Which of the block's 16 words step `step` takes.
constexpr std::size_t word_of(std::size_t step) {
  constexpr std::size_t kFactor[4] = {1, 5, 3, 7};
  constexpr std::size_t kOffset[4] = {0, 1, 5, 0};
  return (kFactor[step / 16] * step + kOffset[step / 16]) % 16;
}

/// A, B, C, D of one set of lanes.
template <class Isa>
using Chain = typename Isa::Vector[4];

/// a = b + ((a + F(b, c, d) + word + sine) <<< s), where a, b, c, d change places at every step.
template <class Isa, std::size_t Step>
[[gnu::always_inline]] inline void step(Chain<Isa>& chain, typename Isa::Vector word,
                                        const std::uint32_t* sines) {
  constexpr std::size_t kRound = Step / 16;
  constexpr std::size_t kA = (4 - Step % 4) % 4;
  constexpr std::size_t kB = (kA + 1) % 4;
  constexpr std::size_t kC = (kA + 2) % 4;
  constexpr std::size_t kD = (kA + 3) % 4;
  typename Isa::Vector ready = Isa::add(chain[kA], Isa::add(word, Isa::template sine<Step>(sines)));
  Isa::pin(ready);  // a word, a sine: none of them may end up behind b, which is what we wait for
  const auto sum = Isa::template add_mixed<kRound>(ready, chain[kB], chain[kC], chain[kD]);
  chain[kA] = Isa::add(Isa::template rotate<kShifts[kRound][Step % 4]>(sum), chain[kB]);
}

/// Rows to columns, 4 by 4, in every 128 bits of the vectors.
template <class Isa>
[[gnu::always_inline]] inline void transpose(typename Isa::Vector (&rows)[4]) {
  const auto low_01 = Isa::unpack_low_32(rows[0], rows[1]);
  const auto high_01 = Isa::unpack_high_32(rows[0], rows[1]);
  const auto low_23 = Isa::unpack_low_32(rows[2], rows[3]);
  const auto high_23 = Isa::unpack_high_32(rows[2], rows[3]);
  rows[0] = Isa::unpack_low_64(low_01, low_23);
  rows[1] = Isa::unpack_high_64(low_01, low_23);
  rows[2] = Isa::unpack_low_64(high_01, high_23);
  rows[3] = Isa::unpack_high_64(high_01, high_23);
}

/// action(0) ... action(Times - 1), unrolled: in a loop, an array of vectors would live in memory.
template <std::size_t Times, class Action>
[[gnu::always_inline]] inline void repeat(const Action& action) {
  [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
    (action(std::integral_constant<std::size_t, I>()), ...);
  }(std::make_index_sequence<Times>());
}

/// Sixteen octets of each lane of a set, as four vectors. Lanes i, i + 4, ... share row i.
template <class Isa, class Pointer>
[[gnu::always_inline]] inline void gather(const Pointer* lanes, std::size_t offset,
                                          typename Isa::Vector (&columns)[4]) {
  repeat<4>([&](auto row) __attribute__((always_inline)) {
    columns[row] = Isa::load_row(lanes + row, offset);
  });
  transpose<Isa>(columns);
}

/// Sets * Isa::kLanes messages side by side. Two sets hide each other's latency.
template <class Isa, std::size_t Sets>
struct LaneSets {
  using Vector = typename Isa::Vector;

  [[gnu::always_inline]] static void load_words(const std::uint8_t* const* blocks,
                                                std::size_t offset, Scratch& scratch) {
    repeat<Sets>([&](auto set) __attribute__((always_inline)) {
      repeat<4>([&](auto quarter) __attribute__((always_inline)) {
        Vector columns[4];
        gather<Isa>(blocks + set * Isa::kLanes, offset + quarter * 16, columns);
        repeat<4>([&](auto i) __attribute__((always_inline)) {
          Isa::store(&scratch.words[quarter * 4 + i][set * Isa::kLanes], columns[i]);
        });
      });
    });
  }

  [[gnu::always_inline]] static void store_starts(const Chain<Isa> (&chains)[Sets],
                                                  Scratch& scratch) {
    repeat<Sets>([&](auto set) __attribute__((always_inline)) {
      repeat<4>([&](auto i) __attribute__((always_inline)) {
        Isa::store(&scratch.starts[i][set * Isa::kLanes], chains[set][i]);
      });
    });
  }

  [[gnu::always_inline]] static void add_starts(Chain<Isa> (&chains)[Sets],
                                                const Scratch& scratch) {
    repeat<Sets>([&](auto set) __attribute__((always_inline)) {
      repeat<4>([&](auto i) __attribute__((always_inline)) {
        const Vector start = Isa::load(&scratch.starts[i][set * Isa::kLanes]);
        chains[set][i] = Isa::add(chains[set][i], start);
      });
    });
  }

  [[gnu::always_inline]] static void take_block(Chain<Isa> (&chains)[Sets],
                                                const Scratch& scratch) {
    const std::uint32_t* sines = kSines;
    __asm__("" : "+r"(sines));  // or GCC loads all 64 before the loop over the blocks, and spills
    repeat<64>([&](auto at) __attribute__((always_inline)) {
      repeat<Sets>([&](auto set) __attribute__((always_inline)) {
        const Vector word = Isa::load(&scratch.words[word_of(at)][set * Isa::kLanes]);
        step<Isa, at>(chains[set], word, sines);
      });
    });
  }

  static void run(const Lanes& lanes, std::uint32_t block_count, Scratch& scratch) noexcept {
    Chain<Isa> chains[Sets];
    repeat<Sets>([&](auto set) __attribute__((always_inline)) {
      gather<Isa>(lanes.states + set * Isa::kLanes, 0, chains[set]);
    });
    for (std::size_t block = 0; block < block_count; ++block) {
      load_words(lanes.blocks, block * kBlockOctets, scratch);
      store_starts(chains, scratch);
      // Else the compiler keeps copies in registers and spills them where nobody wipes.
      std::atomic_signal_fence(std::memory_order_seq_cst);
      take_block(chains, scratch);
      add_starts(chains, scratch);
    }
    repeat<Sets>([&](auto set) __attribute__((always_inline)) {
      transpose<Isa>(chains[set]);
      repeat<4>([&](auto row) __attribute__((always_inline)) {
        Isa::store_row(lanes.states + set * Isa::kLanes + row, chains[set][row]);
      });
    });
  }
};

}  // namespace sallyport::md5
