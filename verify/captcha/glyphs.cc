#include "verify/captcha/glyphs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "protocol/check.h"

namespace sallyport::verify {
namespace {

/// Strokes with a space between them. A point is two hexadecimal digits, x and y; a stroke that
/// begins with ~ bends through its points, in others they are corners.
struct Glyph {
  char character;
  std::string_view strokes;
};

constexpr Glyph kGlyphs[] = {
    {'0', "~401306194c79867340"},
    {'1', "13404c 1c7c"},
    {'2', "~0311407183760c 0c8c"},
    {'3', "~022060836535 ~3565896c2c0a"},
    {'4', "6c600888"},
    {'5', "701005 ~053464886c2c0a"},
    {'6', "~724013081b4c7b88653508"},
    {'7', "00803c"},
    {'8', "~4013467340 ~46094c8946"},
    {'9', "~1a4c798471401104275784"},
    {'A', "0c408c 1878"},
    {'C', "~82603003093c6c8a"},
    {'D', "000c ~00407386794c0c"},
    {'E', "80000c8c 0666"},
    {'F', "80000c 0666"},
    {'H', "000c 808c 0686"},
    {'J', "3080 ~6064695b3c1b08"},
    {'K', "000c 8007 348c"},
    {'L', "000c8c"},
    {'M', "0c0047808c"},
    {'N', "0c008c80"},
    {'P', "000c 0050 ~5071837556 5606"},
    {'R', "000c 0050 ~5071837556 5606 468c"},
    {'T', "0080 404c"},
    {'V', "004c80"},
    {'W', "002c446c80"},
    {'X', "008c 800c"},
    {'Y', "004680 464c"},
    {'+', "4349 1676"},
    {'=', "1575 1979"},
    {'?', "~03114071836548 4b4c"},
};

double coordinate(char digit) {
  const bool decimal = digit >= '0' && digit <= '9';
  CHECK(decimal || (digit >= 'a' && digit <= 'c'));
  return decimal ? digit - '0' : digit - 'a' + 10;
}

std::vector<Point> points_of(std::string_view text) {
  std::vector<Point> points;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    points.push_back({coordinate(text[i]), coordinate(text[i + 1])});
  return points;
}

/// Between b and c, on the Catmull-Rom curve of all four.
Point on_curve(const std::array<Point, 4>& p, double t) noexcept {
  const auto one = [t](double a, double b, double c, double d) {
    return 0.5 *
           (2 * b + t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))));
  };
  return {one(p[0].x, p[1].x, p[2].x, p[3].x), one(p[0].y, p[1].y, p[2].y, p[3].y)};
}

Stroke stroke_of(std::string_view text) {
  constexpr int kPieces = 8;
  const bool curved = text.starts_with('~');
  const std::vector<Point> points = points_of(text.substr(curved ? 1 : 0));
  Stroke stroke = {points.front()};
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    const Point& begin = points[i];
    const Point& end = points[i + 1];
    const std::array<Point, 4> around = {points[i == 0 ? 0 : i - 1], begin, end,
                                         points[std::min(i + 2, points.size() - 1)]};
    for (int piece = 1; piece <= kPieces; ++piece) {
      const double t = static_cast<double>(piece) / kPieces;
      stroke.push_back(curved ? on_curve(around, t)
                              : Point{std::lerp(begin.x, end.x, t), std::lerp(begin.y, end.y, t)});
    }
  }
  return stroke;
}

}  // namespace

std::vector<Stroke> strokes_of(char character) {
  std::vector<Stroke> strokes;
  if (character == ' ') return strokes;
  const auto* glyph = std::ranges::find(kGlyphs, character, &Glyph::character);
  CHECK(glyph != std::end(kGlyphs));
  std::string_view rest = glyph->strokes;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    strokes.push_back(stroke_of(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return strokes;
}

}  // namespace sallyport::verify
