#pragma once
// Secrets of the gate: made, hashed and compared. What names a record in the store is the hash of a
// secret, never the secret. Any thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/random.h"

namespace sallyport::verify {

/// The operating system's, one for each thread.
[[nodiscard]] RandomSource& thread_random();

/// 256 bits as 43 characters of base64url: a cookie, the end of a link.
[[nodiscard]] std::string random_secret(RandomSource& random);
/// So many decimal digits, all equally likely.
[[nodiscard]] std::string random_digits(RandomSource& random, std::uint32_t digits);

/// SHA-256 as 64 hexadecimal digits. Only of texts that cannot be guessed.
[[nodiscard]] std::string hash_of(std::string_view secret);
/// HMAC-SHA-256 as 43 characters of base64url: of texts that could be guessed, and to derive one
/// secret from another.
[[nodiscard]] std::string keyed_hash(std::string_view key, std::string_view text);

/// In a time that depends on the lengths only. An empty text is equal to none.
[[nodiscard]] bool same_secret(std::string_view one, std::string_view other) noexcept;

/// Another source from 256 bits: the same seed, the same octets. So a captcha's picture is drawn
/// again for who asks for it, and the store keeps only its seed.
class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(std::string_view seed) : seed_(seed) {}
  void fill(MutableOctets out) noexcept override;

 private:
  std::string seed_;
  std::uint64_t blocks_ = 0;
};

}  // namespace sallyport::verify
