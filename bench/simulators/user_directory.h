#pragma once
// Whose password is what, for the small RADIUS server. Immutable; shared by its threads.

#include <optional>
#include <string_view>

#include "bench/load/workload/mschap.h"
#include "bench/simulators/user_file.h"
#include "protocol/secret.h"

namespace sallyport::lab {

class UserDirectory {
 public:
  /// `anybody`: the password of all users that are not in `users`; empty: there are no others.
  explicit UserDirectory(UserPasswords users, std::optional<Secret> anybody = std::nullopt);

  /// Null: unknown.
  [[nodiscard]] const Secret* password_of(std::string_view user) const;
  /// What MS-CHAP makes of it. Nothing: unknown, or a password that MS-CHAP cannot have.
  [[nodiscard]] std::optional<MsChapKey> mschap_key_of(std::string_view user) const;

 private:
  UserPasswords users_;
  std::optional<Secret> anybody_;
  std::optional<MsChapKey> anybody_key_;  ///< made once: under load all users have this password
};

}  // namespace sallyport::lab
