#include "bench/demo/child_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "bench/simulators/clock.h"

namespace sallyport::lab {
namespace {

constexpr int kPatienceMs = 2000;

/// In the child: only what is safe between fork and exec.
[[noreturn]] void become(char* const* arguments, int error_fd, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  ::setpgid(0, 0);  // Ctrl-C is for us: we end the child ourselves
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(error_fd, STDERR_FILENO);
  ::execv(arguments[0], arguments);
  ::_exit(127);
}

}  // namespace

std::expected<ChildProcess, std::string> ChildProcess::start(
    const std::vector<std::string>& arguments) {
  if (::access(arguments[0].c_str(), X_OK) != 0)
    return std::unexpected(fmt::format("{}: {}", arguments[0], std::strerror(errno)));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return std::unexpected(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  Descriptor read_end(ends[0]);
  const Descriptor write_end(ends[1]);
  ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments)
    pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return std::unexpected(fmt::format("cannot fork: {}", std::strerror(errno)));
  if (pid == 0) become(pointers.data(), write_end.get(), parent);
  Descriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  return ChildProcess(pid, std::move(pidfd), std::move(read_end));
}

ChildProcess::ChildProcess(pid_t pid, Descriptor pidfd, Descriptor error)
    : pid_(pid), pidfd_(std::move(pidfd)), error_(std::move(error)) {}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      error_(std::move(other.error_)) {}

ChildProcess::~ChildProcess() { end(); }

void ChildProcess::end() {
  if (pid_ < 0 || reap(0)) return;
  for (const int number : {SIGTERM, SIGTERM, SIGKILL}) {
    ::kill(pid_, number);
    if (reap(kPatienceMs)) return;
  }
}

bool ChildProcess::reap(int timeout_ms) {
  const std::uint64_t deadline_ms = monotonic_ms() + static_cast<std::uint64_t>(timeout_ms);
  for (;;) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      return true;
    }
    const std::uint64_t now_ms = monotonic_ms();
    if (now_ms >= deadline_ms) return false;
    // What it still writes must not fill the pipe, or it could not end.
    std::array<char, 4096> ignored;
    while (::read(error_.get(), ignored.data(), ignored.size()) > 0) continue;
    std::array<pollfd, 2> watched = {pollfd{pidfd_.get(), POLLIN, 0},
                                     pollfd{error_.get(), POLLIN, 0}};
    ::poll(watched.data(), watched.size(), static_cast<int>(deadline_ms - now_ms));
  }
}

}  // namespace sallyport::lab
