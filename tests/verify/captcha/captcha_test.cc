#include "verify/captcha/captcha.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <cairo/cairo.h>
#include <gtest/gtest.h>
#include <openssl/sha.h>

#include "verify/captcha/glyphs.h"
#include "verify/captcha/picture.h"

namespace sallyport::verify {
namespace {

class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(MutableOctets out) noexcept override {
    for (auto& octet : out) octet = static_cast<std::uint8_t>(engine_());
  }

 private:
  std::mt19937_64 engine_;
};

struct Picture {
  int width = 0;
  int height = 0;
  std::vector<int> brightness;  ///< 0..255, row by row
};

/// As a browser would read it.
Picture picture_of(const std::string& png) {
  struct Source {
    const std::string& png;
    std::size_t at = 0;
  } source{png};
  const std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)> surface(
      cairo_image_surface_create_from_png_stream(
          [](void* closure, unsigned char* data, unsigned length) {
            auto& from = *static_cast<Source*>(closure);
            if (from.png.size() - from.at < length) return CAIRO_STATUS_READ_ERROR;
            from.png.copy(reinterpret_cast<char*>(data), length, from.at);
            from.at += length;
            return CAIRO_STATUS_SUCCESS;
          },
          &source),
      cairo_surface_destroy);
  Picture picture;
  if (cairo_surface_status(surface.get()) != CAIRO_STATUS_SUCCESS) return picture;
  picture.width = cairo_image_surface_get_width(surface.get());
  picture.height = cairo_image_surface_get_height(surface.get());
  const unsigned char* data = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      const unsigned char* pixel = data + y * stride + 4 * x;
      picture.brightness.push_back((pixel[0] + pixel[1] + pixel[2]) / 3);
    }
  }
  return picture;
}

/// The 0.001 bound for more than 30 degrees of freedom (Wilson and Hilferty).
double chi_square_bound(double degrees) {
  return degrees * std::pow(1 - 2 / (9 * degrees) + 3.09 * std::sqrt(2 / (9 * degrees)), 3);
}

