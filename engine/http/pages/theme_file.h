#pragma once
// Files of the theme's folder. Blocks.

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace sallyport::http_door {

/// Every visitor fetches them.
inline constexpr std::size_t kMaxThemeFileOctets = 256 * 1'024;

/// The content of a plain file. An error names the file and what is wrong.
[[nodiscard]] std::expected<std::string, std::string> read_theme_file(const std::string& path);

/// Sixteen hexadecimal digits that change with the content.
[[nodiscard]] std::string content_hash(std::string_view content);

}  // namespace sallyport::http_door
