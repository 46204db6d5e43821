#pragma once
// How the pages look: an accent colour that stays readable whatever it is, the logo, and the style
// sheet made of both and of the operator's own. Any thread.

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/gate.h"
#include "engine/http/pages/pages.h"

namespace sallyport::http_door {

struct Colour {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;

  bool operator==(const Colour&) const = default;
};

/// "#0b57d0" or "#05d". Nothing: no colour.
[[nodiscard]] std::optional<Colour> read_colour(std::string_view text) noexcept;
[[nodiscard]] std::string to_text(Colour colour);  ///< "#0b57d0"

/// WCAG 2.2's contrast ratio, 1..21.
[[nodiscard]] double contrast(Colour a, Colour b) noexcept;

/// Black or white, whichever is easier to read on it: 4.5 or more.
[[nodiscard]] Colour text_on(Colour ground) noexcept;
/// The nearest mixture with black or white that has a contrast of 4.5 against `ground`.
[[nodiscard]] Colour readable_on(Colour ground, Colour colour) noexcept;

/// style.css, script.js and the logo (ours, in the accent, unless the theme has one). Blocks.
[[nodiscard]] std::expected<std::vector<PageAsset>, std::string> make_assets(
    const config::GateTheme& theme);

}  // namespace sallyport::http_door
