#pragma once
// The words after `sallyport`: argv becomes one of a few commands, or a text to print and an exit
// status. Nothing is read from disk here and nothing is started. Wrong words end with status 2 and
// a suggestion; a word that may be a secret is never repeated. CLI11 stays inside the .cc.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/config/environment.h"
#include "engine/config/ntkp.h"
#include "protocol/ip_address.h"

namespace sallyport::config {

/// `run`: from a file, or else from NtkP's options (ntkp.h).
struct RunCommand {
  std::optional<std::string> config_path;  ///< set: the file is all; `ntkp` is empty
  NtkpOptions ntkp;                        ///< from_ntkp() adds the environment
  std::vector<std::string> warnings;       ///< for the log, once it is up
};

/// `check`: report on a file and exit.
struct CheckCommand {
  std::string config_path;
};

/// `status`: ask the daemon that runs. Exactly one of the two says where it is.
struct StatusCommand {
  std::optional<Endpoint> admin;
  std::optional<std::string> config_path;  ///< its [admin] listen
  bool json = false;
};

/// `grants` and `users`: a line for the daemon that runs. Exactly one of the two says where it is.
struct OperatorCommand {
  enum class Print : std::uint8_t {
    text,         ///< the answer as it is
    grants,       ///< it lists grants: as a table
    grants_json,  ///< the same as JSON
  };
  std::string config_path;  ///< its [http] control_socket
  std::string socket;       ///< path
  std::string line;         ///< for the control socket (engine/http/operator_commands.h)
  Print print = Print::text;
};

/// `config`: print the reference or an example file.
struct ConfigCommand {
  enum class Print : std::uint8_t { markdown, example };
  Print print = Print::example;
};

/// `convert doorman`: write another program's configuration as one of ours.
struct ConvertCommand {
  std::string path;  ///< doorman's or Caddy's JSON
  std::string to;    ///< a new file; empty: standard output
};

struct VersionCommand {};

/// Help that was asked for (status 0, for standard output) or wrong words (status 2, for standard
/// error).
struct Said {
  int exit_status = 0;
  std::string text;
};

using Command = std::variant<RunCommand, CheckCommand, StatusCommand, OperatorCommand,
                             ConfigCommand, ConvertCommand, VersionCommand, Said>;

[[nodiscard]] Command parse_command_line(int argc, const char* const* argv,
                                         const Environment& environment = process_environment());

/// Overwrites the values of secret options in place with 'x', so that /proc/PID/cmdline stops
/// showing them. Call it right after parse_command_line.
void scrub_arguments(int argc, char** argv) noexcept;

}  // namespace sallyport::config
