// Users from a JSON file. Looked at with each question: whether it is another file, or the same
// with another content, so that an editor's rename is seen as well as a write.

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <system_error>
#include <tuple>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include "verify/file_text.h"
#include "verify/users/directory.h"
#include "verify/users/json_users.h"

namespace sallyport::verify {
namespace {

std::string why(int error) { return std::generic_category().message(error); }

/// What tells one state of a file from another.
struct FileState {
  dev_t device = 0;
  ino_t inode = 0;
  off_t octets = 0;
  std::int64_t changed_ns = 0;
  bool operator==(const FileState&) const = default;
};

std::expected<FileState, int> state_of(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return std::unexpected(errno);
  return FileState{.device = status.st_dev,
                   .inode = status.st_ino,
                   .octets = status.st_size,
                   .changed_ns = status.st_mtim.tv_sec * 1'000'000'000LL + status.st_mtim.tv_nsec};
}

class FileDirectory final : public Directory {
 public:
  explicit FileDirectory(std::string path) : path_(std::move(path)) {}

  /// What is wrong with the file; empty: nothing.
  [[nodiscard]] std::string load() {
    const auto state = state_of(path_);
    if (!state) return fmt::format("cannot read {}: {}", path_, why(state.error()));
    if (*state == state_) return {};
    const auto text = read_file(path_);
    if (!text) return text.error();
    // Half a file, or a mistake: it is read again once it changes, and until then nobody is lost.
    state_ = *state;
    auto users = read_users(*text);
    if (!users) return fmt::format("{}: {}", path_, users.error());
    users_ = std::move(*users);
    std::ranges::sort(users_, {}, &User::id);
    return {};
  }

  std::expected<std::optional<User>, std::string> find(std::string_view id) override {
    const std::scoped_lock lock(mutex_);
    if (const std::string problem = load(); !problem.empty() && problem != told_) {
      spdlog::error("users: {}; those known so far stay", problem);
      told_ = problem;
    } else if (problem.empty()) {
      told_.clear();
    }
    const auto found = std::ranges::lower_bound(users_, id, {}, &User::id);
    if (found == users_.end() || found->id != id) return std::nullopt;
    return *found;
  }

 private:
  const std::string path_;
  std::mutex mutex_;
  FileState state_;
  std::vector<User> users_;  ///< by id
  std::string told_;         ///< the problem that the log has already
};

}  // namespace

std::expected<std::unique_ptr<Directory>, std::string> make_directory(
    const FileDirectorySettings& settings) {
  auto directory = std::make_unique<FileDirectory>(settings.path);
  if (std::string problem = directory->load(); !problem.empty()) {
    return std::unexpected(std::move(problem));
  }
  return directory;
}

}  // namespace sallyport::verify
