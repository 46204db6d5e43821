#include "verify/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/ascii.h"
#include "verify/clock.h"
#include "verify/file_descriptor.h"

extern char** environ;

namespace sallyport::verify {
namespace {

std::string why(int error) { return std::generic_category().message(error); }

/// In a process group of its own, so that what it starts can be killed with it.
/// `errors`: -1: ours.
std::expected<pid_t, int> start(const std::vector<std::string>& command, int input, int output,
                                int errors) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output, 1);
  if (errors >= 0) ::posix_spawn_file_actions_adddup2(&actions, errors, 2);
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

/// What a program says on its standard error: passed on to ours, and its last line kept.
class Complaints {
 public:
  explicit Complaints(FileDescriptor from) : from_(std::move(from)) {}

  [[nodiscard]] int descriptor() const noexcept { return from_.get(); }
  void read_some() {
    std::array<char, PIPE_BUF> part;
    const ssize_t octets = ::read(from_.get(), part.data(), part.size());
    if (octets < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (octets <= 0) return from_.reset();
    const std::string_view text(part.data(), static_cast<std::size_t>(octets));
    pass_on(text);
    for (const char c : text) {
      if (c == '\n') {
        if (!line_.empty()) last_ = std::exchange(line_, {});
      } else if (line_.size() < kMaxQuoted) {
        line_ += is_control(c) ? ' ' : c;
      }
    }
  }
  void read_rest() {
    pollfd ready{.fd = from_.get(), .events = POLLIN, .revents = 0};
    // Others may hold it open; they are not waited for.
    for (int parts = 0; parts < kMaxRest && from_.valid() && ::poll(&ready, 1, 0) == 1; ++parts) {
      read_some();
      ready.fd = from_.get();
    }
  }
  [[nodiscard]] const std::string& last_line() const noexcept {
    return line_.empty() ? last_ : line_;
  }

 private:
  static constexpr std::size_t kMaxQuoted = 256;
  static constexpr int kMaxRest = 64;

  static void pass_on(std::string_view text) noexcept {
    pollfd writable{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    if (::poll(&writable, 1, 0) != 1 || (writable.revents & POLLOUT) == 0) return;
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  }

  FileDescriptor from_;  ///< none: it is our own, or closed
  std::string line_;     ///< the one that has begun
  std::string last_;     ///< the one before
};

/// A program that runs: what it still is to read, and what it has printed.
class Running {
 public:
  Running(FileDescriptor input, FileDescriptor output, Complaints& complaints,
          std::string_view text, const ProcessBounds& bounds, int stop)
      : input_(std::move(input)),
        output_(std::move(output)),
        complaints_(complaints),
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
  [[nodiscard]] std::string wait(int readable, int writable) {
    for (;;) {
      std::array<pollfd, 4> ready{
          {{.fd = readable, .events = POLLIN, .revents = 0},
           {.fd = writable, .events = POLLOUT, .revents = 0},
           {.fd = stop_, .events = POLLIN, .revents = 0},
           {.fd = complaints_.descriptor(), .events = POLLIN, .revents = 0}}};
      const std::uint64_t now = monotonic_ms();
      const int polled =
          now >= until_ms_ ? 0
                           : ::poll(ready.data(), ready.size(), static_cast<int>(until_ms_ - now));
      if (polled < 0 && errno == EINTR) continue;
      if (polled < 0) return why(errno);
      if (polled == 0) return fmt::format("took longer than {} ms", bounds_.timeout_ms);
      if (ready[2].revents != 0) return "was not waited for: sallyport stops";
      if (ready[3].revents != 0) complaints_.read_some();
      if (ready[0].revents != 0 || ready[1].revents != 0) return {};
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
  Complaints& complaints_;
  std::string_view unread_;
  const ProcessBounds bounds_;
  const int stop_;
  const std::uint64_t until_ms_;
  std::string printed_;
  bool at_end_ = false;
};

/// Empty: with 0.
std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was ended by signal {}", WTERMSIG(status));
  if (!WIFEXITED(status) || WEXITSTATUS(status) == 0) return {};
  return fmt::format("ended with status {}", WEXITSTATUS(status));
}

/// Our end of a pipe does not block; the program expects reads and writes that wait.
bool open_pipe(FileDescriptor& ours, FileDescriptor& theirs) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  ours = FileDescriptor(ends[0]);
  theirs = FileDescriptor(ends[1]);
  static_cast<void>(::fcntl(ours.get(), F_SETFL, O_NONBLOCK));
  return true;
}

}  // namespace

std::expected<std::string, std::string> run_process(const std::vector<std::string>& command,
                                                    std::string_view input,
                                                    const ProcessBounds& bounds, int stop) {
  // A socket for its input: writing to a pipe that nobody reads would raise SIGPIPE.
  std::array<int, 2> inputs{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, inputs.data()) != 0) {
    return std::unexpected(why(errno));
  }
  FileDescriptor theirs(inputs[0]);
  FileDescriptor ours(inputs[1]);
  FileDescriptor output;
  FileDescriptor printing;
  FileDescriptor errors;
  FileDescriptor complaining;
  if (!open_pipe(output, printing) || (bounds.quotes_errors && !open_pipe(errors, complaining)))
    return std::unexpected(why(errno));
  const auto child = start(command, theirs.get(), printing.get(), complaining.get());
  theirs.reset();
  printing.reset();
  complaining.reset();
  if (!child) return std::unexpected("cannot run " + command[0] + ": " + why(child.error()));

  Complaints complaints(std::move(errors));
  Running running(std::move(ours), std::move(output), complaints, input, bounds, stop);
  std::string problem = running.talk();
  if (problem.empty()) problem = running.wait_for_end(*child);
  if (!problem.empty()) ::kill(-*child, SIGKILL);
  int status = 0;
  while (::waitpid(*child, &status, 0) < 0 && errno == EINTR) {
  }
  complaints.read_rest();
  if (problem.empty()) problem = how_it_ended(status);
  if (problem.empty()) return running.take_printed();
  if (const std::string& line = complaints.last_line(); !line.empty()) problem += ": " + line;
  return std::unexpected(command[0] + " " + problem);
}

}  // namespace sallyport::verify
