// Users that a program of the operator's knows. It is given the id on its standard input, or as
// last argument, and prints one user as JSON, or nothing for one it does not know.

#include <algorithm>

#include <spdlog/spdlog.h>

#include "verify/process.h"
#include "verify/users/directory.h"
#include "verify/users/json_users.h"

namespace sallyport::verify {
namespace {

class CommandDirectory final : public Directory {
 public:
  explicit CommandDirectory(CommandDirectorySettings settings) : settings_(std::move(settings)) {}

  std::expected<std::optional<User>, std::string> find(std::string_view id) override {
    std::vector<std::string> command = settings_.command;
    std::string input;
    if (settings_.use_stdin) {
      input.assign(id).push_back('\n');
    } else if (id.starts_with('-')) {
      // An id that a program could take for an option is nobody's: "--" helps only with programs
      // that know it.
      return std::nullopt;
    } else {
      command.emplace_back(id);
    }
    const auto printed = run_process(command, input, {.timeout_ms = settings_.timeout_ms});
    if (!printed) return std::unexpected(printed.error());
    const bool nothing = std::ranges::all_of(
        *printed, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
    if (nothing) return std::nullopt;
    auto user = read_user(*printed);
    if (!user) return std::unexpected(settings_.command[0] + " prints no user: " + user.error());
    return std::move(*user);
  }

 private:
  const CommandDirectorySettings settings_;
};

}  // namespace

std::expected<std::unique_ptr<Directory>, std::string> make_directory(
    const CommandDirectorySettings& settings) {
  if (settings.command.empty() || !settings.command[0].starts_with('/')) {
    return std::unexpected("the command of a directory begins with an absolute path");
  }
  return std::make_unique<CommandDirectory>(settings);
}

}  // namespace sallyport::verify
