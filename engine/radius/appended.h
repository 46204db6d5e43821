#pragma once
// A second factor that a user has typed behind his password: "wonderland,123456",
// "wonderland,push". Pure.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/octets.h"
#include "protocol/radius/hop_key.h"
#include "protocol/radius/packet.h"
#include "verify/login_factor.h"

namespace sallyport::radius_door {

/// What stands behind the separator: a code of six digits, or the word for a factor. A code is a
/// secret.
struct Appended {
  static constexpr std::uint32_t kNothing = 0;
  static constexpr std::uint32_t kPush = 1;
  static constexpr std::uint32_t kOtp = 2;
  static constexpr std::uint32_t kToken = 3;
  static constexpr std::uint32_t kLink = 4;
  static constexpr std::uint32_t kFirstCode = 5;  ///< "000000"

  [[nodiscard]] bool is_code() const noexcept { return value >= kFirstCode; }
  /// Of a word.
  [[nodiscard]] std::optional<verify::LoginFactor> factor() const noexcept {
    if (value == kNothing || is_code()) return std::nullopt;
    return static_cast<verify::LoginFactor>(value - 1);
  }
  /// Of a code.
  [[nodiscard]] std::array<char, 6> digits() const noexcept;

  std::uint32_t value;  ///< without an initialiser: it stands in a union
};
static_assert(Appended::kFirstCode == 1 + verify::kLoginFactors);
/// kNothing: the text is none of these.
[[nodiscard]] Appended read_appended(std::string_view text) noexcept;

/// How long the password in front of the last separator is, where what stands behind that can be a
/// factor. Empty: all of it is the password. Never 0: a server might let in whoever has none.
[[nodiscard]] std::optional<std::size_t> password_before(std::string_view typed,
                                                         char separator) noexcept;

/// The password of a request, cut in two. Wiped when it goes.
class CutPassword {
 public:
  CutPassword() = default;
  ~CutPassword();
  CutPassword(const CutPassword&) = delete;
  CutPassword& operator=(const CutPassword&) = delete;

  /// Of an Access-Request whose sender is authenticated, `hop`: the client's. One that answers a
  /// challenge, or proves more than a password, stays whole.
  void cut(const radius::PacketView& request, const radius::HopKey& hop, char separator) noexcept;
  /// For the downstream; empty: the request's own, as it is.
  [[nodiscard]] std::optional<Octets> password() const noexcept;
  [[nodiscard]] const Appended& appended() const noexcept { return appended_; }

 private:
  std::size_t octets_ = 0;  ///< of the password; 0: nothing was cut
  Appended appended_{};
  std::array<std::uint8_t, 128> clear_;  ///< used once cut() has found something
};

}  // namespace sallyport::radius_door
