#include "protocol/random.h"

#include <cstring>

#include <openssl/rand.h>

namespace sallyport {

void SystemRandom::fill(MutableOctets out) noexcept {
  // RAND_bytes of BoringSSL always succeeds: it aborts rather than give weak octets.
  if (out.size() > kBlock) {
    RAND_bytes(out.data(), out.size());
    return;
  }
  if (out.size() > kBlock - used_) {
    RAND_bytes(block_, kBlock);
    used_ = 0;
  }
  if (out.empty()) return;
  std::memcpy(out.data(), block_ + used_, out.size());
  // What was handed out is forgotten: a later look into this memory tells nothing about the past.
  std::memset(block_ + used_, 0, out.size());
  used_ += out.size();
}

SystemRandom::~SystemRandom() { wipe(block_); }

}  // namespace sallyport
