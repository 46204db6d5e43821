#include "engine/http/command_output.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/ring/file_descriptor.h"
#include "verify/clock.h"

extern char** environ;

namespace sallyport::http_door {
namespace {

constexpr std::uint64_t kCommandMs = 10'000;
constexpr std::size_t kMaxOutput = std::size_t{64} << 20;

std::uint64_t now_ms() { return verify::monotonic_ns() / 1'000'000; }
std::string why(int error) { return std::generic_category().message(error); }

/// In a process group of its own, so that what it starts can be killed with it.
std::expected<pid_t, int> start(const std::vector<std::string>& command, int output) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output, 1);
  // Our threads block all signals and ignore SIGPIPE; the child must inherit neither.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  sigset_t ignored;
  sigemptyset(&ignored);
  sigaddset(&ignored, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &ignored);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(
      &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawn(&child, words[0], &actions, &attributes, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) return std::unexpected(error);
  return child;
}

/// Empty: `fd` is readable. Else why it is not waited for any longer.
std::string wait_readable(int fd, int stop, std::uint64_t until_ms) {
  for (;;) {
    std::array<pollfd, 2> ready{
        {{.fd = fd, .events = POLLIN, .revents = 0}, {.fd = stop, .events = POLLIN, .revents = 0}}};
    const std::uint64_t now = now_ms();
    const int polled =
        now >= until_ms ? 0 : ::poll(ready.data(), ready.size(), static_cast<int>(until_ms - now));
    if (polled < 0 && errno == EINTR) continue;
    if (polled < 0) return why(errno);
    if (polled == 0) return "took longer than 10 s";
    if (ready[1].revents != 0) return "was not waited for: sallyport stops";
    return {};
  }
}

/// Reads to the end of the output. Empty: all is in `text`.
std::string read_all(int output, int stop, std::uint64_t until_ms, std::string& text) {
  for (;;) {
    if (std::string problem = wait_readable(output, stop, until_ms); !problem.empty()) {
      return problem;
    }
    std::array<char, 65'536> part;
    const ssize_t octets = ::read(output, part.data(), part.size());
    if (octets == 0) return {};
    if (octets < 0) return why(errno);
    text.append(part.data(), static_cast<std::size_t>(octets));
    if (text.size() > kMaxOutput) return "printed more than 64 MiB";
  }
}

}  // namespace

std::expected<std::string, std::string> command_output(const std::vector<std::string>& command,
                                                       int stop) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return std::unexpected(why(errno));
  const ring::FileDescriptor output(pipe[0]);
  ring::FileDescriptor input(pipe[1]);
  const auto child = start(command, input.get());
  input = ring::FileDescriptor();
  if (!child) return std::unexpected("cannot run " + command[0] + ": " + why(child.error()));

  const std::uint64_t until_ms = now_ms() + kCommandMs;
  std::string text;
  std::string problem = read_all(output.get(), stop, until_ms, text);
  if (problem.empty()) {
    // Who has closed his output need not have ended.
    const ring::FileDescriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, *child, 0)));
    problem = wait_readable(ended.get(), stop, until_ms);
  }
  if (!problem.empty()) ::kill(-*child, SIGKILL);
  int status = 0;
  while (::waitpid(*child, &status, 0) < 0 && errno == EINTR) {
  }
  if (problem.empty() && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
    problem = "ended with an error";
  }
  if (!problem.empty()) return std::unexpected(command[0] + " " + problem);
  return text;
}

}  // namespace sallyport::http_door
