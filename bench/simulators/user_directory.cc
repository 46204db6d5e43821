#include "bench/simulators/user_directory.h"

namespace sallyport::lab {
namespace {

std::optional<MsChapKey> key_of(const Secret& password) {
  auto key = MsChapKey::make(password.reveal());
  if (!key) return std::nullopt;
  return *key;
}

}  // namespace

UserDirectory::UserDirectory(UserPasswords users, std::optional<Secret> anybody)
    : users_(std::move(users)), anybody_(std::move(anybody)) {
  if (anybody_) {
    if (const auto key = key_of(*anybody_)) anybody_key_.emplace(*key);
  }
}

const Secret* UserDirectory::password_of(std::string_view user) const {
  if (!users_.empty()) {
    const auto found = users_.find(user);
    if (found != users_.end()) return &found->second;
  }
  return anybody_ ? &*anybody_ : nullptr;
}

std::optional<MsChapKey> UserDirectory::mschap_key_of(std::string_view user) const {
  const Secret* const password = password_of(user);
  if (password == nullptr) return std::nullopt;
  if (anybody_ && password == &*anybody_) return anybody_key_;
  return key_of(*password);
}

}  // namespace sallyport::lab
