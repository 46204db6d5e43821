#include "bench/load/workload/chap.h"

#include <openssl/md5.h>

namespace sallyport::lab {

std::array<std::uint8_t, 16> chap_response(std::uint8_t identifier, Octets password,
                                           Octets challenge) noexcept {
  MD5_CTX md5;
  std::array<std::uint8_t, 16> digest;
  MD5_Init(&md5);
  MD5_Update(&md5, &identifier, 1);
  MD5_Update(&md5, password.data(), password.size());
  MD5_Update(&md5, challenge.data(), challenge.size());
  MD5_Final(digest.data(), &md5);
  return digest;
}

}  // namespace sallyport::lab
