#include "engine/http/pages/theme.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/http/pages/theme_file.h"
#include "tests/engine/http/pages/theme_folder.h"

namespace sallyport::http_door {
namespace {

using testing::HasSubstr;

config::GateTheme theme_of(std::string config::GateTheme::* member, std::string value) {
  config::GateTheme theme;
  theme.*member = std::move(value);
  return theme;
}

TEST(Theme, ReadsColours) {
  EXPECT_EQ(read_colour("#0b57d0"), (Colour{0x0b, 0x57, 0xd0}));
  EXPECT_EQ(read_colour("#F0a"), (Colour{0xff, 0x00, 0xaa}));
  for (const std::string_view bad : {"", "#", "0b57d0", "#12345", "#12345g", "#0b57d0;}", "red"}) {
    EXPECT_FALSE(read_colour(bad)) << bad;
  }
}

TEST(Theme, ContrastIsThatOfWcag) {
  EXPECT_NEAR(contrast({0, 0, 0}, {255, 255, 255}), 21, 0.001);
  EXPECT_NEAR(contrast({0x77, 0x77, 0x77}, {255, 255, 255}), 4.48, 0.01);
  EXPECT_NEAR(contrast({0x24, 0x56, 0xc7}, {0x24, 0x56, 0xc7}), 1, 0.001);
}

TEST(Theme, EveryAccentCanBeRead) {
  for (int step = 0; step < 512; ++step) {
    const auto part = [&](int shift) {
      return static_cast<std::uint8_t>(((step >> shift) & 7) * 36);
    };
    const Colour accent{part(0), part(3), part(6)};
    EXPECT_GE(contrast(text_on(accent), accent), 4.5) << to_text(accent);
    for (const Colour ground : {Colour{0xf0, 0xf2, 0xf6}, Colour{0x23, 0x29, 0x36}}) {
      EXPECT_GE(contrast(readable_on(ground, accent), ground), 4.5) << to_text(accent);
    }
  }
  const Colour fine{0x24, 0x56, 0xc7};
  EXPECT_EQ(readable_on({255, 255, 255}, fine), fine) << "one that can be read stays as it is";
}

TEST(Theme, ItsStyleComesBehindOurs) {
  ThemeFolder folder;
  folder.write("style.css", "main { border: 0 }");
  config::GateTheme theme;
  theme.folder = folder.path();
  theme.accent = "#ffcc00";
  const auto assets = make_assets(theme);
  ASSERT_TRUE(assets.has_value()) << assets.error();
  const std::string& style = (*assets)[0].content;
  EXPECT_TRUE(style.ends_with("main { border: 0 }"));
  EXPECT_THAT(style, HasSubstr("--accent:#ffcc00;--on-accent:#000000"));
  const auto plain = make_assets({});
  ASSERT_TRUE(plain.has_value());
  EXPECT_NE((*plain)[0].hash, (*assets)[0].hash) << "a changed file has another URL";
  EXPECT_EQ((*plain)[1].hash, (*assets)[1].hash);
}

TEST(Theme, TakesALogoByItsContent) {
  ThemeFolder folder;
  const auto type_of = [&](std::string_view content) -> std::string {
    const auto assets =
        make_assets(theme_of(&config::GateTheme::logo_file, folder.write("logo", content)));
    return assets ? (*assets)[2].content_type : assets.error();
  };
  EXPECT_EQ(type_of("<svg xmlns=\"http://www.w3.org/2000/svg\"/>"), "image/svg+xml");
  EXPECT_EQ(type_of("\x89PNG\r\n\x1a\n…"), "image/png");
  EXPECT_THAT(type_of("GIF89a"), HasSubstr("neither SVG nor PNG"));
  EXPECT_THAT(type_of(std::string(kMaxThemeFileOctets + 1, 'x')), HasSubstr("larger than 256 KiB"));
  EXPECT_THAT(make_assets(theme_of(&config::GateTheme::logo_file, folder.path())).error(),
              HasSubstr("no plain file"));
  EXPECT_THAT(make_assets(theme_of(&config::GateTheme::accent, "blue")).error(),
              HasSubstr("\"blue\" is no colour"));
}

}  // namespace
}  // namespace sallyport::http_door
