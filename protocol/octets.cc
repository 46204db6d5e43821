#include "protocol/octets.h"

#include <openssl/mem.h>

namespace sallyport {

bool equal_constant_time(Octets a, Octets b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(MutableOctets octets) noexcept { OPENSSL_cleanse(octets.data(), octets.size()); }

}  // namespace sallyport
