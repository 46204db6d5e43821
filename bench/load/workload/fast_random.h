#pragma once
// Octets for authenticators and challenges that a server must see as new: cheap, and never to be
// used where somebody could gain from guessing them.

#include <array>
#include <cstdint>
#include <cstring>

namespace sallyport::lab {

/// SplitMix64 (Steele, Lea, Flood 2014): a few cycles for eight octets. Used by one thread.
class FastRandom {
 public:
  explicit FastRandom(std::uint64_t seed) noexcept : state_(mixed(seed)) {}

  [[nodiscard]] std::uint64_t next() noexcept { return mixed(state_ += kStep); }
  [[nodiscard]] std::array<std::uint8_t, 16> next16() noexcept {
    const std::uint64_t words[2] = {next(), next()};
    std::array<std::uint8_t, 16> out;
    std::memcpy(out.data(), words, out.size());
    return out;
  }

 private:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15;

  static std::uint64_t mixed(std::uint64_t value) noexcept {
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
  }

  std::uint64_t state_;
};

}  // namespace sallyport::lab
