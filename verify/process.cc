#include "verify/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "verify/clock.h"
#include "verify/file_descriptor.h"

extern char** environ;

namespace sallyport::verify {
namespace {

std::string why(int error) { return std::generic_category().message(error); }

/// In a process group of its own, so that what it starts can be killed with it.
std::expected<pid_t, int> start(const std::vector<std::string>& command, int input, int output) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, 0);
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

/// A program that runs: what it still is to read, and what it has printed.
class Running {
 public:
  Running(FileDescriptor input, FileDescriptor output, std::string_view text,
          const ProcessBounds& bounds, int stop)
      : input_(std::move(input)),
        output_(std::move(output)),
        unread_(text),
        bounds_(bounds),
        stop_(stop),
        until_ms_(monotonic_ms() + bounds.timeout_ms) {
    if (unread_.empty()) input_.reset();
  }

  /// Empty: its output has ended. Else why that is not waited for any longer.
  [[nodiscard]] std::string talk() {
    while (!at_end_) {
      if (std::string problem = wait(output_.get(), input_.get()); !problem.empty()) return problem;
      write_some();
      if (std::string problem = read_some(); !problem.empty()) return problem;
    }
    return {};
  }
  /// Who has closed his output need not have ended. Empty: he has.
  [[nodiscard]] std::string wait_for_end(pid_t child) {
    const FileDescriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    input_.reset();
    return wait(ended.get(), -1);
  }
  [[nodiscard]] std::string take_printed() noexcept { return std::move(printed_); }

 private:
  [[nodiscard]] std::string wait(int readable, int writable) const {
    for (;;) {
      std::array<pollfd, 3> ready{{{.fd = readable, .events = POLLIN, .revents = 0},
                                   {.fd = writable, .events = POLLOUT, .revents = 0},
                                   {.fd = stop_, .events = POLLIN, .revents = 0}}};
      const std::uint64_t now = monotonic_ms();
      const int polled =
          now >= until_ms_ ? 0
                           : ::poll(ready.data(), ready.size(), static_cast<int>(until_ms_ - now));
      if (polled < 0 && errno == EINTR) continue;
      if (polled < 0) return why(errno);
      if (polled == 0) return fmt::format("took longer than {} ms", bounds_.timeout_ms);
      if (ready[2].revents != 0) return "was not waited for: sallyport stops";
      return {};
    }
  }

  void write_some() noexcept {
    if (!input_.valid()) return;
    const ssize_t octets =
        ::send(input_.get(), unread_.data(), unread_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (octets > 0) unread_.remove_prefix(static_cast<std::size_t>(octets));
    // It need not read what it is given.
    const bool deaf = octets < 0 && errno != EAGAIN && errno != EINTR;
    if (unread_.empty() || deaf) input_.reset();
  }

  [[nodiscard]] std::string read_some() {
    std::array<char, 65'536> part;
    const ssize_t octets = ::read(output_.get(), part.data(), part.size());
    if (octets < 0) return errno == EAGAIN || errno == EINTR ? std::string() : why(errno);
    at_end_ = octets == 0;
    printed_.append(part.data(), static_cast<std::size_t>(octets));
    if (printed_.size() <= bounds_.max_output) return {};
    return fmt::format("printed more than {} KiB", bounds_.max_output >> 10);
  }

  FileDescriptor input_;  ///< none: it has been told all
  FileDescriptor output_;
  std::string_view unread_;
  const ProcessBounds bounds_;
  const int stop_;
  const std::uint64_t until_ms_;
  std::string printed_;
  bool at_end_ = false;
};

}  // namespace

std::expected<std::string, std::string> run_process(const std::vector<std::string>& command,
                                                    std::string_view input,
                                                    const ProcessBounds& bounds, int stop) {
  // A socket for its input: writing to a pipe that nobody reads would raise SIGPIPE.
  std::array<int, 2> inputs{};
  std::array<int, 2> outputs{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, inputs.data()) != 0) {
    return std::unexpected(why(errno));
  }
  FileDescriptor theirs(inputs[0]);
  FileDescriptor ours(inputs[1]);
  if (::pipe2(outputs.data(), O_CLOEXEC) != 0) return std::unexpected(why(errno));
  FileDescriptor output(outputs[0]);
  FileDescriptor printing(outputs[1]);
  // Only our end: the program expects reads and writes that wait.
  static_cast<void>(::fcntl(output.get(), F_SETFL, O_NONBLOCK));
  const auto child = start(command, theirs.get(), printing.get());
  theirs.reset();
  printing.reset();
  if (!child) return std::unexpected("cannot run " + command[0] + ": " + why(child.error()));

  Running running(std::move(ours), std::move(output), input, bounds, stop);
  std::string problem = running.talk();
  if (problem.empty()) problem = running.wait_for_end(*child);
  if (!problem.empty()) ::kill(-*child, SIGKILL);
  int status = 0;
  while (::waitpid(*child, &status, 0) < 0 && errno == EINTR) {
  }
  if (problem.empty() && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
    problem = "ended with an error";
  }
  if (!problem.empty()) return std::unexpected(command[0] + " " + problem);
  return running.take_printed();
}

}  // namespace sallyport::verify
