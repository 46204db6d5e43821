#include "engine/config/settings.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/config/checks.h"
#include "engine/config/ntkp.h"
#include "engine/config/reference.h"
#include "tests/engine/config/config_testing.h"

namespace sallyport::config {
namespace {

using ::testing::HasSubstr;
using testing::joined;
using testing::load;

std::string committed(const std::string& path) {
  const std::filesystem::path root = SALLYPORT_SOURCE_FOLDER;
  std::ostringstream text;
  text << std::ifstream(root / path, std::ios::binary).rdbuf();
  return text.str();
}

/// The section's line, behind those of the elements that it stands in.
std::string header_lines(const SectionEntry& section) {
  const std::string name(section.name);
  std::string out;
  for (const SectionEntry& other : sections()) {
    if (other.repeated && name.starts_with(std::string(other.name) + ".")) {
      out += "[[" + std::string(other.name) + "]]\n";
    }
  }
  return out + (section.repeated ? "[[" + name + "]]\n" : "[" + name + "]\n");
}

TEST(Reference, TheCommittedFileIsWhatTheTableSays) {
  EXPECT_TRUE(committed("docs/configuration.md") == reference_markdown())
      << "run: sallyport config --markdown > docs/configuration.md";
}

TEST(Reference, NamesEverySettingAndEveryNtkpOption) {
  const std::string text = reference_markdown();
  for (const Setting& setting : settings()) {
    EXPECT_THAT(text, HasSubstr("| `" + std::string(setting.key) + "`"));
    EXPECT_THAT(text, HasSubstr(std::string(setting.meaning)));
  }
  for (const NtkpEntry& entry : ntkp_entries()) {
    EXPECT_THAT(text, HasSubstr("| `" + std::string(entry.variable) + "`"));
  }
}

TEST(Example, TheCommittedFileIsWhatTheTableSays) {
  EXPECT_TRUE(committed("docs/examples/sallyport.toml") == example_toml())
      << "run: sallyport config --example > docs/examples/sallyport.toml";
}

TEST(Example, LoadsWithoutAMistakeAndWarnsOfItsSecretsOnly) {
  const auto loaded = load(example_toml());
  ASSERT_TRUE(loaded) << joined(loaded.error());
  ASSERT_EQ(loaded->warnings.size(), 2U) << joined(loaded->warnings);
  for (const Mistake& warning : loaded->warnings) EXPECT_THAT(warning.key, HasSubstr("secret"));
}

TEST(Example, ItsCommentedDefaultsAreTheDefaults) {
  // Uncomment "# key = value" where the value is a default, and nothing may change.
  std::istringstream in(example_toml());
  std::string all;
  std::set<std::string> keys;
  for (std::string line; std::getline(in, line);) {
    const bool header = line.starts_with('[') || line.starts_with("# [");
    if (header) keys.clear();
    for (const SectionEntry& section : sections()) {
      // Sections that are commented out as a whole hold examples, not defaults.
      const std::string name(section.name);
      if (line != "[" + name + "]" && line != "[[" + name + "]]") continue;
      for (const std::string& key : keys_of(section.section)) keys.insert(key);
    }
    const auto equals = line.find(" = ");
    const bool setting = line.starts_with("# ") && equals != std::string::npos &&
                         keys.contains(line.substr(2, equals - 2));
    const bool has_no_default =
        line.ends_with("= \"\"") || line.contains("client_secret") || line.contains("coa_secret");
    all += (setting && !has_no_default ? line.substr(2) : line) + '\n';
  }
  const auto loaded = load(all);
  ASSERT_TRUE(loaded) << joined(loaded.error()) << all;
  const auto plain = load(example_toml());
  Draft draft{.config = loaded->config, .client = loaded->config.clients[0]};
  Draft expected{.config = plain->config, .client = plain->config.clients[0]};
  for (const Setting& setting : settings()) {
    EXPECT_EQ(value_text(setting, draft), value_text(setting, expected)) << setting.key;
  }
}

TEST(Example, StaysWithinTheColumns) {
  std::istringstream in(example_toml());
  for (std::string line; std::getline(in, line);) EXPECT_LE(line.size(), 101U) << line;
}

TEST(Settings, AreGroupedBySectionAndNamedOnce) {
  EXPECT_TRUE(std::ranges::is_sorted(settings(), {}, &Setting::section));
  std::set<std::pair<Section, std::string>> seen;
  for (const SectionEntry& section : sections()) {
    EXPECT_EQ(&entry(section.section), &section);
    for (const std::string& key : keys_of(section.section)) {
      EXPECT_TRUE(seen.emplace(section.section, key).second) << key;
    }
  }
}

TEST(Settings, EveryKeyOfTheTableIsKnownToTheLoader) {
  for (const SectionEntry& section : sections()) {
    for (const std::string& key : keys_of(section.section)) {
      const auto loaded = load(header_lines(section) + key + " = 2000-01-01\n");
      ASSERT_FALSE(loaded);
      const std::string name = std::string(section.name) + "." + key;
      // Known, and no setting takes a date.
      EXPECT_TRUE(std::ranges::any_of(loaded.error(),
                                      [&](const Mistake& mistake) {
                                        return mistake.key == name &&
                                               mistake.wrong.contains("a date or a time");
                                      }))
          << name << joined(loaded.error());
    }
  }
}

TEST(Settings, EveryKeyTheLoaderKnowsIsInTheTable) {
  // Whatever the loader does with a key, it does by the table: near misses of each are refused.
  for (const SectionEntry& section : sections()) {
    for (const std::string& key : keys_of(section.section)) {
      for (const std::string& near : {key + "_", key + "_file_env", "x" + key, key + "_path"}) {
        const auto loaded = load(header_lines(section) + near + " = 1\n");
        ASSERT_FALSE(loaded);
        EXPECT_THAT(joined(loaded.error()), HasSubstr(near + ": is not a setting"));
      }
    }
  }
}

TEST(Settings, DefaultsLieWithinTheirBounds) {
  Draft draft;
  for (const Setting& setting : settings()) {
    if (const auto* number = std::get_if<WholeNumber>(&setting.type)) {
      if (number->zero_is_none && number->field(draft) == 0) continue;
      EXPECT_GE(number->field(draft), number->min) << setting.key;
      EXPECT_LE(number->field(draft), number->max) << setting.key;
    } else if (const auto* size = std::get_if<Size>(&setting.type)) {
      if (size->zero_is_unlimited && size->get(draft) == 0) continue;
      EXPECT_GE(size->get(draft), size->min) << setting.key;
      EXPECT_LE(size->get(draft), size->max) << setting.key;
    } else if (const auto* duration = std::get_if<Duration>(&setting.type)) {
      if (duration->zero_is_none && duration->field(draft) == 0) continue;
      EXPECT_GE(duration->field(draft), duration->min_ms) << setting.key;
      EXPECT_LE(duration->field(draft), duration->max_ms) << setting.key;
    } else if (const auto* text = std::get_if<Text>(&setting.type)) {
      EXPECT_LE(text->field(draft).size(), text->max_octets) << setting.key;
    }
  }
}

TEST(Settings, TheOptionsOfNtkpAreNamedWhereTheyBelong) {
  for (const NtkpEntry& entry : ntkp_entries()) {
    const bool named = std::ranges::any_of(
        settings(), [&](const Setting& setting) { return setting.ntkp.contains(entry.variable); });
    EXPECT_TRUE(named) << entry.variable;
  }
}

}  // namespace
}  // namespace sallyport::config
