#pragma once
// The characters of the captchas as strokes, so that no font file is needed. Each is drawn on a
// grid of 8 by 12, from the upper left. Pure; any thread.

#include <string_view>
#include <vector>

namespace sallyport::verify {

struct Point {
  double x = 0;
  double y = 0;
};
using Stroke = std::vector<Point>;

inline constexpr double kGlyphWidth = 8;
inline constexpr double kGlyphHeight = 12;

/// The characters of a full captcha: none that is mistaken for another of them (0 O Q, 1 I, 2 Z,
/// 5 S, 6 G, 8 B, U V).
inline constexpr std::string_view kCaptchaCharacters = "23456789ACDEFHJKLMNPRTVWXY";

/// The strokes of a character of the captchas ("0".."9", kCaptchaCharacters, + = ?), of many short
/// pieces, so that they can be bent. None for a space.
[[nodiscard]] std::vector<Stroke> strokes_of(char character);

}  // namespace sallyport::verify
