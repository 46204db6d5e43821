#include "engine/http/whitelists.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/ring/file_descriptor.h"
#include "verify/clock.h"

extern char** environ;

namespace sallyport::http_door {
namespace {

constexpr std::uint64_t kCommandMs = 10'000;
constexpr std::size_t kMaxOutput = std::size_t{64} << 20;

std::string why(int error) { return std::generic_category().message(error); }

/// What the command prints, without a shell. Killed when it takes longer than kCommandMs.
std::expected<std::string, std::string> run(const std::vector<std::string>& command) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return std::unexpected(why(errno));
  const ring::FileDescriptor out(pipe[0]);
  ring::FileDescriptor in(pipe[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, in.get(), 1);
  posix_spawnattr_t attributes;  // our threads block all signals; the child must not inherit that
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t child = 0;
  const int spawned =
      ::posix_spawnp(&child, words[0], &actions, &attributes, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  in = ring::FileDescriptor();
  if (spawned != 0) return std::unexpected("cannot run " + command[0] + ": " + why(spawned));

  std::string text;
  std::string problem;
  const std::uint64_t until_ms = verify::monotonic_ns() / 1'000'000 + kCommandMs;
  for (;;) {
    const std::uint64_t now_ms = verify::monotonic_ns() / 1'000'000;
    pollfd ready{.fd = out.get(), .events = POLLIN, .revents = 0};
    const int polled =
        now_ms >= until_ms ? 0 : ::poll(&ready, 1, static_cast<int>(until_ms - now_ms));
    if (polled < 0 && errno == EINTR) continue;
    if (polled <= 0) {
      problem = command[0] + " took longer than 10 s";
      break;
    }
    std::array<char, 65'536> part;
    const ssize_t octets = ::read(out.get(), part.data(), part.size());
    if (octets == 0) break;
    if (octets < 0) {
      problem = why(errno);
      break;
    }
    text.append(part.data(), static_cast<std::size_t>(octets));
    if (text.size() > kMaxOutput) {
      problem = command[0] + " printed more than 64 MiB";
      break;
    }
  }
  if (!problem.empty()) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!problem.empty()) return std::unexpected(problem);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return std::unexpected(command[0] + " ended with an error");
  }
  return text;
}

std::expected<std::string, std::string> contents(const std::string& path) {
  errno = 0;
  const std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || (file.rdbuf()->sgetc() != EOF && !(text << file.rdbuf()))) {
    return std::unexpected("cannot read " + path + ": " + why(errno == 0 ? EIO : errno));
  }
  return std::move(text).str();
}

}  // namespace

std::expected<std::vector<Prefix>, std::string> Whitelists::read(
    const config::HttpWhitelist& list) {
  const std::string name = "the whitelist " + list.name + ": ";
  if (list.file.empty() && list.command.empty()) return list.addresses;
  const auto text = list.file.empty() ? run(list.command) : contents(list.file);
  if (!text) return std::unexpected(name + text.error());
  auto prefixes = read_address_list(*text);
  if (!prefixes) {
    const ListMistake& first = prefixes.error().front();
    return std::unexpected(name + (list.file.empty() ? list.command[0] : list.file) + ":" +
                           std::to_string(first.line) + ": " + first.text);
  }
  return std::move(*prefixes);
}

std::expected<Whitelists, std::string> Whitelists::open(
    const std::vector<config::HttpWhitelist>& config, std::uint64_t now_ms) {
  Whitelists all;
  for (const config::HttpWhitelist& list : config) {
    std::unique_ptr<ring::TlsFiles> file;
    if (!list.file.empty()) file = std::make_unique<ring::TlsFiles>(std::vector{list.file});
    auto addresses = read(list);
    if (!addresses) return std::unexpected(std::move(addresses.error()));
    all.lists_.push_back({.config = list,
                          .addresses = std::move(*addresses),
                          .file = std::move(file),
                          .due_ms = now_ms + list.interval_ms});
  }
  all.rebuild();
  return all;
}

void Whitelists::rebuild() {
  std::vector<AddressSet::Entry> entries;
  for (std::size_t index = 0; index < lists_.size(); ++index) {
    for (const Prefix& prefix : lists_[index].addresses) {
      entries.push_back({.prefix = prefix, .value = static_cast<std::uint32_t>(index)});
    }
  }
  set_ = std::make_shared<const AddressSet>(std::move(entries));
}

bool Whitelists::refresh(std::uint64_t now_ms, std::vector<std::string>& problems) {
  bool changed = false;
  for (List& list : lists_) {
    if (list.file != nullptr) {
      if (!list.file->changed()) continue;
    } else if (!list.config.command.empty()) {
      if (now_ms < list.due_ms) continue;
      list.due_ms = now_ms + list.config.interval_ms;
    } else {
      continue;
    }
    auto addresses = read(list.config);
    if (!addresses) {
      problems.push_back(std::move(addresses.error()) + "; it stays as it was");
    } else if (*addresses != list.addresses) {
      list.addresses = std::move(*addresses);
      changed = true;
    }
  }
  if (changed) rebuild();
  return changed;
}

}  // namespace sallyport::http_door
