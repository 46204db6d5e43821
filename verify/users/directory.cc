#include "verify/users/directory.h"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "protocol/utf8.h"

namespace sallyport::verify {
namespace {

/// Exact and in its case: an id that differs in any octet is another user.
class ListDirectory final : public Directory {
 public:
  explicit ListDirectory(std::vector<User> users) : users_(std::move(users)) {
    std::ranges::sort(users_, {}, &User::id);
  }
  std::expected<std::optional<User>, std::string> find(std::string_view id) override {
    const auto found = std::ranges::lower_bound(users_, id, {}, &User::id);
    if (found == users_.end() || found->id != id) return std::nullopt;
    return *found;
  }

 private:
  std::vector<User> users_;
};

}  // namespace

bool is_user_id(std::string_view id) noexcept {
  if (id.empty() || id.size() > 253 || id.front() == ' ' || id.back() == ' ') return false;
  while (!id.empty()) {
    const Utf8Character character = decode_utf8(id);
    const bool control =
        character.point < 0x20 || (character.point >= 0x7f && character.point < 0xa0);
    if (character.octets == 0 || control) return false;
    id.remove_prefix(character.octets);
  }
  return true;
}

std::expected<std::unique_ptr<Directory>, std::string> make_directory(
    const ListDirectorySettings& settings) {
  for (const User& user : settings.users) {
    if (!is_user_id(user.id)) return std::unexpected("a user of a list has no id that can be one");
  }
  return std::make_unique<ListDirectory>(settings.users);
}

std::expected<std::optional<User>, std::string> Directories::find(std::string_view id) {
  if (!is_user_id(id)) return std::nullopt;
  std::string failed;
  for (const Named& named : directories_) {
    auto found = named.directory->find(id);
    if (!found) {
      spdlog::error("users: the directory {}: {}", named.name, found.error());
      failed = std::move(found.error());
    } else if (*found) {
      (*found)->after_failure = !failed.empty();
      return found;
    }
  }
  if (!failed.empty()) return std::unexpected(std::move(failed));
  return std::nullopt;
}

}  // namespace sallyport::verify
