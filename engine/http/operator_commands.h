#pragma once
// What an operator may tell the daemon, as lines of the control socket (control.h): words between
// tabs.
//
//     grants-add ADDRESS USER SECONDS REASON      0 seconds: access_duration
//     grants-list      grants-list-user USER      grants-list-address ADDRESS
//     grants-end ID    grants-end-user USER       grants-end-address ADDRESS      grants-end-all
//     users-show USER  users-unlock USER          users-reset-otp USER  users-reset-passkeys USER
//     users-register-otp USER                     answers with an otpauth URL, shown once
//
// An answer begins with "ok" or "error: …"; lines of a list follow: a grant's are id, address,
// user, since, until (milliseconds of Unix time), by and reason.

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/http/grant_book.h"
#include "verify/gate/gate.h"

namespace sallyport::http_door {

/// What operators do with users; the gate's. Any thread; may wait for the store.
class UserCommands {
 public:
  virtual ~UserCommands() = default;
  /// Lines "key: value".
  [[nodiscard]] virtual std::string show(std::string_view user) = 0;
  [[nodiscard]] virtual verify::Changed unlock(std::string_view user) = 0;
  [[nodiscard]] virtual verify::Changed reset_otp(std::string_view user) = 0;
  [[nodiscard]] virtual verify::Changed reset_passkeys(std::string_view user) = 0;
  /// Of a user who has no authenticator app.
  [[nodiscard]] virtual verify::Registered register_otp(std::string_view user) = 0;
};

/// Those of a gate.
class UsersOfGate final : public UserCommands {
 public:
  explicit UsersOfGate(verify::Gate& gate) : gate_(gate) {}
  [[nodiscard]] std::string show(std::string_view user) override { return gate_.show_user(user); }
  [[nodiscard]] verify::Changed unlock(std::string_view user) override {
    return gate_.unlock_user(user);
  }
  [[nodiscard]] verify::Changed reset_otp(std::string_view user) override {
    return gate_.reset_otp(user);
  }
  [[nodiscard]] verify::Changed reset_passkeys(std::string_view user) override {
    return gate_.reset_passkeys(user);
  }
  [[nodiscard]] verify::Registered register_otp(std::string_view user) override {
    return gate_.register_otp(user);
  }

 private:
  verify::Gate& gate_;
};

struct OperatorWorld {
  GrantBook& grants;
  UserCommands* users = nullptr;  ///< none: there is no gate
  AuditEvents& audit;
  std::uint64_t now_ms = 0;     ///< Unix time
  std::uint64_t access_ms = 0;  ///< of a grant that says 0 seconds
};

/// The users-… commands alone.
[[nodiscard]] std::string obey_about_users(std::string_view line, std::string_view who,
                                           UserCommands& users, AuditEvents& audit,
                                           std::uint64_t now_ms);

/// Does what the line says, and returns the answer. `who`: for the audit log. May wait for the
/// store.
[[nodiscard]] std::string obey(std::string_view line, std::string_view who,
                               const OperatorWorld& world);

}  // namespace sallyport::http_door
