#include "engine/http/pages/catalogue.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/http/pages/embedded.h"
#include "engine/http/pages/frame.h"
#include "tests/engine/http/pages/sample_views.h"
#include "tests/engine/http/pages/theme_folder.h"

namespace sallyport::http_door {
namespace {

using testing::HasSubstr;

Texts embedded_texts(std::string_view name) {
  auto texts = read_texts(embedded_file(name));
  EXPECT_TRUE(texts.has_value()) << texts.error();
  return *texts;
}

/// The {names} in a text.
std::set<std::string> placeholders(std::string_view text) {
  std::set<std::string> found;
  for (std::size_t at = text.find('{'); at != text.npos; at = text.find('{', at + 1)) {
    found.emplace(text.substr(at, text.find('}', at) - at));
  }
  return found;
}

TEST(Catalogue, AllOfOursHaveTheSameTextsWithTheSameValues) {
  const Texts english = embedded_texts("messages/en.toml");
  const Texts german = embedded_texts("messages/de.toml");
  for (const auto& [key, text] : english) {
    ASSERT_TRUE(german.contains(key)) << "de.toml lacks " << key;
    EXPECT_FALSE(text.empty()) << key;
    EXPECT_FALSE(german.at(key).empty()) << key;
    EXPECT_EQ(placeholders(text), placeholders(german.at(key))) << key;
  }
  for (const auto& [key, text] : german) {
    EXPECT_TRUE(english.contains(key)) << "en.toml lacks " << key << ": " << text;
  }
}

TEST(Catalogue, EveryErrorPageAndFactorHasItsTexts) {
  const auto catalogues = load_catalogues("");
  ASSERT_TRUE(catalogues.has_value());
  for (const Catalogue& catalogue : *catalogues) {
    for (std::size_t i = 1; i < verify::kGateErrors; ++i) {
      const auto* const name = verify::to_text(static_cast<verify::GateError>(i));
      EXPECT_TRUE(catalogue.texts().contains(std::string("error.") + name)) << name;
    }
    for (const auto id : kAllPages) {
      for (const std::string_view part : {".title", ".text"}) {
        EXPECT_TRUE(catalogue.texts().contains(std::string(page_name(id)).append(part)))
            << page_name(id);
      }
    }
    for (std::size_t i = 0; i < verify::kFactors; ++i) {
      const std::string name = verify::to_text(static_cast<verify::Factor>(i));
      EXPECT_TRUE(catalogue.texts().contains("factor." + name)) << name;
      EXPECT_TRUE(catalogue.texts().contains("factor." + name + "_hint")) << name;
    }
  }
}

TEST(Catalogue, ValuesAreFilledInOnceAndUnknownOnesStay) {
  const Catalogue catalogue("en", {{"a.b", "{x} and {y}, {x} {"}});
  std::string out;
  catalogue.append(out, "a.b", std::vector<TextValue>{{"x", "{y}"}});
  EXPECT_EQ(out, "{y} and {y}, {y} {");
}

TEST(Catalogue, AFolderAddsALanguageAndReplacesTexts) {
  ThemeFolder folder;
  folder.write("fr.toml", "[language]\nname = \"Français\"\n[start]\ntitle = \"Connexion\"\n");
  folder.write("de.toml", "[start]\ntitle = \"Willkommen\"\n");
  const auto catalogues = load_catalogues(folder.path());
  ASSERT_TRUE(catalogues.has_value()) << catalogues.error();
  ASSERT_EQ(catalogues->size(), 3);
  EXPECT_EQ((*catalogues)[0].text("start.title"), "Willkommen");
  EXPECT_EQ((*catalogues)[0].text("start.go"), "Weiter");
  EXPECT_EQ((*catalogues)[2].language(), "fr");
  EXPECT_EQ((*catalogues)[2].text("start.title"), "Connexion");
  EXPECT_EQ((*catalogues)[2].text("start.go"), "Continue");
}

TEST(Catalogue, SaysWhatIsWrongWithAFile) {
  struct Case {
    std::string_view name, content, complaint;
  };
  for (const auto& [name, content, complaint] : std::initializer_list<Case>{
           {"fr.toml", "[start]\ntitel = \"x\"\n", "no page has a text \"start.titel\""},
           {"fr.toml", "[start]\ntitle = 5\n", "line 2: this must be a text in quotes"},
           {"fr.toml", "title = \"x\"\n", "line 1: texts belong below a [section]"},
           {"fr.toml", "[start\n", "line 1: this is no valid TOML"},
           {"french.toml", "", "\"french\" is no language"},
       }) {
    ThemeFolder folder;
    folder.write(name, content);
    const auto catalogues = load_catalogues(folder.path());
    ASSERT_FALSE(catalogues.has_value()) << complaint;
    EXPECT_THAT(catalogues.error(), HasSubstr(complaint));
    EXPECT_THAT(catalogues.error(), HasSubstr(name));
  }
  EXPECT_FALSE(load_catalogues("/nowhere/at/all").has_value());
}

TEST(Catalogue, OnlyLanguagesAreLanguages) {
  for (const std::string_view good : {"de", "fil", "pt-BR", "zh-Hant"}) {
    EXPECT_TRUE(is_language(good)) << good;
  }
  for (const std::string_view bad : {"", "d", "DE", "de-", "../x", "de-1", "german", "de-AT-x"}) {
    EXPECT_FALSE(is_language(bad)) << bad;
  }
}

}  // namespace
}  // namespace sallyport::http_door
