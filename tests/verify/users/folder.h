#pragma once
// A folder for one test, gone with it.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace sallyport::verify {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "users-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string path(std::string_view name) const { return root_ / name; }
  std::string write(std::string_view name, std::string_view text) const {
    std::ofstream(path(name), std::ios::trunc) << text;
    return path(name);
  }

 private:
  std::filesystem::path root_;
};

}  // namespace sallyport::verify
