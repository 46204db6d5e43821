#include "engine/http/control.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace sallyport::http_door {
namespace {

constexpr std::size_t kMaxLine = 4096;
constexpr std::size_t kMaxAnswer = std::size_t{256} << 20;
/// For all that the other side has to say, or to take. The daemon's: other operators wait
/// meanwhile.
constexpr std::chrono::milliseconds kPatience{500};
/// The operator's: the daemon may be reading a list of a million addresses.
constexpr std::chrono::seconds kOperatorsPatience{20};

std::string why(int error) { return std::generic_category().message(error); }

bool fill(sockaddr_un& address, const std::string& path) {
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return false;
  std::memcpy(address.sun_path, path.data(), path.size());
  return true;
}

/// When patience ends, and what is left of it.
class Deadline {
 public:
  explicit Deadline(std::chrono::milliseconds patience)
      : at_(std::chrono::steady_clock::now() + patience) {}
  /// False: not ready in time.
  [[nodiscard]] bool wait(int fd, short events) const {
    pollfd ready{.fd = fd, .events = events, .revents = 0};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        at_ - std::chrono::steady_clock::now());
    return ::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) > 0;
  }

 private:
  std::chrono::steady_clock::time_point at_;
};

/// Reads to a newline, or to the end when `to_end`.
std::string read_text(int fd, bool to_end, std::size_t most, const Deadline& deadline) {
  std::string text;
  std::array<char, 4096> part;
  while (text.size() < most && (to_end || !text.ends_with('\n'))) {
    if (!deadline.wait(fd, POLLIN)) break;
    const ssize_t octets = ::recv(fd, part.data(), part.size(), 0);
    if (octets <= 0) break;
    text.append(part.data(), static_cast<std::size_t>(octets));
  }
  return text;
}

void send_text(int fd, std::string_view text, const Deadline& deadline) {
  while (!text.empty()) {
    if (!deadline.wait(fd, POLLOUT)) return;
    const ssize_t octets = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (octets <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(octets));
  }
}

/// The user at the other end, if he may ask.
std::optional<uid_t> who_may_ask(int fd) {
  ucred peer{};
  socklen_t octets = sizeof(peer);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &octets) != 0) return std::nullopt;
  if (peer.uid != 0 && peer.uid != ::geteuid()) return std::nullopt;
  return peer.uid;
}

}  // namespace

std::expected<ControlSocket, std::string> ControlSocket::open(const std::string& path) {
  const auto cannot = [&path](const std::string& what) {
    return std::unexpected("cannot make the control socket " + path + ": " + what +
                           ": correct http.control_socket");
  };
  sockaddr_un address{};
  if (!fill(address, path)) return cannot("the path is too long");
  ControlSocket control;
  control.socket_ =
      ring::FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  const mode_t before = ::umask(0177);
  int bound = ::bind(control.socket_.get(), name, sizeof(address));
  if (bound != 0 && errno == EADDRINUSE) {
    // One that a dead process left answers nobody; one that is alive is not ours to take.
    const ring::FileDescriptor asking(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    struct stat status{};
    errno = 0;
    if (::stat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode)) {
      errno = ENOTSOCK;
    } else if (::connect(asking.get(), name, sizeof(address)) != 0 && errno == ECONNREFUSED &&
               ::unlink(path.c_str()) == 0) {
      bound = ::bind(control.socket_.get(), name, sizeof(address));
    } else {
      errno = EADDRINUSE;
    }
  }
  const int error = errno;
  ::umask(before);
  if (bound != 0)
    return cannot(error == ENOTSOCK ? "a file that is no socket lies there" : why(error));
  control.path_ = path;
  if (::listen(control.socket_.get(), 16) != 0) return cannot(why(errno));
  return control;
}

ControlSocket ControlSocket::take(const std::string& path, ring::FileDescriptor socket) {
  ControlSocket control;
  control.socket_ = std::move(socket);
  control.path_ = path;
  return control;
}

ControlSocket::~ControlSocket() {
  if (socket_.valid() && !path_.empty()) static_cast<void>(::unlink(path_.c_str()));
}

void ControlSocket::serve(const Answer& answer) {
  const ring::FileDescriptor peer(
      ::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!peer.valid()) return;
  const auto user = who_may_ask(peer.get());
  if (!user) {
    return send_text(peer.get(), "error: only root and sallyport's user\n", Deadline(kPatience));
  }
  const std::string line = read_text(peer.get(), false, kMaxLine, Deadline(kPatience));
  const std::string text = line.ends_with('\n')
                               ? answer(line, "operator uid=" + std::to_string(*user))
                               : "error: the line is not complete\n";
  send_text(peer.get(), text, Deadline(kPatience));
}

std::expected<std::string, std::string> ask_control(const std::string& path,
                                                    std::string_view line) {
  sockaddr_un address{};
  if (!fill(address, path)) return std::unexpected("the path is too long: " + path);
  const ring::FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return std::unexpected("no daemon answers at " + path + ": " + why(errno));
  }
  const Deadline deadline(kOperatorsPatience);
  send_text(socket.get(), std::string(line) + "\n", deadline);
  std::string answer = read_text(socket.get(), true, kMaxAnswer, deadline);
  if (answer.empty()) return std::unexpected("the daemon at " + path + " gives no answer");
  return answer;
}

}  // namespace sallyport::http_door
