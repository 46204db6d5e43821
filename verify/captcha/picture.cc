#include "verify/captcha/picture.h"

#include <cmath>
#include <memory>
#include <numbers>
#include <vector>

#include <cairo/cairo.h>

#include "protocol/check.h"
#include "verify/captcha/glyphs.h"

namespace sallyport::verify {
namespace {

using Surface = std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)>;
using Context = std::unique_ptr<cairo_t, decltype(&cairo_destroy)>;

constexpr double kTurn = 2 * std::numbers::pi;

double random_between(RandomSource& random, double low, double high) {
  std::uint8_t octets[2];
  random.fill(octets);
  return std::lerp(low, high, (octets[0] * 256.0 + octets[1]) / 65'535.0);
}

/// A dark colour that stands out from the light ground.
void choose_ink(cairo_t* cairo, RandomSource& random, double alpha) {
  const double red = random_between(random, 0.0, 0.4);
  const double green = random_between(random, 0.0, 0.3);
  const double blue = random_between(random, 0.1, 0.6);
  cairo_set_source_rgba(cairo, red, green, blue, alpha);
}

/// What all of a picture is bent by: sine curves along both sides.
struct Bend {
  explicit Bend(RandomSource& random)
      : down(random_between(random, 2.0, 3.5)),
        down_length(random_between(random, 60, 110)),
        down_phase(random_between(random, 0, kTurn)),
        aside(random_between(random, 1.0, 2.5)),
        aside_length(random_between(random, 25, 45)),
        aside_phase(random_between(random, 0, kTurn)) {}

  [[nodiscard]] Point apply(Point point) const noexcept {
    return {point.x + aside * std::sin(kTurn * point.y / aside_length + aside_phase),
            point.y + down * std::sin(kTurn * point.x / down_length + down_phase)};
  }

  double down, down_length, down_phase;  // pixels, pixels, radians
  double aside, aside_length, aside_phase;
};

/// Where one character stands, how large, how much turned and slanted.
struct Placement {
  [[nodiscard]] Point apply(Point point) const noexcept {
    const double x = (point.x - kGlyphWidth / 2) * width - (point.y - kGlyphHeight / 2) * slant;
    const double y = (point.y - kGlyphHeight / 2) * height;
    return {centre.x + x * std::cos(turn) - y * std::sin(turn),
            centre.y + x * std::sin(turn) + y * std::cos(turn)};
  }

  Point centre;          // pixels
  double width, height;  // pixels for each unit of the grid
  double slant, turn;    // pixels for each unit down; radians
};

void draw_strokes(cairo_t* cairo, char character, const Placement& placement, const Bend& bend) {
  for (const Stroke& stroke : strokes_of(character)) {
    cairo_new_sub_path(cairo);
    for (const Point& point : stroke) {
      const Point at = bend.apply(placement.apply(point));
      cairo_line_to(cairo, at.x, at.y);
    }
  }
  cairo_stroke(cairo);
}

void draw_text(cairo_t* cairo, std::string_view text, RandomSource& random) {
  const Bend bend(random);
  const double advance = (kPictureWidth - 30.0) / static_cast<double>(text.size());
  const double start = 15 + random_between(random, -4, 4);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const double x =
        start + advance * (static_cast<double>(i) + 0.5) + random_between(random, -3, 3);
    const Placement placement{.centre = {x, kPictureHeight / 2.0 + random_between(random, -2, 2)},
                              .width = random_between(random, 2.1, 2.6),
                              .height = random_between(random, 2.1, 2.5),
                              .slant = random_between(random, -0.4, 0.4),
                              .turn = random_between(random, -0.18, 0.18)};
    choose_ink(cairo, random, 1);
    cairo_set_line_width(cairo, random_between(random, 2.4, 3.4));
    draw_strokes(cairo, text[i], placement, bend);
  }
}

/// A sine curve from side to side.
void draw_curve(cairo_t* cairo, RandomSource& random) {
  const double height = random_between(random, 4, 14);
  const double length = random_between(random, 70, 190);
  const double phase = random_between(random, 0, kTurn);
  const double middle = kPictureHeight / 2.0 + random_between(random, -10, 10);
  choose_ink(cairo, random, 0.75);
  cairo_set_line_width(cairo, random_between(random, 1.0, 1.7));
  for (int x = 0; x <= kPictureWidth; x += 3)
    cairo_line_to(cairo, x, middle + height * std::sin(kTurn * x / length + phase));
  cairo_stroke(cairo);
}

void draw_noise(cairo_t* cairo, RandomSource& random) {
  for (int i = 0; i < 90; ++i) {
    const double x = random_between(random, 0, kPictureWidth);
    const double y = random_between(random, 0, kPictureHeight);
    choose_ink(cairo, random, 0.6);
    cairo_arc(cairo, x, y, random_between(random, 0.5, 1.2), 0, kTurn);
    cairo_fill(cairo);
  }
  for (int i = 0; i < 3; ++i) draw_curve(cairo, random);
}

cairo_status_t append(void* out, const unsigned char* data, unsigned length) {
  static_cast<std::string*>(out)->append(reinterpret_cast<const char*>(data), length);
  return CAIRO_STATUS_SUCCESS;
}

}  // namespace

std::uint32_t random_below(RandomSource& random, std::uint32_t count) {
  CHECK(count >= 1 && count <= 256);
  // Octets beyond the last whole multiple would favour the first numbers.
  const std::uint32_t limit = 256 - 256 % count;
  std::uint8_t octet = 0;
  do {
    random.fill({&octet, 1});
  } while (octet >= limit);
  return octet % count;
}

std::string draw_captcha(std::string_view text, RandomSource& random) {
  CHECK(!text.empty() && text.size() <= 8);
  const Surface surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, kPictureWidth, kPictureHeight),
      cairo_surface_destroy);
  const Context context(cairo_create(surface.get()), cairo_destroy);
  cairo_t* cairo = context.get();
  cairo_set_source_rgb(cairo, random_between(random, 0.93, 1), random_between(random, 0.93, 1),
                       random_between(random, 0.93, 1));
  cairo_paint(cairo);
  cairo_set_line_cap(cairo, CAIRO_LINE_CAP_ROUND);
  cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
  draw_text(cairo, text, random);
  draw_noise(cairo, random);
  std::string png;
  // Fails only for want of memory, which ends the process anyway.
  CHECK(cairo_surface_write_to_png_stream(surface.get(), append, &png) == CAIRO_STATUS_SUCCESS);
  return png;
}

}  // namespace sallyport::verify
