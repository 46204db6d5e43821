#include "engine/http/pages/theme_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <openssl/sha.h>

namespace sallyport::http_door {

std::expected<std::string, std::string> read_theme_file(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return std::unexpected(
        fmt::format("{}: {}", path, error ? error.message() : "this is no plain file"));
  }
  std::ifstream file(path, std::ios::binary);
  std::string content(kMaxThemeFileOctets + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (!file && !file.eof()) {
    return std::unexpected(fmt::format("{}: {}", path, std::strerror(errno)));
  }
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (content.size() > kMaxThemeFileOctets) {
    return std::unexpected(
        fmt::format("{}: larger than {} KiB", path, kMaxThemeFileOctets / 1'024));
  }
  return content;
}

std::string content_hash(std::string_view content) {
  std::uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const std::uint8_t*>(content.data()), content.size(), digest);
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace sallyport::http_door
