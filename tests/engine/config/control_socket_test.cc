#include "engine/config/control_socket.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sallyport::config {
namespace {

using ::testing::HasSubstr;

class ControlSocketPath : public ::testing::Test {
 protected:
  ControlSocketPath() {
    std::string folder = std::filesystem::temp_directory_path() / "sallyport-XXXXXX";
    folder_ = ::mkdtemp(folder.data());
  }
  ~ControlSocketPath() override { std::filesystem::remove_all(folder_); }

  std::expected<std::string, std::string> find_in(const std::string& text) {
    std::ofstream(folder_ / "a.toml") << text;
    return find_control_socket((folder_ / "a.toml").string());
  }
  std::filesystem::path folder_;
};

TEST_F(ControlSocketPath, IsFoundWhateverElseIsWrong) {
  EXPECT_EQ(find_in("[nonsense]\nx = 1\n[http]\nno_key = true\ncontrol_socket = \"c.sock\"\n"
                    "[[http.listener]]\nlisten = 7\n"),
            (folder_ / "c.sock").string());
  EXPECT_EQ(find_in("[http]\ncontrol_socket = \"/run/c.sock\"\n"), "/run/c.sock");
}

TEST_F(ControlSocketPath, WhatIsMissingIsTold) {
  EXPECT_THAT(find_in("").error(), HasSubstr("has no [http] control_socket"));
  EXPECT_THAT(find_in("http = 1\n").error(), HasSubstr("has no [http] control_socket"));
  EXPECT_THAT(find_in("[http]\ncontrol_socket = 1\n").error(), HasSubstr("control_socket"));
  EXPECT_THAT(find_in("[http]\ncontrol_socket = \"\"\n").error(), HasSubstr("control_socket"));
  EXPECT_THAT(find_in("[http]\n= \"secret\"\n").error(), HasSubstr("a.toml:2: this is not TOML"));
  EXPECT_THAT(find_control_socket((folder_ / "none.toml").string()).error(),
              HasSubstr("none.toml cannot be read: give the socket itself with --socket PATH"));
}

}  // namespace
}  // namespace sallyport::config
