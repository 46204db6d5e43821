#pragma once
// A QR code as SVG (libqrencode finds the modules). Pure; any thread.

#include <optional>
#include <string>
#include <string_view>

namespace sallyport::verify {

/// An <svg> element for use within a page: one path, dark on light with its quiet zone whatever the
/// page's colours, `title` for who cannot see it (escaped). Nothing: too long a text.
[[nodiscard]] std::optional<std::string> qr_svg(std::string_view text, std::string_view title);
/// The same as PNG, `module_pixels` 1..16 a side each.
[[nodiscard]] std::optional<std::string> qr_png(std::string_view text, unsigned module_pixels);

}  // namespace sallyport::verify