template <typename Key>
double chi_square(const std::map<Key, double>& seen, double expected) {
  double sum = 0;
  for (const auto& [key, count] : seen) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

TEST(Captcha, IsAPictureWithItsSolution) {
  SeededRandom random(3);
  for (const CaptchaMode mode : {CaptchaMode::math, CaptchaMode::full}) {
    for (int i = 0; i < 20; ++i) {
      const Captcha captcha = make_captcha(mode, random);
      EXPECT_TRUE(solves(captcha.solution, captcha.solution));
      const Picture picture = picture_of(captcha.png);
      ASSERT_EQ(picture.width, 250);
      ASSERT_EQ(picture.height, 50);
      EXPECT_LT(captcha.png.size(), 30'000U);
      // Dark on light, and neither empty nor smeared over.
      const auto dark = std::ranges::count_if(picture.brightness, [](int b) { return b < 110; });
      EXPECT_GT(dark, 600);
      EXPECT_LT(dark, 250 * 50 / 4);
    }
  }
}

TEST(Captcha, IsDrawnAnewEachTime) {
  SeededRandom random(4);
  std::set<std::string> pictures;
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(pictures.insert(draw_captcha("K7MXA", random)).second);
  SeededRandom again(4);
  EXPECT_TRUE(pictures.contains(draw_captcha("K7MXA", again)));  // from nothing but its randomness
}

TEST(Captcha, ShowsItsTextNotOnlyNoise) {
  // With the same randomness only the text can make a difference.
  for (const char other : kCaptchaCharacters) {
    if (other == 'K') continue;
    SeededRandom one(5);
    SeededRandom two(5);
    const Picture a = picture_of(draw_captcha("KKKKK", one));
    const Picture b = picture_of(draw_captcha(std::string("KK") + other + "KK", two));
    int differing = 0;
    for (std::size_t i = 0; i < a.brightness.size(); ++i)
      differing += std::abs(a.brightness[i] - b.brightness[i]) > 60 ? 1 : 0;
    EXPECT_GT(differing, 40) << other;
  }
}

TEST(Captcha, HasStrokesForAllThatItShows) {
  const std::string all = "0123456789+=?" + std::string(kCaptchaCharacters);
  for (const char c : all) {
    const auto strokes = strokes_of(c);
    ASSERT_FALSE(strokes.empty()) << c;
    for (const Stroke& stroke : strokes) {
      ASSERT_GE(stroke.size(), 2U) << c;
      for (const Point& point : stroke) {  // curves may go a little beyond the grid
        EXPECT_TRUE(point.x > -1 && point.x < kGlyphWidth + 1) << c;
        EXPECT_TRUE(point.y > -1 && point.y < kGlyphHeight + 1) << c;
      }
    }
  }
  EXPECT_TRUE(strokes_of(' ').empty());
}

TEST(Captcha, ChoosesWithoutBias) {
  SeededRandom random(6);
  for (const std::uint32_t count : {1U, 3U, 9U, 26U, 80U, 200U, 256U}) {
    std::map<std::uint32_t, double> seen;
    const std::uint32_t draws = count * 200;
    for (std::uint32_t i = 0; i < draws; ++i) seen[random_below(random, count)] += 1;
    EXPECT_EQ(seen.size(), count);
    EXPECT_LT(seen.rbegin()->first, count);
    EXPECT_LT(chi_square(seen, 200), count == 1 ? 1 : chi_square_bound(count - 1)) << count;
  }
}

TEST(Captcha, HasSolutionsThatAreUniform) {
  SeededRandom random(7);
  std::map<char, double> characters;
  constexpr int kEach = 300;
  for (int i = 0; i < kEach; ++i) {
    const std::string solution = make_captcha(CaptchaMode::full, random).solution;
    ASSERT_EQ(solution.size(), 5U);
    for (const char c : solution) characters[c] += 1;
  }
  EXPECT_EQ(characters.size(), kCaptchaCharacters.size());
  EXPECT_LT(chi_square(characters, kEach * 5.0 / 26), chi_square_bound(25));

  std::set<std::string> sums;
  for (int i = 0; i < kEach; ++i) {
    const std::string solution = make_captcha(CaptchaMode::math, random).solution;
    sums.insert(solution);
    EXPECT_GE(std::stoi(solution), 11);
    EXPECT_LE(std::stoi(solution), 98);
  }
  EXPECT_GT(sums.size(), 70U);  // of 88
}

TEST(Captcha, TakesAnswersAsPeopleGiveThem) {
  for (const char* answer : {"K7MX2", "k7mx2", " K7 mx2 ", "k7mxz"})
    EXPECT_TRUE(solves("K7MX2", answer)) << answer;
  for (const char* answer : {"", " ", "K7MX", "K7MX22", "K7MX3", "K7MX\t2"})
    EXPECT_FALSE(solves("K7MX2", answer)) << answer;
  EXPECT_TRUE(solves("98", "98"));
  EXPECT_FALSE(solves("98", "098"));
  EXPECT_FALSE(solves("", ""));  // a used one has no solution any more
  EXPECT_FALSE(solves("98", std::string(1'000'000, ' ') + "98"));
}

TEST(ProofOfWork, IsFoundBySearchingAndOnlyForItsChallenge) {
  SeededRandom random(8);
  const std::string challenge = make_challenge(random);
  ASSERT_EQ(challenge.size(), 32U);
  EXPECT_EQ(challenge.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(challenge, make_challenge(random));

  constexpr unsigned kBits = 12;
  std::uint64_t number = 0;
  while (!proves(challenge, std::to_string(number), kBits)) ASSERT_LT(++number, 1'000'000U);
  // The definition, done by hand.
  const std::string text = challenge + ":" + std::to_string(number);
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), digest.data());
  EXPECT_EQ(digest[0], 0);
  EXPECT_LT(digest[1], 16);
  EXPECT_TRUE(proves(challenge, std::to_string(number), kBits - 1));
  EXPECT_FALSE(proves(challenge, std::to_string(number), 40));
  EXPECT_FALSE(proves(challenge, std::to_string(number), 257));
  EXPECT_FALSE(proves("0" + challenge.substr(1) + "1", std::to_string(number), kBits));
}

TEST(ProofOfWork, TakesAsMuchWorkAsItsBitsSay) {
  SeededRandom random(9);
  constexpr int kChallenges = 300;
  std::uint64_t tries = 0;
  for (int i = 0; i < kChallenges; ++i) {
    const std::string challenge = make_challenge(random);
    for (std::uint64_t number = 0; !proves(challenge, std::to_string(number), 8); ++number) ++tries;
  }
  EXPECT_NEAR(static_cast<double>(tries) / kChallenges, 256, 60);
}

TEST(ProofOfWork, TakesDecimalNumbersOnly) {
  EXPECT_TRUE(proves("c", "18446744073709551615", 0));
  for (const char* number : {"", " 1", "1 ", "-1", "+1", "1.0", "0x1", "184467440737095516150"})
    EXPECT_FALSE(proves("c", number, 0)) << number;
  EXPECT_FALSE(proves("", "1", 0));
  EXPECT_FALSE(proves(std::string(65, 'c'), "1", 0));
}

}  // namespace
}  // namespace sallyport::verify
