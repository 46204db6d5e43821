#pragma once
// The picture of a captcha: its text bent by sine curves, among noise (cairo). Pure; any thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/random.h"

namespace sallyport::verify {

inline constexpr int kPictureWidth = 250;
inline constexpr int kPictureHeight = 50;

/// One of 0 .. `count` - 1, each as likely. `count`: 1..256.
[[nodiscard]] std::uint32_t random_below(RandomSource& random, std::uint32_t count);

/// As PNG. `text`: 1..8 characters that glyphs.h has, or spaces.
[[nodiscard]] std::string draw_captcha(std::string_view text, RandomSource& random);

}  // namespace sallyport::verify
