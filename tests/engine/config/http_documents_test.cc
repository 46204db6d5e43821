// Every example of the HTTP door and its gate in docs/ is a file that loads without a warning.

#include <fstream>
#include <regex>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/config/certificate_testing.h"
#include "tests/engine/config/config_testing.h"

namespace sallyport::config {
namespace {

namespace fs = std::filesystem;
using testing::joined;

struct Example {
  std::string where;  ///< "docs/http.md:12"
  std::string text;
};

std::string contents(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// What stands between "```toml" and "```".
std::vector<Example> examples_of(const fs::path& path) {
  std::vector<Example> examples;
  std::istringstream lines(contents(path));
  bool inside = false;
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (!inside && line == "```toml") {
      examples.push_back(
          {.where = path.filename().string() + ":" + std::to_string(number), .text = {}});
      inside = true;
    } else if (line.starts_with("```")) {
      inside = false;
    } else if (inside) {
      examples.back().text += line + '\n';
    }
  }
  EXPECT_FALSE(inside) << path;
  return examples;
}

/// Makes the files and folders that an example names, below `folder`, and has it name them there.
std::string with_files(const std::string& text, const testing::TemporaryFolder& folder) {
  static const std::regex path_setting(R"re(^(\w+) = "([^"]*)")re");
  const testing::Key key = testing::make_key();
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    const bool is_path =
        std::regex_search(line, found, path_setting) &&
        (found[1] == "file" || found[1] == "path" || found[1] == "control_socket" ||
         found[1].str().ends_with("_file") || found[1].str().ends_with("_folder"));
    if (!is_path) {
      out += line + '\n';
      continue;
    }
    const fs::path path = folder.path() / fs::path(found[2].str()).relative_path();
    fs::create_directories(found[1].str().ends_with("_folder") ? path : path.parent_path());
    const std::string relative = fs::relative(path, folder.path()).string();
    if (found[1] == "key_file" && !fs::exists(path)) folder.write(relative, testing::key_pem(key));
    if (found[1] == "certificate_file" || found[1] == "ca_file") {
      // The key's file may be the same: it holds both then.
      folder.write(relative, testing::certificate_pem(key) + testing::key_pem(key));
    }
    if (found[1] == "file") folder.write(relative, "192.0.2.7  # a branch\n2001:db8:7::/48\n");
    out += found[1].str() + " = \"" + relative + "\"\n";
  }
  return out;
}

/// Examples that show only what is behind the door get one.
std::string with_listener(std::string text) {
  if (text.contains("[[http.listener]]")) return text;
  return text + "[[http.listener]]\nlisten = [\"127.0.0.1:8080\"]\n";
}

void expect_good(const Example& example) {
  const testing::TemporaryFolder folder;
  const std::string text = with_files(with_listener(example.text), folder);
  const std::string secret = "a-secret-that-is-long-enough";
  const auto loaded =
      load_file(folder.write("t.toml", text),
                {{"SMTP_PASSWORD", secret}, {"LDAP_PASSWORD", secret}, {"SMS_TOKEN", secret}});
  ASSERT_TRUE(loaded) << example.where << '\n' << joined(loaded.error()) << text;
  EXPECT_FALSE(loaded->config.http.listeners.empty()) << example.where;
  for (const Mistake& warning : loaded->warnings) {
    const bool shows_pools_only =
        !text.contains("[[http.route]]") && warning.wrong.starts_with("no route leads to pool");
    EXPECT_TRUE(shows_pools_only) << example.where << '\n' << warning.text();
  }
}

TEST(HttpDocuments, EveryExampleIsGood) {
  std::size_t count = 0;
  for (const auto& file : fs::directory_iterator(fs::path(SALLYPORT_SOURCE_FOLDER) / "docs")) {
    const std::string name = file.path().filename().string();
    const bool ours = name.starts_with("http") || name == "gate.md";
    if (!ours || !name.ends_with(".md")) continue;
    for (const Example& example : examples_of(file.path())) {
      expect_good(example);
      ++count;
    }
  }
  EXPECT_GE(count, 8U);
}

TEST(HttpDocuments, TheExampleFileIsGood) {
  const fs::path path = fs::path(SALLYPORT_SOURCE_FOLDER) / "docs/examples/http.toml";
  expect_good({.where = "http.toml", .text = contents(path)});
}

}  // namespace
}  // namespace sallyport::config
