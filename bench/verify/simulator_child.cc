#include "bench/verify/simulator_child.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/simulators/descriptor.h"

namespace sallyport::lab {
namespace {

[[noreturn]] void become_simulator(const SimulateNotakeyOptions& options, int ready_fd,
                                   pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::setpgid(0, 0);  // Ctrl-C is for us: the simulator ends with us
  ::dup2(ready_fd, STDOUT_FILENO);
  const auto outcome = simulate_notakey(options);
  if (!outcome) fmt::print(stderr, "simulator: {}\n", outcome.error());
  ::_exit(outcome ? 0 : 1);
}

/// The first line that the simulator writes; empty when it ended before.
std::string read_line(int fd) {
  std::string line;
  std::array<char, 256> chunk;
  while (!line.contains('\n')) {
    const ssize_t octets = ::read(fd, chunk.data(), chunk.size());
    if (octets < 0 && errno == EINTR) continue;
    if (octets <= 0) return {};
    line.append(chunk.data(), static_cast<std::size_t>(octets));
  }
  return line;
}

/// Of {"listening":"…","url":"https://…","phone":"…"}.
std::string url_of(const std::string& line) {
  constexpr std::string_view kBefore = "\"url\":\"";
  const std::size_t at = line.find(kBefore);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + kBefore.size();
  std::string url = line.substr(begin, line.find('"', begin) - begin);
  while (url.ends_with('/')) url.pop_back();
  return url;
}

/// An empty file that only we can write.
std::expected<std::string, std::string> make_file() {
  std::array<char, 64> name{"/tmp/sallyport-bench-ca.XXXXXX"};
  const Descriptor file(::mkstemp(name.data()));
  if (!file) return std::unexpected(fmt::format("cannot make a file: {}", std::strerror(errno)));
  return name.data();
}

}  // namespace

std::expected<SimulatorChild, std::string> SimulatorChild::start(const std::string& behaviour,
                                                                 std::uint32_t streams) {
  auto ca_file = make_file();
  if (!ca_file) return std::unexpected(ca_file.error());
  SimulateNotakeyOptions options;
  options.tls = true;
  options.write_ca_file = *ca_file;
  options.default_behaviour = behaviour;
  options.max_streams = streams;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return std::unexpected(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  const Descriptor read_end(ends[0]);
  Descriptor write_end(ends[1]);
  std::fflush(nullptr);  // or the child would print it once more
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return std::unexpected(fmt::format("cannot fork: {}", std::strerror(errno)));
  if (pid == 0) become_simulator(options, write_end.get(), parent);
  write_end = Descriptor();
  SimulatorChild child(pid, url_of(read_line(read_end.get())), *std::move(ca_file));
  if (child.origin_.empty()) return std::unexpected("the Notakey simulator did not start");
  return child;
}

SimulatorChild::SimulatorChild(pid_t pid, std::string origin, std::string ca_file)
    : pid_(pid), origin_(std::move(origin)), ca_file_(std::move(ca_file)) {}

SimulatorChild::SimulatorChild(SimulatorChild&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      origin_(std::move(other.origin_)),
      ca_file_(std::exchange(other.ca_file_, {})) {}

SimulatorChild::~SimulatorChild() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);  // it keeps nothing that a gentle end would save
  ::waitpid(pid_, nullptr, 0);
  ::unlink(ca_file_.c_str());
}

}  // namespace sallyport::lab
