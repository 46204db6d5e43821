#pragma once
// Recovery codes: shown once, kept as hashes, each good for one login. Pure; any thread.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/random.h"

namespace sallyport::verify {

inline constexpr std::size_t kRecoveryCodes = 10;

struct RecoveryCodes {
  std::vector<std::string> codes;  ///< "k7mq-2xvp-9hdt": 60 bits of 32 unmistakable characters
  /// What is kept: opaque text of one line. PBKDF2 with SHA-256, one salt for a user's codes.
  std::vector<std::string> hashes;
};
[[nodiscard]] RecoveryCodes make_recovery_codes(RandomSource& random);

/// Whether the text has a recovery code's form (any case, with or without hyphens and spaces).
[[nodiscard]] bool looks_like_recovery_code(std::string_view text) noexcept;
/// The index of the hash that `text` is the code of. All are compared, in constant time; takes some
/// 2 ms where the text has the form of one.
[[nodiscard]] std::optional<std::size_t> find_recovery_code(const std::vector<std::string>& hashes,
                                                            std::string_view text);

}  // namespace sallyport::verify
