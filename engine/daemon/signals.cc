#include "engine/daemon/signals.h"

#include <atomic>
#include <csignal>
#include <cstdint>
#include <ctime>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "protocol/check.h"

namespace sallyport::daemon {
namespace {

/// Some senders signal the process and then its whole group (timeout(1) does): one wish, twice.
constexpr std::int64_t kSameWishMs = 1'000;

/// When the first stop was asked for. A signal handler can reach nothing but a global.
std::atomic<std::int64_t> first_stop_ms{0};
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

/// Async-signal-safe: clock_gettime is (signal-safety(7)).
std::int64_t monotonic_ms() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000 + now.tv_nsec / 1'000'000;
}

extern "C" void end_now(int signal) {
  if (monotonic_ms() - first_stop_ms.load() >= kSameWishMs) ::_exit(128 + signal);
}

sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  return set;
}

}  // namespace

Signals::Signals() {
  // Before any thread: pthread_sigmask of the only one.
  const sigset_t handled = set_of({SIGTERM, SIGINT, SIGHUP, SIGUSR2});
  CHECK(::pthread_sigmask(SIG_BLOCK, &handled, nullptr) == 0);
  std::signal(SIGPIPE, SIG_IGN);
  descriptor_ = ring::FileDescriptor(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
  CHECK(descriptor_.valid());
}

Signal Signals::wait(std::optional<std::chrono::milliseconds> at_most) {
  pollfd readable{.fd = descriptor_.get(), .events = POLLIN, .revents = 0};
  ::poll(&readable, 1, at_most ? static_cast<int>(at_most->count()) : -1);
  signalfd_siginfo info{};
  if (::read(descriptor_.get(), &info, sizeof info) != sizeof info) return Signal::none;
  if (info.ssi_signo == SIGHUP) return Signal::reload;
  return info.ssi_signo == SIGUSR2 ? Signal::upgrade : Signal::stop;
}

void Signals::next_stop_is_final() {
  // A handler, not SIG_DFL: as PID 1 of a container the kernel would ignore the default.
  first_stop_ms = monotonic_ms();
  std::signal(SIGTERM, end_now);
  std::signal(SIGINT, end_now);
  const sigset_t final = set_of({SIGTERM, SIGINT});
  ::pthread_sigmask(SIG_UNBLOCK, &final, nullptr);
}

}  // namespace sallyport::daemon
