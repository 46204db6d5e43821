#pragma once
// A folder of a test's own, for the files of a theme.

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <unistd.h>

namespace sallyport::http_door {

class ThemeFolder {
 public:
  ThemeFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sallyport-theme-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~ThemeFolder() { std::filesystem::remove_all(path_); }
  ThemeFolder(const ThemeFolder&) = delete;
  ThemeFolder& operator=(const ThemeFolder&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  std::string write(std::string_view name, std::string_view content) const {
    std::string file = path_ + "/";
    file += name;
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }

 private:
  std::string path_;
};

}  // namespace sallyport::http_door
