#include "engine/daemon/takeover.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <iterator>
#include <span>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/config/environment.h"
#include "protocol/check.h"

namespace sallyport::daemon {
namespace {

using ring::FileDescriptor;

/// Both must mean the same by it all, radius_door::ReturnHeader included.
constexpr std::string_view kVersion = "sallyport takeover 3";
constexpr std::string_view kEnd = "end";
constexpr std::string_view kReady = "ready";
constexpr std::string_view kRefused = "refused ";
constexpr std::string_view kGo = "go";
constexpr std::string_view kVariable = "SALLYPORT_TAKEOVER";
/// The kernel takes 253 in one message (SCM_MAX_FD, net/core/scm.c).
constexpr std::size_t kDescriptorsAtOnce = 128;
/// Of a name, or of why the new process ends.
constexpr std::size_t kMaxTextOctets = 2048;
/// How long the other side may take for what needs no thought.
constexpr int kPatienceMs = 10'000;

std::string why() { return std::generic_category().message(errno); }

/// One message and its descriptors, which stay the caller's.
bool send_one(int socket, std::string_view text, std::span<const int> descriptors = {}) {
  CHECK(descriptors.size() <= kDescriptorsAtOnce);
  iovec octets{.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kDescriptorsAtOnce * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &octets;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  }
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

struct Received {
  std::string text;  ///< empty: the other side is gone, or silent for too long
  std::vector<FileDescriptor> descriptors;
};

Received receive_one(int socket, int at_most_ms) {
  Received received;
  pollfd readable{.fd = socket, .events = POLLIN, .revents = 0};
  if (::poll(&readable, 1, at_most_ms) <= 0) return received;
  std::array<char, kMaxTextOctets> text;
  iovec octets{.iov_base = text.data(), .iov_len = text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kDescriptorsAtOnce * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &octets;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  // Told once when the other side ended with our messages unread; its last one comes behind that.
  if (got < 0 && errno == ECONNRESET) got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (got <= 0) return received;
  received.text.assign(text.data(), static_cast<std::size_t>(got));
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t n = 0; n < (at->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++n) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(at) + n * sizeof(int), sizeof(int));
      received.descriptors.emplace_back(descriptor);
    }
  }
  return received;
}

bool send_sockets(int control, const NamedSockets& named) {
  std::vector<int> all;
  all.reserve(named.sockets.size());
  for (const FileDescriptor& socket : named.sockets) all.push_back(socket.get());
  std::size_t at = 0;
  do {
    const std::size_t count = std::min(kDescriptorsAtOnce, all.size() - at);
    if (!send_one(control, named.name, std::span(all).subspan(at, count))) return false;
    at += count;
  } while (at < all.size());
  return true;
}

/// The words in memory that another process can be handed.
FileDescriptor memory_with(std::span<const std::uint64_t> words) {
  FileDescriptor memory(::memfd_create("sallyport-takeover", MFD_CLOEXEC));
  const auto octets = std::as_bytes(words);
  for (std::size_t at = 0; memory.valid() && at < octets.size();) {
    const ssize_t put =
        ::pwrite(memory.get(), octets.data() + at, octets.size() - at, static_cast<off_t>(at));
    if (put <= 0) return {};
    at += static_cast<std::size_t>(put);
  }
  return memory;
}

std::vector<std::uint64_t> words_in(const FileDescriptor& memory) {
  struct stat status{};
  if (::fstat(memory.get(), &status) != 0) return {};
  std::vector<std::uint64_t> words(static_cast<std::size_t>(status.st_size) / 8);
  const auto octets = std::as_writable_bytes(std::span(words));
  for (std::size_t at = 0; at < octets.size();) {
    const ssize_t got =
        ::pread(memory.get(), octets.data() + at, octets.size() - at, static_cast<off_t>(at));
    if (got <= 0) return {};
    at += static_cast<std::size_t>(got);
  }
  return words;
}

/// Our environment, with what tells the new process of its end of the pair, and without what is
/// meant for our own process id: the watchdog's from now on is another's.
std::vector<std::string> environment_for(int control) {
  const std::string ours = fmt::format("{}=", kVariable);
  std::vector<std::string> all{fmt::format("{}{}", ours, control)};
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view entry = *at;
    if (!entry.starts_with("WATCHDOG_PID=") && !entry.starts_with(ours)) all.emplace_back(entry);
  }
  return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

// --- The old process -------------------------------------------------------------------------

std::expected<Successor, std::string> Successor::start(const std::string& program,
                                                       const std::string& config_path,
                                                       const std::vector<NamedSockets>& sockets) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return std::unexpected("cannot make a socket pair: " + why());
  FileDescriptor ours(pair[0]);
  const FileDescriptor theirs(pair[1]);

  std::vector<std::string> words{program, "run", "--config", config_path};
  std::vector<std::string> environment = environment_for(theirs.get());
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  // Onto itself: it outlives the exec (glibc 2.29 and later).
  ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), theirs.get());
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, program.c_str(), &actions, nullptr,
                                  pointers_to(words).data(), pointers_to(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return std::unexpected(
        fmt::format("cannot start {}: {}", program, std::generic_category().message(error)));
  }
  Successor successor(pid, std::move(ours));
  const int control = successor.control_.get();
  bool sent = send_one(control, kVersion);
  for (const NamedSockets& named : sockets) sent = sent && send_sockets(control, named);
  if (!sent || !send_one(control, kEnd)) return std::unexpected(successor.how_it_ended());
  return successor;
}

