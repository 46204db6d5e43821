#include "engine/http/pages/catalogue.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "engine/config/toml_tree.h"
#include "engine/http/pages/embedded.h"
#include "engine/http/pages/theme_file.h"
#include "protocol/ascii.h"
#include "protocol/check.h"

namespace sallyport::http_door {
namespace {

using Catalogues = std::map<std::string, Texts, std::less<>>;

constexpr std::string_view kMessages = "messages/";
constexpr std::string_view kToml = ".toml";
constexpr std::size_t kMaxTextOctets = 4'096;
constexpr std::size_t kMaxLanguages = 64;

std::expected<void, std::string> put_file(const std::filesystem::path& path, Catalogues& all) {
  const std::string language = path.stem().string();
  if (!is_language(language)) {
    return std::unexpected(
        fmt::format("{}: \"{}\" is no language: name the file after one, as "
                    "\"fr.toml\"",
                    path.string(), language));
  }
  const auto content = read_theme_file(path.string());
  if (!content) return std::unexpected(content.error());
  auto texts = read_texts(*content);
  if (!texts) return std::unexpected(fmt::format("{}: {}", path.string(), texts.error()));
  const Texts& english = all.find("en")->second;
  for (const auto& [key, text] : *texts) {
    if (!english.contains(key)) {
      return std::unexpected(fmt::format("{}: no page has a text \"{}\"", path.string(), key));
    }
  }
  if (!all.contains(language) && all.size() == kMaxLanguages) {
    return std::unexpected(fmt::format("{}: more than {} languages", path.string(), kMaxLanguages));
  }
  Texts& present = all.try_emplace(language, english).first->second;
  for (auto& [key, text] : *texts) present.insert_or_assign(key, std::move(text));
  return {};
}

}  // namespace

std::expected<Texts, std::string> read_texts(std::string_view toml) {
  const auto wrong = [](config::Position where, std::string_view what) {
    return std::unexpected(fmt::format("line {}: {}", where.line, what));
  };
  const auto tree = config::parse_toml(toml);
  if (!tree) return wrong(tree.error().where, "this is no valid TOML");
  Texts texts;
  for (const config::TomlEntry& section : tree->entries) {
    const auto* table = std::get_if<config::TomlTable>(&section.value.value);
    if (table == nullptr) return wrong(section.where, "texts belong below a [section]");
    for (const config::TomlEntry& entry : table->entries) {
      const auto* text = std::get_if<std::string>(&entry.value.value);
      if (text == nullptr) return wrong(entry.where, "this must be a text in quotes");
      if (text->size() > kMaxTextOctets) return wrong(entry.where, "this text is too long");
      texts.emplace(fmt::format("{}.{}", section.key, entry.key), *text);
    }
  }
  return texts;
}

bool is_language(std::string_view text) noexcept {
  const std::size_t dash = std::min(text.find('-'), text.size());
  const std::string_view first = text.substr(0, dash);
  if (first.size() < 2 || first.size() > 3) return false;
  if (!std::ranges::all_of(first, is_lower)) return false;
  if (dash == text.size()) return true;
  const std::string_view second = text.substr(dash + 1);
  return second.size() >= 2 && second.size() <= 8 && std::ranges::all_of(second, is_letter);
}

std::string_view Catalogue::text(std::string_view key) const noexcept {
  const auto found = texts_.find(key);
  CHECK(found != texts_.end());
  return found->second;
}

void Catalogue::append(std::string& out, std::string_view key,
                       std::span<const TextValue> values) const {
  std::string_view rest = text(key);
  while (true) {
    const std::size_t open = rest.find('{');
    const std::size_t close = open == rest.npos ? open : rest.find('}', open);
    if (close == rest.npos) break;
    const std::string_view name = rest.substr(open + 1, close - open - 1);
    const auto value = std::ranges::find(values, name, &TextValue::name);
    if (value == values.end()) {
      out += rest.substr(0, close + 1);
    } else {
      out += rest.substr(0, open);
      out += value->value;
    }
    rest.remove_prefix(close + 1);
  }
  out += rest;
}

std::expected<std::vector<Catalogue>, std::string> load_catalogues(const std::string& folder) {
  Catalogues all;
  for (const EmbeddedFile& file : embedded_files()) {
    if (!file.name.starts_with(kMessages)) continue;
    std::string_view language = file.name.substr(kMessages.size());
    language.remove_suffix(kToml.size());
    auto texts = read_texts(file.content);
    CHECK(texts.has_value());
    all.emplace(language, std::move(*texts));
  }
  if (!folder.empty()) {
    std::error_code error;
    std::vector<std::filesystem::path> paths;
    for (auto entry = std::filesystem::directory_iterator(folder, error);
         !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
      if (entry->path().extension() == kToml) paths.push_back(entry->path());
    }
    if (error) return std::unexpected(fmt::format("{}: {}", folder, error.message()));
    std::ranges::sort(paths);
    for (const auto& path : paths) {
      if (const auto put = put_file(path, all); !put) return std::unexpected(put.error());
    }
  }
  std::vector<Catalogue> catalogues;
  for (auto& [language, texts] : all) catalogues.emplace_back(language, std::move(texts));
  return catalogues;
}

}  // namespace sallyport::http_door
