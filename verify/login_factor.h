#pragma once
// The second factors that a login over RADIUS can be asked for. Values alone.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace sallyport::verify {

enum class LoginFactor : std::uint8_t {
  push,   ///< a question on the phone (Notakey)
  otp,    ///< a code of an authenticator app
  token,  ///< a code that is sent to him
  link,   ///< a link that is sent to him, and leads to a page that asks
};
inline constexpr std::size_t kLoginFactors = 4;
inline constexpr std::array<std::string_view, kLoginFactors> kLoginFactorNames = {"push", "otp",
                                                                                  "token", "link"};
[[nodiscard]] constexpr bool is_typed(LoginFactor factor) noexcept {
  return factor == LoginFactor::otp || factor == LoginFactor::token;
}
[[nodiscard]] constexpr std::string_view to_text(LoginFactor factor) noexcept {
  return kLoginFactorNames[static_cast<std::size_t>(factor)];
}

class LoginFactors {
 public:
  constexpr LoginFactors() = default;
  constexpr LoginFactors(std::initializer_list<LoginFactor> factors) noexcept {
    for (const LoginFactor factor : factors) add(factor);
  }
  constexpr void add(LoginFactor factor) noexcept {
    bits_ = static_cast<std::uint8_t>(bits_ | 1u << static_cast<unsigned>(factor));
  }
  constexpr void remove(LoginFactor factor) noexcept {
    bits_ = static_cast<std::uint8_t>(bits_ & ~(1u << static_cast<unsigned>(factor)));
  }
  [[nodiscard]] constexpr bool has(LoginFactor factor) const noexcept {
    return (bits_ >> static_cast<unsigned>(factor) & 1u) != 0;
  }
  [[nodiscard]] constexpr int count() const noexcept { return std::popcount(bits_); }
  /// The first of them, in the order of LoginFactor; there is one.
  [[nodiscard]] constexpr LoginFactor first() const noexcept {
    return static_cast<LoginFactor>(std::countr_zero(bits_));
  }
  bool operator==(const LoginFactors&) const = default;

 private:
  std::uint8_t bits_ = 0;
};

}  // namespace sallyport::verify
