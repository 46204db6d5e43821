#pragma once
// The texts of the pages, one catalogue for each language. Ours are part of the binary; an
// operator's folder adds languages and replaces single texts. Immutable; any thread.

#include <expected>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::http_door {

/// What stands in a text as {name}.
struct TextValue {
  std::string_view name;
  std::string_view value;
};

/// Keys are "section.name".
using Texts = std::map<std::string, std::string, std::less<>>;

/// Reads "[section]" tables of texts. An error names the line and what is wrong with it.
[[nodiscard]] std::expected<Texts, std::string> read_texts(std::string_view toml);

/// "de", "pt-BR": two or three letters, and maybe a region or script. No path can be one.
[[nodiscard]] bool is_language(std::string_view text) noexcept;

class Catalogue {
 public:
  Catalogue(std::string language, Texts texts)
      : language_(std::move(language)), texts_(std::move(texts)) {}

  [[nodiscard]] const std::string& language() const noexcept { return language_; }
  [[nodiscard]] const Texts& texts() const noexcept { return texts_; }
  /// CHECKs that there is such a text: keys are ours, and every catalogue has all of them.
  [[nodiscard]] std::string_view text(std::string_view key) const noexcept;

  /// Appends the text as it is in plain text. A {name} without a value stays as it is.
  void append(std::string& out, std::string_view key, std::span<const TextValue> values = {}) const;

 private:
  std::string language_;
  Texts texts_;
};

/// Ours, and those of `folder` (empty: none) on top: "fr.toml" may be a new language, whose missing
/// texts are English. Sorted by language. Blocks.
[[nodiscard]] std::expected<std::vector<Catalogue>, std::string> load_catalogues(
    const std::string& folder);

}  // namespace sallyport::http_door
