#include "engine/http/pages/theme.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>

#include "engine/http/pages/embedded.h"
#include "engine/http/pages/theme_file.h"
#include "protocol/ascii.h"

namespace sallyport::http_door {
namespace {

constexpr Colour kBlack{0, 0, 0};
constexpr Colour kWhite{255, 255, 255};
constexpr Colour kAccent{0x24, 0x56, 0xc7};
/// What links and buttons stand on at worst: style.css has it as --soft.
constexpr Colour kLightGround{0xf0, 0xf2, 0xf6};
constexpr Colour kDarkGround{0x23, 0x29, 0x36};
constexpr double kReadable = 4.5;  // WCAG 2.2, 1.4.3

double linear(std::uint8_t part) noexcept {
  const double value = part / 255.0;
  return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}

double luminance(Colour colour) noexcept {
  return 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue);
}

std::uint8_t mix(std::uint8_t a, std::uint8_t b, int percent) noexcept {
  return static_cast<std::uint8_t>((a * (100 - percent) + b * percent) / 100);
}

/// A gateway: what the project is named after, a small door in a wall.
std::string own_logo(Colour accent) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\">"
      "<rect width=\"32\" height=\"32\" rx=\"8\" fill=\"{}\"/>"
      "<path fill=\"none\" stroke=\"{}\" stroke-width=\"2.5\" stroke-linecap=\"round\" "
      "stroke-linejoin=\"round\" d=\"M9 24.5v-9a7 7 0 0 1 14 0v9M6.5 24.5h19M19 17.5v1.5\"/>"
      "</svg>\n",
      to_text(accent), to_text(text_on(accent)));
}

std::string colours(Colour accent) {
  const auto scheme = [](Colour fill, Colour text) {
    return fmt::format("--accent:{};--on-accent:{};--accent-text:{}", to_text(fill),
                       to_text(text_on(fill)), to_text(text));
  };
  const Colour dark = readable_on(kDarkGround, accent);
  return fmt::format(":root{{{}}}\n@media (prefers-color-scheme:dark){{:root{{{}}}}}\n",
                     scheme(accent, readable_on(kLightGround, accent)), scheme(dark, dark));
}

PageAsset asset(std::string path, std::string content_type, std::string content) {
  std::string hash = content_hash(content);
  return {std::move(path), std::move(content_type), std::move(hash), std::move(content)};
}

std::expected<PageAsset, std::string> logo(const config::GateTheme& theme, Colour accent) {
  if (theme.logo_file.empty()) return asset("/logo", "image/svg+xml", own_logo(accent));
  auto content = read_theme_file(theme.logo_file);
  if (!content) return std::unexpected(content.error());
  if (content->starts_with("\x89PNG\r\n\x1a\n")) {
    return asset("/logo", "image/png", std::move(*content));
  }
  if (content->find("<svg") != content->npos) {
    return asset("/logo", "image/svg+xml", std::move(*content));
  }
  return std::unexpected(fmt::format("{}: neither SVG nor PNG", theme.logo_file));
}

}  // namespace

std::optional<Colour> read_colour(std::string_view text) noexcept {
  if ((text.size() != 4 && text.size() != 7) || text[0] != '#') return std::nullopt;
  text.remove_prefix(1);
  if (std::ranges::any_of(text, [](char c) { return hex_value(c) < 0; })) return std::nullopt;
  const std::size_t width = text.size() / 3;
  const auto part = [&](std::size_t at) {
    return static_cast<std::uint8_t>(hex_value(text[at * width]) * 16 +
                                     hex_value(text[at * width + width - 1]));
  };
  return Colour{part(0), part(1), part(2)};
}

std::string to_text(Colour colour) {
  return fmt::format("#{:02x}{:02x}{:02x}", colour.red, colour.green, colour.blue);
}

double contrast(Colour a, Colour b) noexcept {
  const auto [low, high] = std::minmax({luminance(a), luminance(b)});
  return (high + 0.05) / (low + 0.05);
}

Colour text_on(Colour ground) noexcept {
  return contrast(kWhite, ground) >= kReadable ? kWhite : kBlack;
}

Colour readable_on(Colour ground, Colour colour) noexcept {
  const Colour towards = contrast(kWhite, ground) > contrast(kBlack, ground) ? kWhite : kBlack;
  for (int percent = 0; percent < 100; percent += 2) {
    const Colour mixed{mix(colour.red, towards.red, percent),
                       mix(colour.green, towards.green, percent),
                       mix(colour.blue, towards.blue, percent)};
    if (contrast(mixed, ground) >= kReadable) return mixed;
  }
  return towards;
}

std::expected<std::vector<PageAsset>, std::string> make_assets(const config::GateTheme& theme) {
  Colour accent = kAccent;
  if (!theme.accent.empty()) {
    const auto read = read_colour(theme.accent);
    if (!read) return std::unexpected(fmt::format("accent \"{}\" is no colour", theme.accent));
    accent = *read;
  }
  std::string style(embedded_file("style.css"));
  style += colours(accent);
  const std::string own = theme.folder.empty() ? "" : theme.folder + "/style.css";
  std::error_code error;
  if (!own.empty() && std::filesystem::exists(own, error)) {
    const auto content = read_theme_file(own);
    if (!content) return std::unexpected(content.error());
    style += *content;
  }
  auto picture = logo(theme, accent);
  if (!picture) return std::unexpected(picture.error());

  std::vector<PageAsset> assets;
  assets.push_back(asset("/style.css", "text/css; charset=utf-8", std::move(style)));
  assets.push_back(asset("/script.js", "text/javascript; charset=utf-8",
                         std::string(embedded_file("script.js"))));
  assets.push_back(std::move(*picture));
  return assets;
}

}  // namespace sallyport::http_door
