#pragma once
// A folder of our own under the system's temporary one, mode 0700, gone with the object.

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace sallyport::lab {

class PrivateFolder {
 public:
  [[nodiscard]] static std::expected<PrivateFolder, std::string> make();
  PrivateFolder(PrivateFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  PrivateFolder& operator=(PrivateFolder&&) = delete;
  ~PrivateFolder();

  /// Writes a file that only we can read; returns its path.
  [[nodiscard]] std::expected<std::string, std::string> write(std::string_view name,
                                                              std::string_view text) const;
  /// Of a file in it that somebody else makes.
  [[nodiscard]] std::string path_of(std::string_view name) const { return path_ / name; }

 private:
  explicit PrivateFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace sallyport::lab
