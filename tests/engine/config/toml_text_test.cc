#include "engine/config/toml_text.h"

#include <gtest/gtest.h>

#include "tests/engine/config/config_testing.h"

namespace sallyport::config {
namespace {

TEST(TomlText, StrayOctetsAreThoseOutsideTextsAndComments) {
  const struct {
    std::string_view text;
    std::optional<std::size_t> stray;
  } cases[] = {
      {"", std::nullopt},
      {"a = 1 # ü\n", std::nullopt},
      {"a = \"ü\"\n", std::nullopt},
      {"a = 'ü'\n", std::nullopt},
      {"a = \"\\\"ü\"\n", std::nullopt},
      {"a = '\\'ü\n", 7},  // no escapes between single quotes
      {"a = \"\"\"x\nü\"\"\"\n", std::nullopt},
      {"a = \"\"\"x\"\"\"\"\"ü", 13},  // two of the five quotes belong to the text
      {"a = '''x'y'''ü", 13},
      {"ü = 1", 0},
      {"\xef\xbb\xbf# byte order mark\n", std::nullopt},
      {"a = \"open\nü", 10},
      {"a = 1\nbü = 2", 7},
  };
  for (const auto& expected : cases)
    EXPECT_EQ(first_stray_octet(expected.text), expected.stray) << expected.text;
}

TEST(TomlText, AStrayLetterIsAMistakeWithItsPlace) {
  const auto loaded = testing::load("[radius]\n  schlüssel = 1\n");
  ASSERT_FALSE(loaded);
  ASSERT_EQ(loaded.error().size(), 1u);
  EXPECT_EQ(loaded.error()[0].where.line, 2u);
  EXPECT_EQ(loaded.error()[0].where.column, 7u);
}

TEST(TomlText, AMistakeBeforeItComesFirst) {
  const auto loaded = testing::load("[radius\nü = 1\n");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error()[0].where.line, 1u);
}

}  // namespace
}  // namespace sallyport::config
