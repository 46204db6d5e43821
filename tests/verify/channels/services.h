#pragma once
// services.py as one object: a mail server and an SMS service on free ports.

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <signal.h>
#include <simdjson.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace sallyport::verify {

class Services {
 public:
  explicit Services(std::vector<std::string> options = {}) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], 0);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    options.insert(options.begin(), {"/usr/bin/python3", "-B", SALLYPORT_CHANNEL_SERVICES});
    std::vector<char*> words;
    for (std::string& option : options) words.push_back(option.data());
    words.push_back(nullptr);
    EXPECT_EQ(::posix_spawn(&child_, words[0], &actions, nullptr, words.data(), environ), 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    lines_ = ::fdopen(ends[0], "r");
    EXPECT_EQ(std::sscanf(line().c_str(), "%hu %hu", &smtp_port_, &http_port_), 2);
  }
  ~Services() {
    std::fclose(lines_);
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  [[nodiscard]] std::uint16_t smtp_port() const { return smtp_port_; }
  [[nodiscard]] std::string url(const std::string& target) const {
    return "http://127.0.0.1:" + std::to_string(http_port_) + target;
  }
  /// What the next message or request was; waits for it.
  simdjson::dom::element next() {
    json_ = line();
    return parser_.parse(json_);
  }

 private:
  std::string line() {
    std::string text;
    for (int c = std::fgetc(lines_); c != EOF && c != '\n'; c = std::fgetc(lines_)) {
      text.push_back(static_cast<char>(c));
    }
    return text;
  }

  pid_t child_ = 0;
  FILE* lines_ = nullptr;
  std::uint16_t smtp_port_ = 0;
  std::uint16_t http_port_ = 0;
  std::string json_;
  simdjson::dom::parser parser_;
};

inline std::string text_of(const simdjson::dom::element& json, const char* key) {
  std::string_view text;
  return json[key].get_string().get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

}  // namespace sallyport::verify
