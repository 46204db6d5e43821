#pragma once
// Encryption at rest: TOTP secrets, passkeys and keys are sealed before they go into the store
// (AES-256-GCM, NIST SP 800-38D; a random 96-bit nonce each). The record's name is authenticated
// too, so that a sealed value cannot be moved to another user. Immutable; any thread.
//
// The key file holds one key a line, newest first: 64 hexadecimal digits, # comments. The first
// seals, all open: to rotate, put a new line on top, and drop the old one when nothing is sealed
// with it any more (what is read is sealed again with the newest when it is next written).

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/random.h"
#include "verify/store/store.h"

namespace sallyport::verify {

class Sealer {
 public:
  /// `text`: the key file's. An error is a sentence without its full stop and without any key.
  [[nodiscard]] static std::expected<Sealer, std::string> from_text(std::string_view text);
  /// Reads the file, which may not be readable by others; makes it, with a fresh key and mode 0600,
  /// if it does not exist and `create`.
  [[nodiscard]] static std::expected<Sealer, std::string> from_file(const std::string& path,
                                                                    bool create);

  [[nodiscard]] std::string seal(const RecordKey& key, std::string_view plain,
                                 RandomSource& random) const;
  /// Nothing: not sealed by any of the keys, or for another record, or changed.
  [[nodiscard]] std::optional<std::string> open(const RecordKey& key,
                                                std::string_view sealed) const;
  /// Whether it is sealed with another than the newest key.
  [[nodiscard]] bool is_old(std::string_view sealed) const noexcept;

 private:
  struct Keys;
  std::shared_ptr<const Keys> keys_;
};

}  // namespace sallyport::verify