std::expected<void, std::string> Successor::wait_ready(std::chrono::milliseconds at_most,
                                                       const std::function<void()>& alive) {
  const auto until = std::chrono::steady_clock::now() + at_most;
  while (std::chrono::steady_clock::now() < until) {
    pollfd readable{.fd = control_.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&readable, 1, 1'000);
    alive();
    if (ready <= 0) continue;
    std::string said = receive_one(control_.get(), 0).text;
    if (said == kReady) return {};
    return std::unexpected(how_it_ended(std::move(said)));
  }
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  return std::unexpected("the new process was not ready in time");
}

bool Successor::go(const radius_door::Legacy& legacy) {
  std::vector<FileDescriptor> memories;
  std::vector<int> descriptors;
  for (const auto* words : {&legacy.requests, &legacy.clients, &legacy.downstreams, &legacy.coa}) {
    memories.push_back(memory_with(*words));
    descriptors.push_back(memories.back().get());
  }
  return send_one(control_.get(), kGo, descriptors);
}

// It must not live on, half started, beside us.
std::string Successor::how_it_ended(std::string last_words) {
  if (last_words.empty()) last_words = receive_one(control_.get(), 0).text;
  control_.reset();
  const std::string_view why = last_words.starts_with(kRefused)
                                   ? std::string_view(last_words).substr(kRefused.size())
                                   : "its own lines, on standard error, say why";
  int status = 0;
  for (int turn = 0; turn < kPatienceMs / 10; ++turn) {
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      return WIFEXITED(status)
                 ? fmt::format("the new process ended with status {}: {}", WEXITSTATUS(status), why)
                 : fmt::format("the new process was ended by signal {}", WTERMSIG(status));
    }
    ::usleep(10'000);
  }
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, &status, 0);
  return "the new process said nothing that we understand";
}

// --- The new process -------------------------------------------------------------------------

std::expected<std::unique_ptr<Predecessor>, std::string> Predecessor::find() {
  const config::Environment environment = config::process_environment();
  const auto variable = environment.find(kVariable);
  if (variable == environment.end()) return nullptr;
  const std::string& text = variable->second;
  int control = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), control);
  if (error != std::errc{} || end != text.data() + text.size() || control <= STDERR_FILENO)
    return std::unexpected(fmt::format("{} is no descriptor: unset it", kVariable));
  std::unique_ptr<Predecessor> found(new Predecessor(FileDescriptor(control)));
  ::fcntl(control, F_SETFD, FD_CLOEXEC);
  return found;
}

void Predecessor::refuse(std::string_view why) const {
  std::string text(kRefused);
  for (const char c : why.substr(0, kMaxTextOctets - kRefused.size())) text += c == '\n' ? ' ' : c;
  static_cast<void>(send_one(control_.get(), text));
}

std::expected<void, std::string> Predecessor::receive() {
  const int control = control_.get();
  if (receive_one(control, kPatienceMs).text != kVersion) {
    return std::unexpected(
        "cannot take over from a sallyport of another version: restart it instead");
  }
  for (;;) {
    Received received = receive_one(control, kPatienceMs);
    if (received.text == kEnd) return {};
    if (received.text.empty()) return std::unexpected("the process to take over from is gone");
    auto named = std::ranges::find(sockets_, received.text, &NamedSockets::name);
    if (named == sockets_.end())
      named = sockets_.insert(sockets_.end(), {.name = std::move(received.text), .sockets = {}});
    std::ranges::move(received.descriptors, std::back_inserter(named->sockets));
  }
}

std::vector<FileDescriptor> Predecessor::take(std::string_view name) {
  const auto named = std::ranges::find(sockets_, name, &NamedSockets::name);
  if (named == sockets_.end()) return {};
  std::vector<FileDescriptor> taken = std::move(named->sockets);
  sockets_.erase(named);
  return taken;
}

std::vector<std::string> Predecessor::names() const {
  std::vector<std::string> all;
  all.reserve(sockets_.size());
  for (const NamedSockets& named : sockets_) all.push_back(named.name);
  return all;
}

std::expected<radius_door::Legacy, std::string> Predecessor::wait_go() {
  const auto gone = [] { return std::unexpected(std::string("it is gone")); };
  if (!send_one(control_.get(), kReady)) return gone();
  const Received received = receive_one(control_.get(), kPatienceMs);
  if (received.text != kGo || received.descriptors.size() != 4) return gone();
  return radius_door::Legacy{.requests = words_in(received.descriptors[0]),
                             .clients = words_in(received.descriptors[1]),
                             .downstreams = words_in(received.descriptors[2]),
                             .coa = words_in(received.descriptors[3])};
}

bool Predecessor::alive() const noexcept {
  char octet;
  const ssize_t got = ::recv(control_.get(), &octet, sizeof octet, MSG_PEEK | MSG_DONTWAIT);
  return got > 0 || (got < 0 && errno == EAGAIN);
}

}  // namespace sallyport::daemon
