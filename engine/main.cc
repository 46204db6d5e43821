// The command line of sallyport. Each command is a few lines over the part that does it.

#include <cstdio>
#include <exception>
#include <expected>
#include <optional>
#include <string>
#include <variant>

#include <fmt/format.h>

#include "engine/admin/grants_text.h"
#include "engine/admin/status_client.h"
#include "engine/admin/status_text.h"
#include "engine/config/command_line.h"
#include "engine/config/control_socket.h"
#include "engine/config/doorman.h"
#include "engine/config/load.h"
#include "engine/config/reference.h"
#include "engine/config/report.h"
#include "engine/daemon/run.h"
#include "engine/http/control.h"

namespace sallyport {
namespace {

int execute(const config::RunCommand& command) { return daemon::run(command); }

int execute(const config::CheckCommand& command) {
  const config::CheckReport report = config::check_file(command.config_path);
  fmt::print(report.exit_status == 0 ? stdout : stderr, "{}", report.text);
  return report.exit_status;
}

/// Where the daemon's admin listener is, or why we cannot know.
std::expected<Endpoint, std::string> admin_address(const config::StatusCommand& command) {
  if (command.admin) return *command.admin;
  const std::string path = command.config_path.value_or("");
  const auto loaded = config::load_file(path);
  if (!loaded) return std::unexpected(config::mistakes_text(loaded.error()));
  const std::optional<Endpoint>& listen = loaded->config.admin.listen;
  if (listen) return *listen;
  return std::unexpected(
      fmt::format("{} has no [admin] listen: without it a daemon cannot be asked\n", path));
}

int execute(const config::StatusCommand& command) {
  const auto admin = admin_address(command);
  if (!admin) {
    fmt::print(stderr, "{}", admin.error());
    return daemon::kExitNotOk;
  }
  const Endpoint asked = admin::reachable(*admin);
  const auto report = admin::read_status(admin::fetch_status(asked), asked.text());
  fmt::print("{}", command.json ? report.json : admin::human_text(report));
  return admin::exit_status(report);
}

int execute(const config::OperatorCommand& command) {
  auto path = std::expected<std::string, std::string>(command.socket);
  if (command.socket.empty()) path = config::find_control_socket(command.config_path);
  const auto answer = path ? http_door::ask_control(*path, command.line) : path;
  if (!answer || !answer->starts_with("ok\n")) {
    fmt::print(stderr, "sallyport: {}\n", answer ? *answer : answer.error());
    return daemon::kExitNotOk;
  }
  const std::string_view lines = std::string_view(*answer).substr(3);
  switch (command.print) {
    case config::OperatorCommand::Print::text: fmt::print("{}", lines); break;
    case config::OperatorCommand::Print::grants:
      fmt::print("{}", admin::grants_table(lines));
      break;
    case config::OperatorCommand::Print::grants_json:
      fmt::print("{}", admin::grants_json(lines));
      break;
  }
  return daemon::kExitOk;
}

int execute(const config::ConfigCommand& command) {
  switch (command.print) {
    case config::ConfigCommand::Print::markdown:
      fmt::print("{}", config::reference_markdown());
      break;
    case config::ConfigCommand::Print::example: fmt::print("{}", config::example_toml()); break;
  }
  return daemon::kExitOk;
}

int execute(const config::ConvertCommand& command) {
  const config::ConvertReport report = config::convert_doorman_file(command.path, command.to);
  fmt::print("{}", report.output);
  fmt::print(stderr, "{}", report.notes);
  return report.exit_status;
}

int execute(const config::VersionCommand&) {
  fmt::print("sallyport {}\n", SALLYPORT_VERSION);
  return daemon::kExitOk;
}

int execute(const config::Said& said) {
  fmt::print(said.exit_status == 0 ? stdout : stderr, "{}", said.text);
  return said.exit_status;
}

}  // namespace
}  // namespace sallyport

int main(int argc, char** argv) {
  try {
    const auto command = sallyport::config::parse_command_line(argc, argv);
    sallyport::config::scrub_arguments(argc, argv);
    return std::visit([](const auto& chosen) { return sallyport::execute(chosen); }, command);
  } catch (const std::exception& error) {
    // Only memory that cannot be had at start comes here; once ready nothing of ours throws.
    fmt::print(stderr, "sallyport: cannot start: {}\n", error.what());
    return sallyport::daemon::kExitNoStart;
  }
}
