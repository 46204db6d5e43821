#include "verify/otp/qr_code.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <png.h>
#include <unistd.h>

namespace sallyport::verify {
namespace {

constexpr std::string_view kUrl =
    "otpauth://totp/Example%20Org:ann%40example.net?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    "&issuer=Example%20Org&algorithm=SHA1&digits=6&period=30";

struct Picture {
  unsigned side = 0;
  std::vector<std::uint8_t> pixels;  ///< grey, row by row
};

Picture picture_of(const std::string& png) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  Picture picture;
  if (png_image_begin_read_from_memory(&image, png.data(), png.size()) == 0) return picture;
  image.format = PNG_FORMAT_GRAY;
  picture.pixels.resize(std::size_t{image.width} * image.height);
  if (image.width == image.height &&
      png_image_finish_read(&image, nullptr, picture.pixels.data(), 0, nullptr) != 0) {
    picture.side = image.width;
  }
  png_image_free(&image);
  return picture;
}

/// The path's rectangles, painted a pixel a module.
Picture picture_of_svg(const std::string& svg) {
  Picture picture;
  std::smatch match;
  if (!std::regex_search(svg, match, std::regex("viewBox=\"0 0 (\\d+) (\\d+)\""))) return picture;
  picture.side = static_cast<unsigned>(std::stoul(match[1]));
  picture.pixels.assign(std::size_t{picture.side} * picture.side, 0xff);
  const std::regex run(R"(M(\d+) (\d+)h(\d+)v1h-(\d+)z)");
  for (std::sregex_iterator at(svg.begin(), svg.end(), run), end; at != end; ++at) {
    EXPECT_EQ((*at)[3], (*at)[4]);
    for (unsigned long x = 0; x < std::stoul((*at)[3]); ++x)
      picture.pixels.at(std::stoul((*at)[2]) * picture.side + std::stoul((*at)[1]) + x) = 0;
  }
  return picture;
}

/// As a phone's camera would read it.
std::string scan(const std::string& png) {
  std::string path = testing::TempDir() + "sallyport-qr-XXXXXX";
  const int file = mkstemp(path.data());
  if (file < 0) return "no file";
  const bool written = write(file, png.data(), png.size()) == static_cast<ssize_t>(png.size());
  close(file);
  std::string output;
  if (written) {
    const std::string command =
        "/usr/bin/zbarimg --quiet --raw --oneshot '" + path + "' 2>/dev/null";
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
    for (int c = 0; pipe && (c = std::fgetc(pipe.get())) != EOF;) output += static_cast<char>(c);
  }
  unlink(path.c_str());
  if (output.ends_with('\n')) output.pop_back();
  return output;
}

TEST(QrCode, IsReadByAScanner) {
  if (access("/usr/bin/zbarimg", X_OK) != 0) GTEST_SKIP() << "zbar-tools is not installed";
  for (const std::string_view text : {kUrl, std::string_view("HELLO"), std::string_view("a b")}) {
    const auto png = qr_png(text, 4);
    ASSERT_TRUE(png);
    EXPECT_EQ(scan(*png), text);
  }
}

TEST(QrCode, HasTheSameModulesAsSvgAndAsPng) {
  const auto svg = qr_svg(kUrl, "");
  const auto png = qr_png(kUrl, 1);
  ASSERT_TRUE(svg && png);
  const Picture a = picture_of_svg(*svg);
  const Picture b = picture_of(*png);
  ASSERT_GT(a.side, 21U + 8U);
  ASSERT_EQ(a.side, b.side);
  EXPECT_EQ(a.pixels, b.pixels);
  for (unsigned at = 0; at < a.side; ++at) {  // the quiet zone
    for (unsigned edge : {0U, 1U, 2U, 3U, a.side - 4, a.side - 1}) {
      EXPECT_EQ(a.pixels[edge * a.side + at], 0xff);
      EXPECT_EQ(a.pixels[at * a.side + edge], 0xff);
    }
  }
  EXPECT_EQ(a.pixels[4 * a.side + 4], 0);  // the first finder pattern
}

TEST(QrCode, EnlargesEachModule) {
  const Picture one = picture_of(*qr_png(kUrl, 1));
  const Picture five = picture_of(*qr_png(kUrl, 5));
  ASSERT_EQ(five.side, 5 * one.side);
  for (unsigned y = 0; y < five.side; ++y)
    for (unsigned x = 0; x < five.side; ++x)
      ASSERT_EQ(five.pixels[y * five.side + x], one.pixels[y / 5 * one.side + x / 5]);
}

TEST(QrCode, StandsInAPageAsItIs) {
  const auto svg = qr_svg("x", "Scan <this> & \"that's\" it");
  ASSERT_TRUE(svg);
  EXPECT_TRUE(svg->starts_with("<svg "));
  EXPECT_TRUE(svg->ends_with("</svg>"));
  EXPECT_NE(svg->find("<title>Scan &lt;this&gt; &amp; &quot;that&#39;s&quot; it</title>"),
            std::string::npos);
  EXPECT_NE(svg->find("role=\"img\""), std::string::npos);
  EXPECT_EQ(svg->find("style"), std::string::npos);  // the page's policy allows none
  EXPECT_EQ(svg->find("<path", svg->find("<path") + 1), std::string::npos);
}

TEST(QrCode, RefusesWhatDoesNotFit) {
  EXPECT_FALSE(qr_svg("", "t"));
  EXPECT_TRUE(qr_svg(std::string(2'331, '\xff'), "t"));
  EXPECT_FALSE(qr_svg(std::string(2'332, 'x'), "t"));
  EXPECT_FALSE(qr_png(std::string(100'000'000, 'x'), 1));
}

}  // namespace
}  // namespace sallyport::verify
