#pragma once
// User directories: who a user is and where messages reach him. Four kinds: list, file, LDAP,
// command. They are asked in their order; one that fails does not stop the next.

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/secret.h"

namespace sallyport::verify {

/// UTF-8 texts; empty: not known.
struct User {
  std::string id;  ///< as the directory spells it: what grants, registrations and logs carry
  std::string name;
  std::string mail;
  std::string mobile;
  std::string telephone;
  std::string language;  ///< "de"; of his messages
  std::vector<std::string> groups;
  bool after_failure = false;  ///< a directory that comes before could not be asked about him

  /// Where a short message goes.
  [[nodiscard]] const std::string& number() const noexcept {
    return mobile.empty() ? telephone : mobile;
  }
  bool operator==(const User&) const = default;
};

struct ListDirectorySettings {
  std::vector<User> users;
};
struct FileDirectorySettings {
  std::string path;  ///< a JSON array of objects; read anew on change, also by rename
};
struct LdapDirectorySettings {
  std::vector<std::string> urls;  ///< ldap://host:port, ldaps://…, tried in their order
  bool start_tls = false;
  bool verify_certificate = true;
  std::string ca_file;  ///< PEM; empty: the system's
  std::string bind_dn;  ///< empty: anonymous
  Secret bind_password;
  std::string search_base;
  std::string user_attribute = "uid";
  std::string filter;  ///< further condition: "(memberOf=cn=vpn,dc=example)"; empty: none
  std::string name_attribute = "displayName";
  std::string mail_attribute = "mail";
  std::string mobile_attribute = "mobile";
  std::string telephone_attribute;
  std::string group_attribute;  ///< "memberOf": the groups' names; empty: none
  std::string language_attribute = "preferredLanguage";
  std::uint32_t timeout_ms = 5'000;  ///< of one operation
  std::uint32_t connections = 4;     ///< kept and used at once
};
struct CommandDirectorySettings {
  std::vector<std::string> command;  ///< absolute path, arguments; no shell
  bool use_stdin = true;             ///< the user id on standard input; else the last argument
  std::uint32_t timeout_ms = 5'000;  ///< then it is killed with all that it started
};

/// One directory. Any thread; find() may wait up to the directory's timeout.
class Directory {
 public:
  virtual ~Directory() = default;
  /// Nothing: it does not know the user. An error is a sentence for the log, without secrets.
  [[nodiscard]] virtual std::expected<std::optional<User>, std::string> find(
      std::string_view id) = 0;
};

// An error is one line that says what to mend. LDAP and command are not asked for it.
[[nodiscard]] std::expected<std::unique_ptr<Directory>, std::string> make_directory(
    const ListDirectorySettings& settings);
[[nodiscard]] std::expected<std::unique_ptr<Directory>, std::string> make_directory(
    const FileDirectorySettings& settings);
[[nodiscard]] std::expected<std::unique_ptr<Directory>, std::string> make_directory(
    const LdapDirectorySettings& settings);
[[nodiscard]] std::expected<std::unique_ptr<Directory>, std::string> make_directory(
    const CommandDirectorySettings& settings);

/// A user id that can be one: 1..253 octets of valid UTF-8 without controls, no white space at its
/// ends. Others are never looked up.
[[nodiscard]] bool is_user_id(std::string_view id) noexcept;

/// Several in their order.
class Directories final : public Directory {
 public:
  struct Named {
    std::string name;  ///< for the log
    std::unique_ptr<Directory> directory;
  };
  explicit Directories(std::vector<Named> directories) : directories_(std::move(directories)) {}
  /// The first that knows him. One that fails is logged and passed over; an error only if none
  /// knew him and one failed. User::after_failure says so where another did.
  [[nodiscard]] std::expected<std::optional<User>, std::string> find(std::string_view id) override;

 private:
  std::vector<Named> directories_;
};

}  // namespace sallyport::verify
