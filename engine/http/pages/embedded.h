#pragma once
// The files that the binary brings along: style.css, script.js, messages/*.toml. Their source is
// made at build time (cmake/Embed.cmake).

#include <span>
#include <string_view>

namespace sallyport::http_door {

struct EmbeddedFile {
  std::string_view name;  ///< "messages/en.toml"
  std::string_view content;
};

[[nodiscard]] std::span<const EmbeddedFile> embedded_files() noexcept;
/// The content of one of them; CHECKs that there is one.
[[nodiscard]] std::string_view embedded_file(std::string_view name) noexcept;

}  // namespace sallyport::http_door
