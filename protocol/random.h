#pragma once
// Where decisions get their randomness from: handed in, so that a simulation can replay it.

#include "protocol/octets.h"

namespace sallyport {

/// Two implementations: the operating system's (BoringSSL) and the simulation's seeded one. Used by
/// one thread.
class RandomSource {
 public:
  virtual ~RandomSource() = default;
  virtual void fill(MutableOctets out) noexcept = 0;
};

/// BoringSSL's generator, drawn in blocks so that a request costs a copy. One object a thread.
class SystemRandom final : public RandomSource {
 public:
  void fill(MutableOctets out) noexcept override;
  ~SystemRandom() override;

 private:
  static constexpr std::size_t kBlock = 4096;
  std::uint8_t block_[kBlock];
  std::size_t used_ = kBlock;
};

}  // namespace sallyport
