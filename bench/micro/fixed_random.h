#pragma once
// The same octets at every draw: what is measured never depends on chance, and a reply to the
// downstream's authenticator can be signed before the request is sent.

#include <algorithm>

#include "protocol/random.h"

namespace sallyport::micro {

class FixedRandom final : public RandomSource {
 public:
  static constexpr std::uint8_t kOctet = 0xa5;
  void fill(MutableOctets out) noexcept override { std::ranges::fill(out, kOctet); }
};

}  // namespace sallyport::micro
