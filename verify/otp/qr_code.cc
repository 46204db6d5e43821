#include "verify/otp/qr_code.h"

#include <cstdint>
#include <memory>
#include <vector>

#include <png.h>
#include <qrencode.h>

#include "protocol/check.h"
#include "protocol/escape.h"

namespace sallyport::verify {
namespace {

using Code = std::unique_ptr<QRcode, decltype(&QRcode_free)>;
constexpr unsigned kQuietModules = 4;  ///< ISO/IEC 18004 §6.3.8
/// What the largest symbol holds at this level of correction. libqrencode takes its time to say so.
constexpr std::size_t kMaxText = 2'331;

Code encode(std::string_view text) {
  if (text.empty() || text.size() > kMaxText) return {nullptr, QRcode_free};
  return {QRcode_encodeData(static_cast<int>(text.size()),
                            reinterpret_cast<const unsigned char*>(text.data()), 0, QR_ECLEVEL_M),
          QRcode_free};
}

bool is_dark(const QRcode& code, unsigned x, unsigned y) noexcept {
  return (code.data[std::size_t{y} * static_cast<unsigned>(code.width) + x] & 1) != 0;
}

/// Dark modules that stand side by side are one rectangle.
void append_row(std::string& out, const QRcode& code, unsigned y) {
  const auto width = static_cast<unsigned>(code.width);
  for (unsigned x = 0; x < width; ++x) {
    if (!is_dark(code, x, y)) continue;
    const unsigned begin = x;
    while (x < width && is_dark(code, x, y)) ++x;
    const std::string run = std::to_string(x - begin);
    out += 'M' + std::to_string(begin + kQuietModules) + ' ' + std::to_string(y + kQuietModules) +
           'h' + run + "v1h-" + run + 'z';
  }
}

}  // namespace

std::optional<std::string> qr_svg(std::string_view text, std::string_view title) {
  const Code code = encode(text);
  if (!code) return std::nullopt;
  const auto width = static_cast<unsigned>(code->width);
  const std::string side = std::to_string(width + 2 * kQuietModules);
  // Attributes rather than styles: the page's policy allows no inline style.
  std::string svg =
      R"(<svg xmlns="http://www.w3.org/2000/svg" class="qr" role="img" viewBox="0 0 )" + side +
      ' ' + side + R"(" shape-rendering="crispEdges"><title>)";
  append_html(svg, title);
  svg += R"(</title><rect width=")" + side + R"(" height=")" + side +
         R"(" fill="#fff"/><path fill="#000" d=")";
  for (unsigned y = 0; y < width; ++y) append_row(svg, *code, y);
  svg += R"("/></svg>)";
  return svg;
}

std::optional<std::string> qr_png(std::string_view text, unsigned module_pixels) {
  CHECK(module_pixels >= 1 && module_pixels <= 16);
  const Code code = encode(text);
  if (!code) return std::nullopt;
  const auto width = static_cast<unsigned>(code->width);
  const unsigned side = (width + 2 * kQuietModules) * module_pixels;
  std::vector<std::uint8_t> pixels(std::size_t{side} * side, 0xff);
  for (unsigned y = 0; y < width * module_pixels; ++y) {
    for (unsigned x = 0; x < width * module_pixels; ++x) {
      if (!is_dark(*code, x / module_pixels, y / module_pixels)) continue;
      const unsigned margin = kQuietModules * module_pixels;
      pixels[std::size_t{y + margin} * side + x + margin] = 0;
    }
  }

  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = side;
  image.height = side;
  image.format = PNG_FORMAT_GRAY;
  png_alloc_size_t octets = 0;
  if (png_image_write_get_memory_size(image, octets, 0, pixels.data(), 0, nullptr) == 0)
    return std::nullopt;
  std::string png(octets, '\0');
  if (png_image_write_to_memory(&image, png.data(), &octets, 0, pixels.data(), 0, nullptr) == 0)
    return std::nullopt;
  png.resize(octets);
  return png;
}

}  // namespace sallyport::verify
