#pragma once
// From where a user is asked for approval, as keys of tables: who he is, the place he logs in from,
// and both. Keyed with a random of this process: nobody can aim two at one, and nothing of a name
// can be learned from them.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "verify/verification.h"

namespace sallyport::verify {

/// Half of an HMAC-SHA256.
using AskerKey = std::array<std::uint8_t, 16>;

/// For hash tables: of a keyed hash any part is one, and nobody can choose names that collide.
struct AskerKeyHash {
  [[nodiscard]] std::size_t operator()(const AskerKey& key) const noexcept {
    std::size_t hash;
    static_assert(sizeof hash <= sizeof key);
    std::memcpy(&hash, key.data(), sizeof hash);
    return hash;
  }
};

struct Asker {
  AskerKey user{};   ///< however his name is written (case, blanks around): it may be one phone
  AskerKey place{};  ///< RADIUS client and Calling-Station-Id; without one, the client alone
  AskerKey pair{};   ///< both, the name as it is written
  bool has_station = false;  ///< the request had a Calling-Station-Id, and we have all of it
};

class AskerKeys {
 public:
  using Random = std::array<std::uint8_t, 32>;
  explicit AskerKeys(const Random& key) noexcept : key_(key) {}
  [[nodiscard]] Asker of(const Question& question) const noexcept;

 private:
  Random key_;
};

}  // namespace sallyport::verify
