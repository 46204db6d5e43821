#include "engine/log/output.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sallyport::log {
namespace {

using ring::FileDescriptor;

/// poll() promises room for this much in a pipe; a longer write could hang (pipe(7)).
constexpr std::size_t kChunkOctets = PIPE_BUF;

/// For standard error, when lines go elsewhere: what is told there is worth no wait.
constexpr std::chrono::milliseconds kPatienceBeside{100};

std::expected<FileDescriptor, std::string> open_file(const std::string& path) {
  // O_NONBLOCK: a FIFO without a reader must not hold up the start; it fails with ENXIO instead.
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640);
  if (fd >= 0) return FileDescriptor(fd);
  return std::unexpected(
      fmt::format("cannot open the log file {}: {}", path, std::generic_category().message(errno)));
}

bool takes_more(int descriptor, std::chrono::milliseconds patience) noexcept {
  pollfd now{.fd = descriptor, .events = POLLOUT, .revents = 0};
  return ::poll(&now, 1, static_cast<int>(patience.count())) == 1 && (now.revents & POLLOUT) != 0;
}

}  // namespace

Output::Output(std::string path, ring::FileDescriptor file)
    : path_(std::move(path)), file_(std::move(file)) {
  struct stat status{};
  regular_ = ::fstat(descriptor(), &status) == 0 && S_ISREG(status.st_mode);
  terminal_ = ::isatty(descriptor()) == 1;
}

std::expected<std::unique_ptr<Output>, std::string> Output::open(std::string path) {
  ring::FileDescriptor file;
  if (!path.empty()) {
    auto opened = open_file(path);
    if (!opened) return std::unexpected(std::move(opened.error()));
    file = std::move(*opened);
  }
  return std::unique_ptr<Output>(new Output(std::move(path), std::move(file)));
}

std::expected<void, std::string> Output::reopen() {
  if (path_.empty()) return {};
  auto opened = open_file(path_);
  if (!opened) return std::unexpected(std::move(opened.error()));
  const std::scoped_lock lock(mutex_);
  file_ = std::move(*opened);
  stalled_ = false;
  torn_ = false;
  return {};
}

int Output::descriptor() const noexcept { return file_.valid() ? file_.get() : STDERR_FILENO; }

bool Output::writable(std::chrono::milliseconds patience) const noexcept {
  return regular_ || takes_more(descriptor(), patience);
}

void Output::tell_beside(std::string_view message) const noexcept {
  constexpr std::string_view kBegin = "sallyport: ";
  if (path_.empty() || !takes_more(STDERR_FILENO, kPatienceBeside)) return;
  std::array<char, kChunkOctets> line;
  std::size_t size = kBegin.copy(line.data(), line.size());
  size += message.copy(line.data() + size, line.size() - size - 1);
  line[size++] = '\n';
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), size);
}

std::size_t Output::write(std::string_view lines, std::chrono::milliseconds patience) noexcept {
  const std::scoped_lock lock(mutex_);
  std::size_t out = 0;
  while (out < lines.size()) {
    if (!writable(stalled_ ? std::chrono::milliseconds(0) : patience)) break;
    if (torn_ && ::write(descriptor(), "\n", 1) != 1) break;
    torn_ = false;
    const std::size_t rest = lines.size() - out;
    const std::size_t chunk = regular_ ? rest : std::min(rest, kChunkOctets);
    const ssize_t written = ::write(descriptor(), lines.data() + out, chunk);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;  // ENOSPC, EDQUOT, EIO, EPIPE, EAGAIN: the caller decides
    out += static_cast<std::size_t>(written);
    stalled_ = false;
  }
  if (out == lines.size()) return out;
  stalled_ = true;
  const std::size_t whole = out == 0 ? 0 : lines.rfind('\n', out - 1) + 1;  // npos + 1 is 0
  torn_ = torn_ || whole < out;
  return whole;
}

}  // namespace sallyport::log
