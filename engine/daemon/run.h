#pragma once
// `sallyport run`: from the configuration to the last signal.

#include "engine/config/command_line.h"

namespace sallyport::daemon {

/// Exit status of every command (docs/operations.md).
enum ExitStatus : int {
  kExitOk = 0,
  kExitNotOk = 1,      ///< mistakes in the configuration; `status`: any state but OK
  kExitUsage = 2,      ///< wrong words on the command line
  kExitNoStart = 3,    ///< the configuration is good, but the machine did not let us start
  kExitLostAudit = 4,  ///< stopped as asked, but audit records could not be written
};

/// Runs until SIGTERM or SIGINT.
[[nodiscard]] ExitStatus run(const config::RunCommand& command);

}  // namespace sallyport::daemon
