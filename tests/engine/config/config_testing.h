#pragma once
// What the tests of the configuration share: a file that is good, and ways to spoil it.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "engine/config/load.h"

namespace sallyport::config::testing {

/// The smallest good file, without a warning. Line numbers matter to the tests.
inline constexpr std::string_view kGood = R"([[client]]
name = "vpn"
addresses = ["192.0.2.0/24"]
secret = "0123456789abcdef"
[downstream]
address = "192.0.2.200"
secret = "fedcba9876543210"
[notakey]
host = "https://demo.notakey.com"
access_id = "235879a9"
)";

inline std::expected<Loaded, std::vector<Mistake>> load(std::string_view text,
                                                        const Environment& environment = {}) {
  return load_text(text, "t.toml", environment);
}

/// All texts together, to look for what must not be there.
inline std::string joined(const std::vector<Mistake>& mistakes) {
  std::string out;
  for (const Mistake& mistake : mistakes) out += mistake.text() + '\n';
  return out;
}

/// A folder of its own, gone with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sallyport-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string write(const std::string& name, std::string_view text,
                    std::filesystem::perms mode = std::filesystem::perms::owner_read |
                                                  std::filesystem::perms::owner_write) const {
    const auto path = path_ / name;
    std::ofstream(path, std::ios::binary) << text;
    std::filesystem::permissions(path, mode);
    return path.string();
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace sallyport::config::testing
